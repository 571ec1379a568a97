from pathlib import Path

import pytest

from components.common import cpu
from components.common.cpu import multiplies_bfloat16


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fma avx2 avx512f", False),
        ("fma avx2 avx512f avx512_bf16", False),
        ("avx2 amx_tile amx_bf16", True),
    ],
)
def test_a_cpu_with_amx_multiplies_bfloat16(flags: str, expected: bool, tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\nmodel name\t: avx512_bf16 in a name\nflags\t\t: {flags}\n\nprocessor\t: 1\n")
    assert multiplies_bfloat16(info) == expected
    assert not multiplies_bfloat16(tmp_path / "none")


@pytest.mark.parametrize(("faster", "auto"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_what_the_cpu_is_faster_with(faster: bool, auto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "multiplies_bfloat16", lambda: faster)
    given = ("auto", "float32", "bfloat16")
    assert [cpu.resolved_precision(setting) for setting in given] == [auto, "float32", "bfloat16"]

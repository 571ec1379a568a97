from pathlib import Path

import pytest

from components.common import cpu


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fma avx2 avx512f", "float32"),
        ("fma avx2 avx512f avx512_bf16", "float32"),
        ("avx2 amx_tile amx_bf16", "bfloat16"),
    ],
)
def test_auto_takes_bfloat16_where_the_cpu_multiplies_it(flags: str, expected: str, tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\nmodel name\t: avx512_bf16 in a name\nflags\t\t: {flags}\n\nprocessor\t: 1\n")
    assert cpu.resolved_precision("auto", info) == expected
    assert [cpu.resolved_precision(setting, info) for setting in ("float32", "bfloat16")] == ["float32", "bfloat16"]


def test_auto_is_float32_where_nothing_tells(tmp_path: Path) -> None:
    assert cpu.resolved_precision("auto", tmp_path / "none") == "float32"

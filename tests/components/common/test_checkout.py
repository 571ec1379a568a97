import sys
from pathlib import Path

import pytest

from components.common.checkout import COMMAND, ROOT, started_as


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["python", "pipeline_runner.py", "run"], (sys.executable, str(ROOT / "pipeline_runner.py"))),
        (["python", "-m", "pytest", "-v"], (sys.executable, str(ROOT / "pipeline_runner.py"))),
        (["python", "-m", "pipeline", "run"], (sys.executable, "-m", "pipeline")),
    ],
)
def test_a_program_is_started_again_as_it_was(
    typed: list[str], expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", typed)
    monkeypatch.setattr(sys, "argv", ["something else"])
    assert started_as() == expected


def test_the_installed_command_is_called_by_its_name_where_the_path_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / COMMAND
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "orig_argv", ["python", str(script), "run"])
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    assert started_as() == (str(script),)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert started_as() == (COMMAND,)

"""What is pushed answers in the oldest TensorFlow that docs/serving.md promises, alone, as it does in this one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.tasks import TASKS
from tests.checkout import ROOT
from tests.task_runs import ran, write_run
from tests.toys import write_toy_run

OLDEST = ROOT / ".venv-oldest" / "bin" / "python"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not OLDEST.exists(), reason="needs `make oldest`: an environment of TensorFlow 2.14.1 alone"),
]


def answers(python: Path | str, model: str) -> tuple[str, Any]:
    command = [str(python), "-I", str(ROOT / "tests" / "answers.py"), model]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found["tensorflow"], found["answers"]


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return pytest.approx(value, abs=1e-5, nan_ok=True) if isinstance(value, float) else value


@pytest.mark.parametrize("task", sorted(TASKS))
def test_all_signatures_give_the_same_in_the_oldest_tensorflow(
    task: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if task == "classification":
        config = write_toy_run(tmp_path)
    else:
        config = write_run(tmp_path, task, steps=1)
        text = config.read_text().replace("epochs = 10\n", "")
        config.write_text(text[: text.index("[gate")])
    status, record, err = ran(config, tmp_path / "root", capfd)
    assert status == 0, err
    version, oldest = answers(OLDEST, record["pushed"])
    assert version == "2.14.1"
    current = answers(sys.executable, record["pushed"])[1]
    assert {"serving_default", "token_ids", "tokenize"} <= current.keys()
    assert oldest == rounded(current)

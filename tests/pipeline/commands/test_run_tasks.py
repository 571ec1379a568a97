"""Each task through the whole pipeline on toy data: a good model is pushed and predicts, a bad one is refused."""

from pathlib import Path

import pytest

from components.tasks import TASKS
from tests.task_runs import check_pushed, check_refused, check_suspects, predicted, ran, write_run

pytestmark = pytest.mark.slow

# Classification's runs are in `runners/test_local.py`, the others' in `runners/test_kubeflow_runs.py`.
HERE = sorted(TASKS.keys() - {"classification", "tagging", "answering", "generation"})


@pytest.mark.parametrize("task", HERE)
def test_a_good_model_is_pushed_and_a_bad_one_refused(
    task: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    status, record, err = ran(write_run(tmp_path, task), tmp_path / "root", capfd)
    assert status == 0, err or record
    check_pushed(task, record, tmp_path, capfd)
    check_suspects(task, record, tmp_path, capfd)
    check_refused(task, tmp_path, tmp_path / "root", capfd)


def test_a_classifier_of_chinese_texts_is_pushed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, record, err = ran(write_run(tmp_path, "classification"), tmp_path / "root", capfd)
    assert status == 0, err or record
    assert [row["label"] for row in predicted(record["pushed"], capfd, "电影很好好", "这部坏坏。")] == ["good", "bad"]

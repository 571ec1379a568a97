"""Whose rows `report` and `mistakes` show where nobody says it."""

from pathlib import Path
from typing import Any, NoReturn

import pytest

import pipeline_runner
from pipeline.commands import asked_models
from tests.pipeline.reports import made_up


class Asked(Exception):  # noqa: N818
    """In place of a model's answers."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers_of(record: Any, split: str, most: int | None) -> NoReturn:
        raise Asked(split)

    monkeypatch.setattr(asked_models, "answers_of", answers_of)


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("command", ["report", "mistakes"])
def test_rows_by_which_the_gate_decided_are_shown_or_those_that_are_asked_for(command: str, tmp_path: Path) -> None:
    for name, evaluation, shown in (
        ("plain", made_up.summary(["bad", "good"], [[1, 1], [0, 2]]), "dev"),
        ("held", made_up.summary(["bad", "good"], [[1, 1], [0, 2]], split="gate"), "gate"),
    ):
        directory = tmp_path / name / "runs" / "20261128-093000"
        directory.mkdir(parents=True)
        rows = {"train": 80, "dev": 20, "gate": 20}
        made_up.record(directory, rows=rows, evaluations={"dev": evaluation}).write()
        for given, split in ((), shown), (("--split", "dev"), "dev"):
            with pytest.raises(Asked) as found:
                pipeline_runner.main([command, name, "--root", str(tmp_path), *given])
            assert str(found.value) == split

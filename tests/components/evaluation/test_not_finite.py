"""A model whose answers are not numbers never passes a gate, whatever is gated."""

import math
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import find_input_error
from components.evaluation.tfma_summary import read_summary
from components.settings.gate import Gate
from components.tasks import Task
from components.tasks.classification import Classification
from components.tasks.multilabel import Multilabel
from components.tasks.regression import Regression
from components.verdict.verdict import verdict
from tests.components.evaluation.raw_data import analyse

LABELS = ("bad", "good")

RIGHT: dict[str, tuple[Task, list[Any], list[list[float]], str]] = {
    "classification": (Classification(LABELS), [0, 0, 1], [[0.9, 0.1], [0.8, 0.2], [0.2, 0.8]], "accuracy"),
    "multilabel": (
        Multilabel(LABELS, threshold=0.5),
        [[0, 0], [1, 0], [1, 1]],
        [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]],
        "micro_f1",
    ),
    "regression": (Regression(), [1.0, 2.0, 3.0], [[1.0], [2.0], [3.0]], "spearman"),
}
"""Task -> the task, labels, predictions that are right, and what is gated."""


def blessed(name: str, folder: Path, candidate: list[Any], baseline: list[Any]) -> bool:
    task, labels, _, metric = RIGHT[name]
    columns = {
        "label_target": labels,
        "text_length": ["short"] * len(labels),
        "candidate's": candidate,
        "baseline's": baseline,
    }
    summary = read_summary(analyse(folder, task, columns, []), task)
    return bool(verdict(Gate(min={metric: 0.6}), task, summary, "dev")["blessed"])


@pytest.mark.parametrize("name", RIGHT)
def test_one_row_whose_answer_is_no_number_stops_the_evaluation(name: str, tmp_path: Path) -> None:
    right = RIGHT[name][2]
    assert blessed(name, tmp_path / "right", right, right)
    for value, shown in ((math.nan, "nan"), (math.inf, "inf")):
        wrong = [[value] * len(right[0]), *right[1:]]
        numbers = ", ".join([shown] * len(right[0]))
        for candidate, baseline, whose, remedy in (
            (wrong, right, "the model", "Its training diverged, or"),
            (right, wrong, "the model in production", "Roll back to another version."),
        ):
            with pytest.raises(Exception, match=numbers) as caught:
                blessed(name, tmp_path / "wrong", candidate, baseline)
            message = str(find_input_error(caught.value))
            assert message.startswith(f"{whose}: its answer to a row is [{numbers}], not numbers. {remedy}")

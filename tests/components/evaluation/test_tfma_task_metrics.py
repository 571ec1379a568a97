"""Metrics that a task computes of all rows, through TFMA: regression by hand, rows of any length for tagging."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import tasks
from components.evaluation.tfma_summary import read_summary
from components.settings.gate import Gate
from components.tasks import Task
from components.tasks.regression import Regression
from components.tasks.tagging import Tagging
from components.verdict.verdict import verdict
from tests.components.evaluation.raw_data import analyse


def test_a_slice_has_the_metrics_of_its_rows_and_an_error_drops_upwards(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "label_target": [1.0, 2.0, 3.0, 4.0],
        "source": ["a", "a", "b", "b"],
        "text_length": ["short"] * 4,
        "candidate's": [[1.0], [3.0], [2.0], [5.0]],
        "baseline's": [[1.0], [2.0], [3.0], [5.0]],
    }
    thresholds = Gate(min={"spearman": 0.8}, max={"mae": 0.75}, max_drop={"mae": 0.25, "spearman": 0.2, "r2": 1.0})
    found = read_summary(analyse(tmp_path, Regression(), columns, ["source"]), Regression())
    assert (found["headline"], found["per_label"], found["labels"]) == (["spearman", "pearson", "mae", "r2"], [], [])
    assert found["confusion"] == {}
    metrics = found["metrics"]["candidate"]
    assert metrics[""] == pytest.approx(
        {
            "example_count": 4,
            "spearman": 0.8,
            "pearson": 5.5 / math.sqrt(5 * 8.75),
            "mae": 0.75,
            "r2": 1 - 3 / 5,
        }
    )
    # Two rows each: 1 and 2 predicted as 1 and 3; 3 and 4 as 2 and 5.
    assert metrics["source=a"] == pytest.approx(
        {"example_count": 2, "spearman": 1, "pearson": 1, "mae": 0.5, "r2": 1 - 1 / 0.5}
    )
    assert metrics["source=b"] == pytest.approx(
        {"example_count": 2, "spearman": 1, "pearson": 1, "mae": 1.0, "r2": 1 - 2 / 0.5}
    )
    assert found["metrics"]["baseline"][""]["mae"] == 0.25
    said = verdict(thresholds, Regression(), {**found, "baseline_version": "7"}, "dev")
    assert said["reasons"] == ["mae is 0.7500, 0.5000 worse than 0.2500 in production; allowed: 0.25"]
    assert said["blessed"] is False


def test_a_gate_holds_what_was_measured_before_and_slices_do_not_have_it(tmp_path: Path) -> None:
    task = Tagging(("LOC",))
    columns: dict[str, list[Any]] = {
        "label_target": [[1, 0], [0, 1]],
        "source": ["a", "b"],
        "text_length": ["short"] * 2,
        "candidate's": [[1.0, 0.0], [0.0, 1.0]],
        "baseline's": [[1.0, 0.0], [0.0, 1.0]],
    }
    thresholds = Gate(min={"raw_text_f1": 0.8, "f1": 0.9}, max_drop={"raw_text_f1": 0.1})
    served = {"raw_text_f1": {"candidate": 0.75, "baseline": 0.9}}
    summary = read_summary(analyse(tmp_path, task, columns, ["source"], served), task)
    found = summary["metrics"]
    assert (found["candidate"][""]["f1"], found["candidate"][""]["raw_text_f1"]) == (1.0, 0.75)
    assert found["baseline"][""]["raw_text_f1"] == 0.9
    assert "f1" in found["candidate"]["source=a"]
    assert "raw_text_f1" not in found["candidate"]["source=a"]
    said = verdict(thresholds, task, {**summary, "baseline_version": "7"}, "dev")
    assert said["blessed"] is False
    assert sorted(said["reasons"]) == [
        "raw_text_f1 is 0.7500, 0.1500 worse than 0.9000 in production; allowed: 0.1",
        "raw_text_f1 is 0.7500, required: at least 0.8",
    ]


def computed(task: Task, rows: list[tuple[list[float], list[float]]], parts: int) -> dict[str, float]:
    """What the computations behind the metrics make of (label, prediction) rows that came to several workers."""
    from tensorflow_model_analysis.metrics import metric_types

    from components.evaluation.tfma_task_metrics import TaskMetrics

    gathered, derived = TaskMetrics(tasks.to_dict(task)).computations()
    combiner: Any = gathered.combiner
    accumulators = [combiner.create_accumulator() for _ in range(parts)]
    for number, (label, prediction) in enumerate(rows):
        inputs = metric_types.StandardMetricInputs(
            label=np.array(label), prediction=np.array(prediction, np.float32), example_weight=np.array([1.0])
        )
        accumulators[number % parts] = combiner.add_input(accumulators[number % parts], inputs)
    found = derived.result(combiner.extract_output(combiner.merge_accumulators(accumulators)))
    return {key.name: value for key, value in found.items()}


ROWS: list[tuple[list[float], list[float]]] = [([1, 2, 0], [1, 2, 0, -1]), ([0], [1]), ([3, 0], [3])]
"""Ids of tags and those predicted, of 3, 1 and 2 words: of 3 entities predicted 2 are right, of 6 words 5."""


@pytest.mark.parametrize("parts", [1, 2])
def test_rows_of_any_length_are_gathered_from_all_workers(parts: int) -> None:
    of_all = {"precision": 2 / 3, "recall": 1.0, "f1": 0.8, "token_accuracy": 5 / 6}
    of_loc = {"precision/LOC": 0.5, "recall/LOC": 1.0, "f1/LOC": 2 / 3}
    of_per = {"precision/PER": 1.0, "recall/PER": 1.0, "f1/PER": 1.0}
    assert computed(Tagging(("LOC", "PER")), ROWS, parts) == pytest.approx({**of_all, **of_loc, **of_per})


def test_a_slice_without_rows_has_no_value() -> None:
    found = computed(Regression(), [], 1)
    assert list(found) == ["spearman", "pearson", "mae", "r2"]
    assert all(map(math.isnan, found.values()))


def test_one_row_has_an_error_and_no_correlation() -> None:
    assert computed(Regression(), [([2.0], [3.5])], 1) == {"spearman": 0.0, "pearson": 0.0, "mae": 1.5, "r2": 0.0}

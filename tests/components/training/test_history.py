import json
from pathlib import Path

import pytest

from components.training.history import Evaluation, History, best, is_exhausted


def history(values: list[float], best_step: int) -> History:
    evaluations = [Evaluation(step, value, 1.0) for step, value in enumerate(values, 1)]
    return History(
        steps=9,
        trainable_parameters=3,
        parameters=4,
        metric="accuracy",
        evaluations=evaluations,
        best_step=best_step,
    )


def test_of_equal_accuracies_the_smaller_loss_is_better() -> None:
    assert Evaluation(1, 0.5, 1.0).better_than(None)
    assert Evaluation(2, 0.6, 2.0).better_than(Evaluation(1, 0.5, 1.0))
    assert Evaluation(2, 0.5, 0.9).better_than(Evaluation(1, 0.5, 1.0))
    assert not Evaluation(2, 0.5, 1.0).better_than(Evaluation(1, 0.5, 1.0))


def test_of_a_metric_that_is_better_when_lower_the_smaller_value_is_better_and_among_equals_the_smaller_loss() -> None:
    assert Evaluation(2, 0.4, 2.0).better_than(Evaluation(1, 0.5, 1.0), higher_is_better=False)
    assert not Evaluation(2, 0.6, 0.5).better_than(Evaluation(1, 0.5, 1.0), higher_is_better=False)
    assert Evaluation(2, 0.5, 0.9).better_than(Evaluation(1, 0.5, 1.0), higher_is_better=False)


def test_the_best_evaluation_is_that_of_the_best_step() -> None:
    assert best(history([], 0)) is None
    assert best(history([0.5, 0.7, 0.6], 2)) == Evaluation(2, 0.7, 1.0)


@pytest.mark.parametrize(
    ("best_step", "patience", "exhausted"),
    [(3, 1, False), (2, 1, True), (2, 2, False), (1, 2, True), (1, None, False)],
)
def test_patience_counts_the_evaluations_since_the_best(best_step: int, patience: int | None, exhausted: bool) -> None:
    assert is_exhausted(history([0.1, 0.2, 0.3], best_step), patience) is exhausted


def test_a_history_is_written_as_json(tmp_path: Path) -> None:
    history([0.25], 1).write(tmp_path / "history.json")
    found = json.loads((tmp_path / "history.json").read_text())
    assert found["evaluations"] == [{"step": 1, "value": 0.25, "loss": 1.0}]
    assert (found["steps"], found["parameters"], found["best_step"], found["metric"]) == (9, 4, 1, "accuracy")

from typing import Any

import pytest

from components.common.errors import InputError
from components.evaluation import eval_config, gate
from components.settings.gate import Gate
from components.tasks.classification import Classification

LABELS = ("bad", "good")

TASK, UNKNOWN = Classification(LABELS), Classification()


def check(task: Classification, **thresholds: dict[str, float]) -> None:
    gate.check(Gate(**thresholds), task, "run.toml: [gate]")


@pytest.mark.parametrize(
    ("thresholds", "task", "message"),
    [
        ({}, UNKNOWN, "the gate has no absolute threshold. Add at least one, say `min = { accuracy = 0.8 }`"),
        ({"max_drop": {"accuracy": 0.1}}, UNKNOWN, "the gate has no absolute threshold"),
        ({"min": {"acuracy": 0.8}}, UNKNOWN, "gate.min names the unknown metric 'acuracy'. Known: accuracy, macro_f1"),
        ({"min": {"accuracy/good": 0.8}}, UNKNOWN, "gate.min names the unknown metric 'accuracy/good'"),
        ({"min": {"recall": 0.8}}, UNKNOWN, "gate.min names the unknown metric 'recall'"),
        ({"min": {"recall/": 0.8}}, UNKNOWN, "gate.min names the unknown metric 'recall/'"),
        (
            {"min": {"accuracy": 0.8}, "max_drop": {"rank": 0.1}},
            UNKNOWN,
            "gate.max_drop names the unknown metric 'rank'",
        ),
        ({"min": {"recall/ugly": 0.8}}, TASK, "gate.min names 'recall/ugly', the labels are bad, good"),
        ({"min": {"loss": 0.8}}, UNKNOWN, "gate.min bounds loss, which is better when lower. Use gate.max"),
        ({"max": {"f1/good": 0.8}}, TASK, "gate.max bounds f1/good, which is better when higher. Use gate.min"),
    ],
)
def test_a_gate_that_cannot_hold_is_refused(
    thresholds: dict[str, dict[str, float]], task: Classification, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        check(task, **thresholds)
    assert str(caught.value).startswith(f"run.toml: [gate]: {message}")


def test_a_gate_of_known_metrics_is_accepted() -> None:
    check(TASK, min={"accuracy": 0.8, "precision/good": 0.5}, max={"loss": 1.0}, max_drop={"loss": 0.1, "auc": 0.0})
    check(UNKNOWN, min={"recall/whatever train shows": 0.5})


def test_a_threshold_on_a_class_the_data_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match="it names 'f1/ugly', the labels are bad, good"):
        eval_config.eval_config(TASK, [], Gate(min={"f1/ugly": 0.5}))


def thresholds(given: Gate | None) -> dict[str, list[Any]]:
    """Metric -> its thresholds, as TFMA is told them."""
    config = eval_config.eval_config(TASK, ["source"], given)
    found: dict[str, list[Any]] = {}
    for specs in config.metrics_specs:
        for metric in specs.metrics:
            if metric.per_slice_thresholds:
                name = metric.config.split('"name": "')[1].split('"')[0]
                found[name] = list(metric.per_slice_thresholds)
    return found


def test_a_class_without_rows_has_no_part_in_the_average_of_auc() -> None:
    config = eval_config.eval_config(TASK, [], None, absent=frozenset(LABELS[1:2]))
    (averaged,) = [specs for specs in config.metrics_specs if specs.aggregate.macro_average]
    assert [metric.class_name for metric in averaged.metrics] == ["AUC"]
    weights = dict(averaged.aggregate.class_weights)
    assert weights == {index: float(index != 1) for index in range(len(LABELS))}


def test_without_a_gate_there_is_no_threshold() -> None:
    assert thresholds(None) == {}


def test_a_threshold_is_on_all_rows_and_forgives_a_millionth() -> None:
    found = thresholds(Gate(min={"accuracy": 0.9}, max={"loss": 0.5}, max_drop={"accuracy": 0.02, "loss": 0.1}))
    assert set(found) == {"accuracy", "loss"}
    for (per_slice,) in found.values():
        assert [list(spec.feature_keys) for spec in per_slice.slicing_specs] == [[]]
    (accuracy,), (loss,) = found["accuracy"], found["loss"]
    assert accuracy.threshold.value_threshold.lower_bound.value == pytest.approx(0.899999, abs=1e-12)
    assert not accuracy.threshold.value_threshold.HasField("upper_bound")
    assert accuracy.threshold.change_threshold.absolute.value == pytest.approx(-0.020001, abs=1e-12)
    assert loss.threshold.value_threshold.upper_bound.value == pytest.approx(0.500001, abs=1e-12)
    assert loss.threshold.change_threshold.absolute.value == pytest.approx(0.100001, abs=1e-12)


def test_metrics_are_sliced_by_the_columns_carried_along_and_by_the_length() -> None:
    config = eval_config.eval_config(TASK, ["source", "year"], None)
    assert [list(spec.feature_keys) for spec in config.slicing_specs] == [[], ["source"], ["year"], ["text_length"]]

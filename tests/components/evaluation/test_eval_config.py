"""The EvalConfig of a task and a gate: which metrics, sliced by what, with which thresholds."""

import importlib
import json
from typing import Any

import pytest

from components import tasks
from components.common.errors import InputError
from components.evaluation.eval_config import build_eval_config
from components.settings.gate import Gate
from components.tasks import TASKS, Task
from components.tasks.classification import Classification
from components.tasks.multilabel import Multilabel
from components.tasks.regression import Regression
from components.tasks.tagging import Tagging

LABELS = ("bad", "good")

TASK = Classification(LABELS)


def test_a_threshold_on_a_class_the_data_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match="it names 'f1/ugly', the labels are bad, good"):
        build_eval_config(TASK, [], Gate(min={"f1/ugly": 0.5}))


def metrics_of(config: Any) -> dict[str, dict[str, Any]]:
    """Class of each metric that is computed -> what it is made with."""
    metrics = [metric for specs in config.metrics_specs for metric in specs.metrics if metric.class_name != "Bound"]
    return {metric.class_name: json.loads("{" + metric.config + "}") for metric in metrics}


def thresholds(given: Gate | None, task: Task = TASK, **more: Any) -> dict[str, list[Any]]:
    """Metric -> its thresholds, of those that have one."""
    config = build_eval_config(task, ["source"], given, **more)
    metrics = [metric for specs in config.metrics_specs for metric in specs.metrics if metric.per_slice_thresholds]
    assert {(metric.module, metric.class_name) for metric in metrics} <= {("components.evaluation.bound", "Bound")}
    return {json.loads("{" + metric.config + "}")["name"]: list(metric.per_slice_thresholds) for metric in metrics}


def test_classes_have_tfmas_metrics_and_one_for_all_that_follow_from_counts() -> None:
    assert metrics_of(build_eval_config(TASK, [], None)) == {
        "ExampleCount": {},
        "SparseCategoricalAccuracy": {"name": "accuracy"},
        "SparseCategoricalCrossentropy": {"name": "loss"},
        "ClassMetrics": {"task": json.loads(json.dumps(tasks.to_dict(TASK)))},
        "MultiClassConfusionMatrixPlot": {},
    }


def test_the_configuration_has_as_many_metrics_for_many_classes_as_for_two() -> None:
    many = Classification(tuple(map(str, range(1000))))
    gate = Gate(min={"accuracy": 0.5, "f1/0": 0.5}, max_drop={"f1/0": 0.1})
    assert metrics_of(build_eval_config(many, [], gate)).keys() == metrics_of(build_eval_config(TASK, [], None)).keys()
    assert thresholds(gate, many).keys() == {"accuracy", "f1/0"}


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if not task.single_label])
def test_other_tasks_have_one_metric_for_all_that_they_compute(name: str) -> None:
    task = TASKS[name](LABELS if TASKS[name].has_label_names else ())
    served = {name: {"candidate": 0.5} for name in task.served_metrics}
    assert metrics_of(build_eval_config(task, [], None, served)) == {
        "ExampleCount": {},
        "TaskMetrics": {"task": json.loads(json.dumps(tasks.to_dict(task))), "served": served},
    }


def test_a_metric_that_is_not_measured_cannot_be_gated_and_one_that_is_can() -> None:
    task, gate = Tagging(("LOC",)), Gate(min={"raw_text_f1": 0.7})
    with pytest.raises(InputError, match="it names 'raw_text_f1'"):
        build_eval_config(task, [], gate)
    assert thresholds(gate, task, served={"raw_text_f1": {"candidate": 0.75}}).keys() == {"raw_text_f1"}


@pytest.mark.parametrize("task", [TASK, Multilabel(LABELS, threshold=0.25)], ids=lambda task: task.name)
def test_what_computes_our_metrics_can_be_loaded_by_the_name_in_the_config(task: Task) -> None:
    specs = build_eval_config(task, [], Gate(min={"macro_f1": 0.5})).metrics_specs
    ours = [metric for spec in specs for metric in spec.metrics if metric.module]
    assert len(ours) == 2
    for metric in ours:
        given = json.loads("{" + metric.config + "}")
        made = getattr(importlib.import_module(metric.module), metric.class_name)(**given).get_config()
        assert {key: made[key] for key in given} == given


def test_candidate_and_baseline_are_called_through_the_same_signatures() -> None:
    candidate, baseline = build_eval_config(TASK, [], None).model_specs
    assert (candidate.name, candidate.is_baseline) == ("candidate", False)
    assert (baseline.name, baseline.is_baseline) == ("baseline", True)
    for spec in (candidate, baseline):
        assert (spec.signature_name, spec.label_key) == ("predict_examples", "label_target")
        assert list(spec.preprocessing_function_names) == ["transform_features"]
        assert spec.prediction_key == "probabilities"


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
    config = build_eval_config(TASK, ["source", "year"], None)
    assert [list(spec.feature_keys) for spec in config.slicing_specs] == [[], ["source"], ["year"], ["text_length"]]


def test_a_metric_drops_downwards_or_if_it_is_better_when_lower_upwards() -> None:
    found = thresholds(Gate(max_drop={"mae": 0.5, "r2": 0.25}), Regression())
    (mae,), (r2,) = found["mae"], found["r2"]
    directions = type(mae.threshold.change_threshold).DESCRIPTOR.fields_by_name["direction"].enum_type.values_by_name
    assert mae.threshold.change_threshold.direction == directions["LOWER_IS_BETTER"].number
    assert mae.threshold.change_threshold.absolute.value == pytest.approx(0.500001, abs=1e-12)
    assert r2.threshold.change_threshold.direction == directions["HIGHER_IS_BETTER"].number
    assert r2.threshold.change_threshold.absolute.value == pytest.approx(-0.250001, abs=1e-12)


def test_a_metric_of_a_label_drops_downwards() -> None:
    ((f1,),) = thresholds(Gate(max_drop={"f1/good": 0.5})).values()
    assert f1.threshold.change_threshold.absolute.value == pytest.approx(-0.500001, abs=1e-12)
    assert not f1.threshold.HasField("value_threshold")

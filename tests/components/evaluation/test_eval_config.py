"""The EvalConfig of a task: which metrics, of which models, sliced by what."""

import importlib
import json
from typing import Any

import pytest

from components import tasks
from components.evaluation.eval_config import build_eval_config
from components.tasks import TASKS, Task
from components.tasks.classification import Classification
from components.tasks.multilabel import Multilabel

LABELS = ("bad", "good")

TASK = Classification(LABELS)


def metrics_of(config: Any) -> dict[str, dict[str, Any]]:
    """Class of each metric -> what it is made with."""
    metrics = [metric for specs in config.metrics_specs for metric in specs.metrics]
    return {metric.class_name: json.loads("{" + metric.config + "}") for metric in metrics}


def given(task: Task) -> dict[str, Any]:
    """A task as the config has it."""
    return {"task": json.loads(json.dumps(tasks.to_dict(task)))}


def test_classes_have_tfmas_metrics_and_one_for_all_that_follow_from_counts() -> None:
    assert metrics_of(build_eval_config(TASK, [])) == {
        "ExampleCount": {},
        "SparseCategoricalAccuracy": {"name": "accuracy"},
        "SparseCategoricalCrossentropy": {"name": "loss"},
        "ClassMetrics": given(TASK),
        "MultiClassConfusionMatrixPlot": {},
        "Estimates": {"tasks": {"candidate": given(TASK)["task"]}, "confidence": 0.95},
    }


def test_the_configuration_has_as_many_metrics_for_many_classes_as_for_two() -> None:
    many = Classification(tuple(map(str, range(1000))))
    assert metrics_of(build_eval_config(many, [])).keys() == metrics_of(build_eval_config(TASK, [])).keys()


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if not task.single_label])
def test_other_tasks_have_one_metric_for_all_that_they_compute(name: str) -> None:
    task = TASKS[name](LABELS if TASKS[name].has_label_names else ())
    served = {name: {"candidate": 0.5} for name in task.served_metrics}
    assert metrics_of(build_eval_config(task, [], served=served)) == {
        "ExampleCount": {},
        "TaskMetrics": {**given(task), "served": served},
        "Estimates": {"tasks": {"candidate": given(task)["task"]}, "confidence": 0.95},
    }


def test_a_model_that_decides_otherwise_is_measured_by_its_own_task() -> None:
    task, before = Multilabel(LABELS, threshold=(0.2, 0.6)), Multilabel(LABELS)
    found = metrics_of(build_eval_config(task, [], ["candidate", "baseline"], baseline=before))
    assert found["TaskMetrics"]["baseline"] == given(before)["task"]
    assert found["Estimates"]["tasks"] == {"candidate": given(task)["task"], "baseline": given(before)["task"]}


@pytest.mark.parametrize("task", [TASK, Multilabel(LABELS, threshold=0.25)], ids=lambda task: task.name)
def test_what_computes_our_metrics_can_be_loaded_by_the_name_in_the_config(task: Task) -> None:
    specs = build_eval_config(task, []).metrics_specs
    ours = [metric for spec in specs for metric in spec.metrics if metric.module]
    assert len(ours) == 2
    for metric in ours:
        of_config = json.loads("{" + metric.config + "}")
        made = getattr(importlib.import_module(metric.module), metric.class_name)(**of_config).get_config()
        assert {key: made[key] for key in of_config} == of_config


def test_candidate_and_baseline_are_called_through_the_same_signatures() -> None:
    candidate, baseline = build_eval_config(TASK, [], ["candidate", "baseline"]).model_specs
    assert (candidate.name, candidate.is_baseline) == ("candidate", False)
    assert (baseline.name, baseline.is_baseline) == ("baseline", True)
    for spec in (candidate, baseline):
        assert (spec.signature_name, spec.label_key) == ("predict_examples", "label_target")
        assert list(spec.preprocessing_function_names) == ["transform_features"]
        assert spec.prediction_key == "probabilities"


def test_metrics_are_sliced_by_the_columns_carried_along_and_by_the_length() -> None:
    config = build_eval_config(TASK, ["source", "year"])
    assert [list(spec.feature_keys) for spec in config.slicing_specs] == [[], ["source"], ["year"], ["text_length"]]

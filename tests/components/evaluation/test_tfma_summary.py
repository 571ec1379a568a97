"""The summary and the verdict of an evaluation of five rows, computed by hand."""

import math
from typing import Any

import pytest

from components.evaluation.tfma_summary import read_summary
from components.settings.gate import Gate
from components.tasks.classification import Classification
from components.verdict.verdict import verdict
from tests.components.evaluation.raw_data import analyse

TASK = Classification(("bad", "good"))

GATE = Gate(
    min={"accuracy": 0.8, "recall/good": 0.7},
    max={"loss": 0.5},
    max_drop={"accuracy": 0.1, "macro_f1": 0.2},
)

OF_ALL_ROWS = {"differences", "flips", "ece"}

TARGETS = [0, 1, 1, 0, 1]

GOOD = [0.1, 0.8, 0.3, 0.4, 0.6]
"""The candidate's probability of `good`: it takes the third row for a bad one. The baseline is always right."""


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> str:
    columns: dict[str, list[Any]] = {
        "label_target": TARGETS,
        "source": ["a", "a", "b", "b", "c"],
        "text_length": ["short"] * 5,
        "candidate's": [[1 - good, good] for good in GOOD],
        "baseline's": [[1.0 - target, float(target)] for target in TARGETS],
    }
    return analyse(tmp_path_factory.mktemp("evaluation"), TASK, columns, ["source"])


@pytest.fixture(scope="module")
def found(evaluation: str) -> dict[str, Any]:
    return read_summary(evaluation, TASK)


def test_a_metric_that_is_no_number_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.proto import metrics_for_slice_pb2

    measured = metrics_for_slice_pb2.MetricsForSlice()
    for name, value in {"accuracy": 0.5, "auc": math.nan, "loss": math.inf}.items():
        item = measured.metric_keys_and_values.add()
        item.key.name, item.value.double_value.value = name, value
    monkeypatch.setattr(tfma, "load_metrics", lambda _: [measured])
    monkeypatch.setattr(tfma, "load_plots", lambda _: [])
    assert read_summary("", TASK)["metrics"] == {"candidate": {"": {"accuracy": 0.5}}}


def test_the_summary_names_task_labels_and_metrics(found: dict[str, Any]) -> None:
    assert set(found) == {"task", "labels", "headline", "per_label", "metrics", "confusion", "intervals", *OF_ALL_ROWS}
    assert found["task"] == "classification"
    assert found["labels"] == ["bad", "good"]
    assert found["headline"] == ["accuracy", "macro_f1", "auc", "mcc", "loss"]
    assert found["per_label"] == ["precision", "recall", "f1"]


def test_the_metrics_of_all_rows_are_those_computed_by_hand(found: dict[str, Any]) -> None:
    assert found["metrics"]["candidate"][""] == pytest.approx(
        {
            "example_count": 5,
            "accuracy": 4 / 5,
            "precision/bad": 2 / 3,
            "recall/bad": 1.0,
            "f1/bad": 4 / 5,
            "precision/good": 1.0,
            "recall/good": 2 / 3,
            "f1/good": 4 / 5,
            "macro_f1": 4 / 5,
            "mcc": 2 * 2 / math.sqrt(2 * 3 * 2 * 3),
            # Of the six pairs of a good row and a bad one, 0.3 and 0.4 are in the wrong order.
            "auc": 5 / 6,
            "loss": -(math.log(0.9) + math.log(0.8) + math.log(0.3) + 2 * math.log(0.6)) / 5,
        },
        abs=1e-6,
    )
    assert found["metrics"]["baseline"][""]["accuracy"] == 1.0


def test_confusion_is_counted_by_actual_and_then_by_predicted_class(found: dict[str, Any]) -> None:
    assert found["confusion"] == {"candidate": [[2, 0], [1, 2]], "baseline": [[2, 0], [0, 3]]}


def test_a_slice_has_the_metrics_of_its_rows(found: dict[str, Any]) -> None:
    slices = found["metrics"]["candidate"]
    assert set(slices) == {"", "source=a", "source=b", "source=c", "text_length=short"}
    assert [slices[f"source={name}"]["accuracy"] for name in "abc"] == [1.0, 0.5, 1.0]
    assert [slices[f"source={name}"]["example_count"] for name in "abc"] == [2, 2, 1]
    assert slices["source=b"]["mcc"] == 0.0
    assert slices["text_length=short"] == slices[""]


def test_a_slice_without_rows_of_a_class_has_no_auc(found: dict[str, Any]) -> None:
    for model in ("candidate", "baseline"):
        slices = found["metrics"][model]
        assert [name for name in slices if "auc" not in slices[name]] == ["source=c"]


def test_every_number_of_all_rows_and_of_a_slice_has_an_interval_around_it(found: dict[str, Any]) -> None:
    for model in ("candidate", "baseline"):
        for name, values in found["metrics"][model].items():
            ends = found["intervals"][model][name]
            assert ends.keys() == values.keys() - {"example_count"}, name
            assert all(ends[metric][0] <= values[metric] + 1e-6 for metric in ends)
            assert all(values[metric] - 1e-6 <= ends[metric][1] for metric in ends)
    low, high = proportion_confint(4, 5)
    assert found["intervals"]["candidate"][""]["accuracy"] == pytest.approx([low, high], abs=1e-6)


def proportion_confint(part: int, whole: int) -> tuple[float, float]:
    """Wilson's interval of 95%, as in Brown, Cai & DasGupta 2001, equation 4."""
    z = 1.959963984540054
    middle = (part + z * z / 2) / (whole + z * z)
    half = z / (whole + z * z) * math.sqrt(part * (whole - part) / whole + z * z / 4)
    return middle - half, middle + half


def test_two_models_are_compared_row_by_row(found: dict[str, Any]) -> None:
    assert found["flips"] == [1, 5]
    low, high = found["differences"]["accuracy"]
    # One row of five is lost.
    assert -0.7 < low < -0.2 < 0 < high < 0.4
    assert found["differences"]["loss"][1] < 0


def test_every_bound_that_is_missed_is_a_reason_and_one_just_met_is_not(found: dict[str, Any]) -> None:
    said = verdict(GATE, TASK, {**found, "baseline_version": "7"}, "dev")
    assert said["blessed"] is False
    assert [(line["rule"], line["result"]) for line in said["verdict"]] == [
        ("min accuracy", "pass"),
        ("min recall/good", "fail"),
        ("max loss", "fail"),
        ("max_drop accuracy", "fail"),
        ("max_drop macro_f1", "pass"),
    ]
    assert sorted(said["reasons"]) == [
        "accuracy is 0.8000, 0.2000 worse than 1.0000 in production; allowed: 0.1",
        "loss is 0.5108, allowed: at most 0.5",
        "recall/good is 0.6667, required: at least 0.7",
    ]

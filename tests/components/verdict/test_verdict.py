"""What each rule of a gate says of a summary written by hand."""

from typing import Any

import pytest

from components.common.errors import InputError
from components.settings.gate import Gate, GateSlices
from components.tasks.classification import Classification
from components.tasks.regression import Regression
from components.tasks.tagging import Tagging
from components.verdict import gate
from components.verdict.verdict import verdict

TASK = Classification(("bad", "good"))

SUMMARY: dict[str, Any] = {
    "metrics": {
        "candidate": {
            "": {"accuracy": 0.84, "loss": 0.4, "example_count": 1000.0},
            "source=few": {"accuracy": 0.2, "loss": 0.9, "example_count": 12.0},
            "source=web": {"accuracy": 0.6, "loss": 0.7, "example_count": 100.0},
            "text_length=1-16 tokens": {"accuracy": 0.9, "loss": 0.3, "example_count": 500.0},
        },
        "baseline": {"": {"accuracy": 0.85, "loss": 0.4}},
    },
    "intervals": {
        "candidate": {
            "": {"accuracy": [0.816, 0.861], "loss": [0.35, 0.46]},
            "source=web": {"accuracy": [0.502, 0.691]},
        }
    },
    "differences": {"accuracy": [-0.024, 0.004], "loss": [-0.02, 0.02]},
    "baseline_version": "7",
    "learned": {"rows": 0, "of": 1000},
}

BOUND = {"accuracy": 0.8}


def of(gate_of: Gate, **other: Any) -> dict[str, tuple[str, str]]:
    """Rule -> its result and its text."""
    found = verdict(gate_of, TASK, SUMMARY | other, "dev")
    lines = found["verdict"]
    assert found["reasons"] == [line["text"] for line in lines if line["result"] == "fail"]
    assert found["blessed"] is not bool(found["reasons"])
    return {line["rule"]: (line["result"], line["text"]) for line in lines}


def test_a_line_has_value_interval_and_limit() -> None:
    assert verdict(Gate(min=BOUND), TASK, SUMMARY, "dev")["verdict"] == [
        {
            "rule": "min accuracy",
            "value": 0.84,
            "interval": [0.816, 0.861],
            "limit": 0.8,
            "result": "pass",
            "text": "accuracy is 0.8400, required: at least 0.8",
        }
    ]


def test_a_bound_may_have_to_hold_for_the_end_of_the_interval() -> None:
    found = of(Gate(min={"accuracy": 0.82}, max={"loss": 0.5}, bounds_on="interval"))
    assert found["min accuracy"] == (
        "fail",
        "accuracy is 0.8400, its true value may be 0.8160, required: at least 0.82 with 95% confidence; more rows "
        "narrow the interval",
    )
    assert found["max loss"][0] == "pass"


def test_a_model_that_is_worse_in_one_slice_alone_is_refused_by_its_floor() -> None:
    found = of(Gate(min=BOUND, slices=GateSlices(min={"accuracy": 0.7})))
    assert {rule: result for rule, (result, _) in found.items()} == {
        "min accuracy": "pass",
        "slices, source=few": "not held",
        "slices.min accuracy, source=web": "fail",
        "slices.min accuracy, text_length=1-16 tokens": "pass",
    }
    assert found["slices.min accuracy, source=web"][1] == (
        "accuracy in source=web (100 rows) is 0.6000, required: at least 0.7"
    )
    assert "has 12 rows, which are held to nothing: gate.slices.min_rows is 30" in found["slices, source=few"][1]
    only = of(Gate(min=BOUND, slices=GateSlices(min={"accuracy": 0.7}, features=("text_length",))))
    assert [rule for rule in only if "source" in rule] == []


def test_a_slice_without_a_metric_of_its_bounds_is_told() -> None:
    floors = GateSlices(min={"accuracy": 0.7, "auc": 0.7})
    found = of(Gate(min=BOUND, slices=floors))
    assert found["slices.min auc, source=web"] == (
        "not held",
        "auc in source=web is not held: its rows are without one of the classes",
    )


def test_no_worse_has_three_answers() -> None:
    assert of(Gate(min=BOUND, no_worse={"accuracy": 0.03}))["no_worse accuracy"] == (
        "pass",
        "accuracy is 0.8400, 0.0100 worse than 0.8500 in production: no worse, at most 0.0240 worse",
    )
    result, text = of(Gate(min=BOUND, no_worse={"accuracy": 0.01}))["no_worse accuracy"]
    assert result == "fail"
    assert text.endswith(
        ": undecided, truly between 0.0240 worse and 0.0040 better, allowed: 0.01 worse; more rows or a larger margin "
        "would decide"
    )
    pushed = of(Gate(min=BOUND, no_worse={"accuracy": 0.01}, undecided="push"))["no_worse accuracy"]
    assert pushed[0] == "pass"
    result, text = of(Gate(min=BOUND, no_worse={"accuracy": 0.01}), differences={"accuracy": [-0.06, -0.02]})[
        "no_worse accuracy"
    ]
    assert result == "fail"
    assert text.endswith("it is worse, by more than the 0.01 allowed: truly at least 0.0200 worse")


def test_without_a_model_to_compare_with_nothing_is_held_and_that_is_said() -> None:
    asked = Gate(min=BOUND, no_worse={"accuracy": 0.01}, max_drop={"loss": 0.1})
    alone = {key: value for key, value in SUMMARY.items() if key != "baseline_version"}
    found = verdict(asked, TASK, alone, "dev")
    assert found["blessed"] is True
    assert [(line["rule"], line["result"]) for line in found["verdict"][1:]] == [
        ("max_drop loss", "not held"),
        ("no_worse accuracy", "not held"),
    ]
    assert "there is no other version" in found["verdict"][1]["text"]
    other = of(asked, not_compared="version 7 knows other classes (a, b)")
    assert other["no_worse accuracy"][1].endswith("version 7 knows other classes (a, b)")


def test_a_metric_that_was_not_measured_breaks_its_bound() -> None:
    assert of(Gate(min={"mcc": 0.0}))["min mcc"][0] == "fail"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Gate(min={"f1/ugly": 0.5}), "gate.min names 'f1/ugly', the labels of the rows of dev are bad, good"),
        (Gate(min=BOUND, no_worse={"f1/ugly": 0.5}), "gate.no_worse names 'f1/ugly'"),
        (Gate(min=BOUND, slices=GateSlices(min={"f1/ugly": 0.5})), "gate.slices.min names 'f1/ugly'"),
    ],
)
def test_a_bound_on_a_class_the_data_does_not_have_is_refused(asked: Gate, message: str) -> None:
    with pytest.raises(InputError, match=message):
        gate.check_labels(asked, TASK, "dev")


@pytest.mark.parametrize(
    ("floors", "task", "message"),
    [
        (
            GateSlices(min={"loss": 0.5}),
            TASK,
            "gate.slices.min bounds loss, which is better when lower. Use gate.slices.max",
        ),
        (GateSlices(min={"acc": 0.5}), TASK, "gate.slices.min names the unknown metric 'acc'"),
        (
            GateSlices(min={"raw_text_f1": 0.5}),
            Tagging(),
            "raw_text_f1, which is measured on all rows alone. Use gate.min",
        ),
    ],
)
def test_floors_that_cannot_hold_are_refused(floors: GateSlices, task: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        gate.check(Gate(min={"f1" if task.per_token else "accuracy": 0.5}, slices=floors), task, "run.toml: [gate]")
    assert message in str(caught.value)


def test_limits_on_what_is_no_metric_are_rules_too() -> None:
    summary = {
        "ece": {"value": 0.04, "interval": [0.02, 0.06]},
        "flips": [120, 1000],
        "megabytes": 91.5,
    }
    found = of(Gate(min=BOUND, max_ece=0.05, max_flips=0.1, max_megabytes=100), **summary)
    assert [(rule, result) for rule, (result, _) in found.items() if rule.startswith("max_")] == [
        ("max_ece", "pass"),
        ("max_megabytes", "pass"),
        ("max_flips", "fail"),
    ]
    assert found["max_flips"][1] == "120 of 1,000 answers are others than in production (0.1200), allowed: 0.1"
    found = of(Gate(min=BOUND, max_ece=0.05, max_megabytes=90, bounds_on="interval"), **summary)
    assert (found["max_ece"][0], found["max_megabytes"][0]) == ("fail", "fail")


@pytest.mark.parametrize(
    ("asked", "task", "message"),
    [
        (
            Gate(min={"f1": 0.5}, max_ece=0.1),
            Tagging(),
            "but the answers of tagging are no prob",
        ),
        (
            Gate(max={"mae": 0.5}, max_flips=0.1),
            Regression(),
            "but the answers of regression are num",
        ),
    ],
)
def test_a_limit_that_the_task_s_answers_do_not_have_is_refused(asked: Gate, task: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        gate.check(asked, task, "run.toml: [gate]")


def test_an_anchor_is_compared_with_beside_production() -> None:
    asked = Gate(min=BOUND, anchor=3, anchor_no_worse={"accuracy": 0.02})
    models = {"candidate": {"accuracy": 0.84}, "baseline": {"accuracy": 0.9}}
    anchor = {"baseline_version": "3", "metrics": models, "differences": {"accuracy": [-0.09, -0.03]}}
    result, text = of(asked, anchor=anchor)["anchor_no_worse accuracy"]
    assert result == "fail"
    assert text.startswith(
        "accuracy is 0.8400, 0.0600 worse than 0.9000 in version 3: it is worse, by more than the 0.02"
    )
    assert of(asked)["anchor_no_worse accuracy"] == (
        "not held",
        "accuracy: nothing to compare with, there is no other version",
    )


def test_an_anchor_needs_a_margin_and_a_margin_an_anchor() -> None:
    for given in ({"anchor": "best"}, {"anchor_no_worse": {"accuracy": 0.01}}):
        with pytest.raises(ValueError, match="and each needs the other"):
            Gate(min=BOUND, **given)

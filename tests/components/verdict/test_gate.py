from typing import Any

import pytest

from components.common.errors import InputError
from components.settings.gate import Gate
from components.tasks.classification import Classification
from components.verdict import gate

LABELS = ("bad", "good")

TASK, UNKNOWN = Classification(LABELS), Classification()


def check(task: Classification, **thresholds: Any) -> None:
    gate.check(Gate(**thresholds), task, "run.toml: [gate]")


@pytest.mark.parametrize(
    ("thresholds", "task", "message"),
    [
        ({}, UNKNOWN, "the gate has no absolute threshold. Add at least one, say `min = { accuracy = 0.8 }`"),
        ({"max_drop": {"accuracy": 0.1}}, UNKNOWN, "the gate has no absolute threshold"),
        (
            {"min": {"acuracy": 0.8}},
            UNKNOWN,
            "gate.min names the unknown metric 'acuracy'. Did you mean \"accuracy\"? Known: acc",
        ),
        (
            {"min": {"accuracy/good": 0.8}},
            UNKNOWN,
            "gate.min names the unknown metric 'accuracy/good'. Did you mean \"accuracy\", which",
        ),
        (
            {"min": {"macro-f1": 0.8}},
            UNKNOWN,
            "gate.min names the unknown metric 'macro-f1'. Did you mean \"macro_f1\"? K",
        ),
        (
            {"min": {"f1": 0.8}},
            UNKNOWN,
            "gate.min names the unknown metric 'f1'. Did you mean \"macro_f1\"? Known: acc",
        ),
        ({"min": {"Recal/x": 0.8}}, UNKNOWN, "gate.min names the unknown metric 'Recal/x'. Did you mean \"recall/x\"?"),
        (
            {"min": {"recall": 0.8}},
            UNKNOWN,
            "gate.min names the unknown metric 'recall'. Did you mean \"recall/LABEL\", with the",
        ),
        ({"min": {"recall/": 0.8}}, UNKNOWN, "gate.min names the unknown metric 'recall/'"),
        ({"min": {"accuracy/": 0.8}}, UNKNOWN, "gate.min names the unknown metric 'accuracy/'"),
        (
            {"min": {"accuracy": 0.8}, "max_drop": {"rank": 0.1}},
            UNKNOWN,
            "gate.max_drop names the unknown metric 'rank'",
        ),
        ({"min": {"recall/ugly": 0.8}}, TASK, "gate.min names 'recall/ugly', the labels are bad, good"),
        (
            {"min": {"recall/god": 0.8}},
            TASK,
            "gate.min names 'recall/god', the labels are bad, good. Did you mean \"recall/good\"?",
        ),
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

"""What a gate is held against of a calibrated model: metrics of rows that did not choose."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.calibration import cross_fitted
from components.settings.gate import Gate
from components.tasks.classification import Classification
from components.tasks.multilabel import Multilabel
from components.verdict.verdict import verdict

TASK = Multilabel(("a", "b"))


@pytest.fixture
def held(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """An evaluation whose macro_f1 is 0.8 on rows that chose, and 0.7 by cross-fitting."""

    def hold(of_production: dict[str, str] | None = None, **found: Any) -> dict[str, Any]:
        content = {"cross_fitted": {"macro_f1": 0.7}, "after": {}, **found}
        (tmp_path / "calibration.json").write_text(json.dumps(content))
        summary: dict[str, Any] = {
            "metrics": {"candidate": {"": {"macro_f1": 0.8, "mean_ap": 0.9}, "s=a": {"macro_f1": 0.8}}},
            "intervals": {"candidate": {"": {"macro_f1": [0.05, 0.9], "mean_ap": [0.8, 0.95]}}},
            "differences": {"macro_f1": [-0.02, 0.1]},
            "baseline_version": "7",
            "learned": {
                "rows": 10,
                "of": 100,
                "metrics": {"candidate": {"macro_f1": 0.82}, "baseline": {"macro_f1": 0.75}},
            },
            "anchor": {
                "baseline_version": "3",
                "metrics": {"candidate": {"macro_f1": 0.8}, "baseline": {"macro_f1": 0.75}},
                "differences": {"macro_f1": [0.0, 0.1]},
            },
            "ece": {"value": 0.05, "interval": [0.01, 0.08]},
            **(of_production or {}),
        }
        cross_fitted.hold(summary, tmp_path, TASK)
        return summary

    return hold


def test_a_metric_its_interval_and_its_differences_are_moved_alike(held: Callable[..., dict[str, Any]]) -> None:
    found = held()
    assert found["cross_fitted"] == ["macro_f1"]
    assert found["metrics"]["candidate"] == {"": {"macro_f1": 0.7, "mean_ap": 0.9}, "s=a": {"macro_f1": 0.8}}
    assert found["intervals"]["candidate"][""] == {"macro_f1": [0.0, 0.8], "mean_ap": [0.8, 0.95]}
    assert found["differences"]["macro_f1"] == pytest.approx([-0.12, 0.0])
    assert found["learned"]["metrics"]["candidate"]["macro_f1"] == pytest.approx(0.72)
    assert found["learned"]["metrics"]["baseline"] == {"macro_f1": 0.75}
    assert found["anchor"]["metrics"]["candidate"]["macro_f1"] == pytest.approx(0.7)
    assert found["anchor"]["differences"]["macro_f1"] == pytest.approx([-0.1, 0.0])
    assert found["ece"]["value"] == 0.05


def test_a_version_that_chose_on_the_same_rows_is_compared_as_it_was_measured(
    held: Callable[..., dict[str, Any]],
) -> None:
    """Production did here, the anchor did not."""
    found = held(of_production={"calibrated_on": "rows"}, calibrated_on="rows")
    assert found["metrics"]["candidate"][""]["macro_f1"] == 0.7
    assert found["compared"]["candidate"]["macro_f1"] == 0.8
    assert found["differences"]["macro_f1"] == [-0.02, 0.1]
    assert found["learned"]["metrics"]["candidate"]["macro_f1"] == 0.82
    assert found["anchor"]["differences"]["macro_f1"] == pytest.approx([-0.1, 0.0])
    del found["learned"]["metrics"]
    found["metrics"]["baseline"] = {"": {"macro_f1": 0.79}}
    found["compared"]["baseline"] = {"macro_f1": 0.79}
    assert verdict(Gate(max_drop={"macro_f1": 0.0}), TASK, found, "dev")["blessed"] is True


def test_the_gate_is_held_against_what_cross_fitting_tells(held: Callable[..., dict[str, Any]]) -> None:
    gate = Gate(min={"macro_f1": 0.75, "mean_ap": 0.5}, no_worse={"macro_f1": 0.05})
    reasons = verdict(gate, TASK, held(), "dev")["reasons"]
    assert reasons[0] == "macro_f1 is 0.7000, required: at least 0.75"
    assert "undecided, truly between 0.1200 worse and 0.0000" in reasons[1]


def test_the_calibration_error_is_that_of_rows_that_did_not_choose(held: Callable[..., dict[str, Any]]) -> None:
    assert held(after={"ece": 0.07})["ece"] == {"value": 0.07, "interval": [0.03, 0.1]}


def test_a_loss_that_is_higher_makes_a_difference_smaller(tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text(json.dumps({"cross_fitted": {"loss": 0.5}, "after": {}}))
    summary: dict[str, Any] = {
        "metrics": {"candidate": {"": {"loss": 0.4}}},
        "intervals": {"candidate": {"": {"loss": [0.3, 0.45]}}},
        "differences": {"loss": [-0.02, 0.1]},
    }
    cross_fitted.hold(summary, tmp_path, Classification(("a", "b")))
    assert summary["intervals"]["candidate"][""]["loss"] == [0.4, 0.55]
    assert summary["differences"]["loss"] == [-0.12, 0.0]


def test_the_share_of_answered_rows_is_a_rule(held: Callable[..., dict[str, Any]]) -> None:
    answered = {"error": 0.05, "answered": 40, "of": 100, "min_coverage": 0.5}
    found = verdict(Gate(min={"macro_f1": 0.6}), TASK, held(abstention=answered), "dev")
    assert found["verdict"][1]["rule"] == "calibration.abstain min_coverage"
    assert found["reasons"] == [
        "40 of 100 rows are answered (0.4000), required: at least 0.5; more rows of dev or a larger error of "
        "calibration.abstain would let more be"
    ]
    answered["min_coverage"] = 0.3
    assert verdict(Gate(min={"macro_f1": 0.6}), TASK, held(abstention=answered), "dev")["blessed"] is True


def test_a_model_that_was_not_calibrated_is_left_as_it_is(tmp_path: Path) -> None:
    summary: dict[str, Any] = {"metrics": {"candidate": {"": {"macro_f1": 0.8}}}}
    cross_fitted.hold(summary, tmp_path, TASK)
    assert summary == {"metrics": {"candidate": {"": {"macro_f1": 0.8}}}}

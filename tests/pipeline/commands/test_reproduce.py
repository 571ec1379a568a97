from typing import Any

import pytest

from pipeline.commands.reproduce import with_choices, with_precision


def config(**training: Any) -> dict[str, Any]:
    """A config as a manifest has it."""
    limits = {f"max_{kind}_share": 0.25 for kind in ("leaked", "duplicate", "contradicting")}
    training = {"epochs": None, "steps": None, **training}
    tables = {"model": {"pooling": "auto"}, "serving": {"validate": True}, "training": training}
    return {"name": "toy", "validation": limits, **tables}


def test_a_run_is_made_again_with_what_it_chose() -> None:
    chosen = [
        {"key": "training.epochs", "value": 7, "why": "few rows"},
        {"key": "model.pooling", "value": "mean", "why": "no pooler"},
    ]
    before = config()
    found = with_choices(before, {"chosen": chosen})
    # A run from before there was calibration had none.
    chosen_by_run = {"model": {"pooling": "mean"}, "training": {"epochs": 7, "steps": None}}
    assert found == {**before, **chosen_by_run, "calibration": {"enabled": False}}
    assert before == config()


@pytest.mark.parametrize(("training", "epochs"), [({}, 2), ({"steps": 9}, None), ({"epochs": 3}, 3)])
def test_a_run_whose_record_tells_no_choices_had_two_epochs(training: dict[str, int], epochs: int | None) -> None:
    assert with_choices(config(**training), {})["training"]["epochs"] == epochs


def test_a_run_of_before_a_key_is_made_again_as_if_it_stated_what_held_then() -> None:
    before = config()
    before["model"], before["validation"] = {}, {"max_unknown_share": 0.5}
    del before["serving"]
    found = with_choices(before, {})
    assert found["model"] == {"pooling": "cls"}
    assert found["serving"] == {"validate": False}
    assert found["validation"] == {
        "max_unknown_share": 0.5,
        "max_leaked_share": 1.0,
        "max_duplicate_share": 1.0,
        "max_contradicting_share": 1.0,
    }


@pytest.mark.parametrize(
    ("stated", "trained", "again"),
    [
        ("auto", {"precision": "bfloat16"}, "bfloat16"),
        ("auto", {"precision": "float32"}, "float32"),
        ("auto", {}, "auto"),
        ("bfloat16", {"precision": "bfloat16"}, "bfloat16"),
    ],
)
def test_a_run_is_made_again_in_the_precision_it_computed_in(stated: str, trained: dict[str, str], again: str) -> None:
    before = config(precision=stated)
    assert with_precision(before, trained)["training"]["precision"] == again
    assert before == config(precision=stated)

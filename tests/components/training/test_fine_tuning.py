from pathlib import Path

import pytest

from components.common.cpu import resolved_precision
from components.model.forms import CPU, PLAIN, Forms
from components.settings.serialization import dump
from components.settings.training import Training
from components.training import fine_tuning
from tests.together import toy_split


def key(training: Training, folder: Path, forms: Forms = CPU) -> str:
    rows, _ = toy_split("classification", folder / "rows")
    config = {"training": dump(training), "model": "{}", "source": "a"}
    return fine_tuning.checkpoint_key(config, None, rows, rows, forms)


def test_a_training_goes_on_where_only_who_takes_part_and_what_is_waited_for_has_changed(tmp_path: Path) -> None:
    others = {"worker_minutes": 60.0, "checkpoint_minutes": 1.0, "checkpoint_steps": 7, "devices": "multiworker"}
    assert key(Training(**others), tmp_path) == key(Training(), tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"seed": 2}, {"batch_size": 8}, {"evaluations_per_epoch": 2}])
def test_a_training_with_other_weights_begins_anew(settings: dict[str, int], tmp_path: Path) -> None:
    assert key(Training(**settings), tmp_path) != key(Training(), tmp_path)  # type: ignore[arg-type]


def test_a_training_goes_on_in_the_precision_that_it_began_in(tmp_path: Path) -> None:
    keys = {name: key(Training(precision=name), tmp_path) for name in ("float32", "bfloat16", "auto")}
    assert keys["float32"] != keys["bfloat16"]
    assert keys["auto"] == keys[resolved_precision("auto")]


def test_a_training_on_another_kind_of_device_begins_anew(tmp_path: Path) -> None:
    """The optimiser's state has another form there."""
    assert key(Training(), tmp_path, PLAIN) != key(Training(), tmp_path)

"""What Trainer will choose of the settings that a config leaves open, for `check`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from components.export.card import read_card
from components.pretrained import pooling
from components.rows import data_hash, reader
from components.rows.files import fingerprint, of_train
from components.serving.versions import production, versions
from components.training import recipe
from components.training.recipe import Choice
from pipeline.config.preflight import Checked


def chosen(checked: Checked, serving: Path) -> list[Choice]:
    """By the rows of train and the base model, or the pushed model to start from, as they are now.

    Args:
        checked: the config.
        serving: directory of the versions in production.
    """
    run = checked.run
    pushed, base = _initial(checked, serving), pooling.read(checked.base_model)
    return list(recipe.choices(run.training, run.model, checked.task, _train_rows(checked), base, pushed))


def _train_rows(checked: Checked) -> int:
    """The good rows of train, or `recipe.many_rows` where there are more."""
    data, rule = checked.run.data, checked.task.check_row
    enough = recipe.many_rows(checked.run.training.batch_size)
    rows = (row for split, path in of_train(checked.files) for row in reader.read_rows(path, split, data, rule))
    return sum(1 for _ in islice((row for row in rows if isinstance(row, reader.Row) and row.split == "train"), enough))


def _initial(checked: Checked, serving: Path) -> dict[str, Any] | None:
    """The card of the pushed model to start from, as far as it is known before the run."""
    init_from = checked.run.training.init_from
    if init_from == "base":
        return None
    if init_from != "pushed":
        return read_card(Path(init_from))
    if not versions(serving):
        return None
    # As Predecessor finds it: not the model that a run on the same data has pushed.
    version = production(
        serving, but_of_data=data_hash.of_files((split, fingerprint(path)) for split, path in checked.files)
    )
    return read_card(serving / str(version)) if version is not None else None

"""What follows for a training from its rows and its base model, where the config does not say: one table of choices.

Each choice is a pure function of numbers and facts and comes with its reason, so that `check` can show beforehand what
Trainer will choose. The values stand with the run, and a run is reproduced with them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from components.pretrained.pooling import PoolingFacts
from components.settings.model import Model
from components.settings.training import Training
from components.tasks import Task

ENOUGH_STEPS = 400
"""Steps that a training has at least, within `MOST_EPOCHS`. Fine-tuning on few rows fails by too few steps (Mosbach et
al. 2021, arXiv:2006.04884, section 6; Zhang et al. 2021, arXiv:2006.05987, section 6), both with AdamW's bias
correction, which ours has. Measured by bench/small_data.py."""

FEWEST_EPOCHS, MOST_EPOCHS = 2, 20
"""Of Devlin et al. 2019 (2 to 4, on many rows) and of Mosbach et al. 2021 (20, on few)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting that the config leaves open."""

    key: str
    """TABLE.KEY."""
    value: int | str
    why: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value}: {self.why}"

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def choices(
    training: Training, model: Model, task: Task, rows: int, base: PoolingFacts, pushed: Mapping[str, Any] | None
) -> Iterator[Choice]:
    """Every choice for a training, of what its config leaves open.

    Args:
        training: as the config has it.
        model: likewise.
        task: what is learned.
        rows: of train; as many as `many_rows` stand for any larger number.
        base: of the base model.
        pushed: card of the pushed model that the training starts from; None: it starts from the base model.
    """
    if training.epochs is None and training.steps is None:
        yield _epochs(rows, training.batch_size)
    if model.pooling == "auto" and task.pools:
        yield pooling(task, base, pushed)


def applied(chosen: Iterable[Choice], training: Training, model: Model) -> tuple[Training, Model]:
    """The settings with the choices in them."""
    tables: dict[str, Any] = {"training": training, "model": model}
    for choice in chosen:
        table, _, key = choice.key.partition(".")
        tables[table] = replace(tables[table], **{key: choice.value})
    return tables["training"], tables["model"]


def epochs(rows: int, batch_size: int) -> int:
    """Passes over so many rows of train."""
    steps = max(1, math.ceil(rows / batch_size))
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, math.ceil(ENOUGH_STEPS / steps)))


def many_rows(batch_size: int) -> int:
    """So many rows or more have the fewest epochs."""
    return batch_size * (math.ceil(ENOUGH_STEPS / FEWEST_EPOCHS) - 1) + 1


def _epochs(rows: int, batch_size: int) -> Choice:
    if rows >= many_rows(batch_size):
        why = f"an epoch has {ENOUGH_STEPS // FEWEST_EPOCHS} steps or more"
    else:
        why = f"an epoch over {rows:,} rows is {math.ceil(rows / batch_size)} steps, and too few learn little"
    return Choice("training.epochs", epochs(rows, batch_size), why)


def pooling(task: Task, base: PoolingFacts, pushed: Mapping[str, Any] | None = None) -> Choice:
    """What the head of a task with one label a row sees, or what is an embedding."""
    key = "model.pooling"
    if pushed is not None:
        # Cards of older models do not say: without a word in the config these had `cls`.
        return Choice(
            key,
            pushed.get("model", {}).get("pooling", "cls"),
            "the pushed model's, from whose weights the training starts",
        )
    if not task.bi_encoder and not base.trained_pooler:
        return Choice(key, "mean", "the base model's pooler was never trained")
    if base.stated is not None:
        return Choice(key, base.stated, "the base model's own files say so")
    if task.bi_encoder:
        return Choice(key, "mean", "the best for embeddings (Reimers & Gurevych 2019, table 6)")
    return Choice(key, "cls", "the base model has a trained pooler")

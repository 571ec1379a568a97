"""The hidden states below what is trained: computed once for every row, and kept on disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.common.errors import InputError
from components.common.progress import progress
from components.model.half_batches import in_halves
from components.model.task_model import TaskModel
from components.training.dataset import Batch, Rows
from components.training.replicas import SINGLE_REPLICA, Replicas


def frozen_states(
    model: TaskModel, frozen: int, splits: Mapping[str, Rows], scratch: Path, replicas: Replicas = SINGLE_REPLICA
) -> list[Rows]:
    """Rows of the states that the first layers give, in place of token ids.

    Args:
        model: with its first layers frozen.
        frozen: how many of them.
        splits: name -> rows of token ids.
        scratch: directory for the states.
        replicas: who trains together; each process keeps states of its own.

    Raises:
        InputError: the disk has no room for them.
    """
    hidden, pooled = model.encoder.config.hidden_size, model.pooled(frozen)
    _check_room(sum(rows.states_bytes(hidden, pooled) for rows in splits.values()), scratch, replicas)

    def lower(token_ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return model.lower(token_ids, mask, frozen)

    compute = tf.function(
        in_halves(lower, per_token=not pooled) if model.forms.half_batches else lower,
        input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.bool)],
        autograph=False,
    )
    kept: list[Rows] = []
    for name, rows in splits.items():
        with progress(len(rows)) as bar:

            def states(batch: Batch, bar: Any = bar) -> np.ndarray:
                found = compute(batch.inputs, batch.padding_mask).numpy()
                bar.advance(len(batch.rows), f"frozen layers {bar.rate(bar.done):.0f} examples/s")
                return found

            kept.append(rows.mapped(states, scratch / f"{name}.states", hidden, pooled))
    return kept


def _check_room(needed: int, scratch: Path, replicas: Replicas) -> None:
    free = shutil.disk_usage(scratch).free
    if needed > free:
        problem = f"the states of the frozen layers take {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        larger = "give the run a --root" if replicas.is_chief else "set TMPDIR to a directory"
        raise InputError(str(scratch.parent), problem, f"Free some, or {larger} on a larger disk")

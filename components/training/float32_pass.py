"""What exported weights give in a model that is built from Python, beside the exported graph."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from components.export.calibrated import temperature_of
from components.export.card import read_card
from components.export.card_task import task_of
from components.model.task_model import TaskModel
from components.settings.model import Model
from components.settings.serialization import load
from components.settings.training import Training
from components.training.initial_model import blank_model, warm_start


class Float32Pass:
    """A model of an export's weights, in float32.

    Args:
        saved_model: of this pipeline.
        base_model: that it was trained from, for the encoder's shape.

    Raises:
        InputError: the export's weights are damaged, or not those that its card names.
    """

    def __init__(self, saved_model: Path, base_model: Path) -> None:
        reads = {"base": str(base_model), **read_card(saved_model)["model"]}
        settings, self._task = load(Model, json.dumps(reads)), task_of(saved_model)
        self._model: TaskModel = blank_model(base_model, settings, Training(precision="float32"), self._task)
        warm_start(saved_model, self._model)
        self._temperature = temperature_of(saved_model)

    def predictions(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """Of the token ids of rows, int[length] each: `Task.predictions`, float32[rows, ...] or [rows, length, ...]."""
        ids = np.full((len(rows), max(map(len, rows))), self._model.padding_id, np.int32)
        mask = np.zeros(ids.shape, bool)
        for place, row in enumerate(rows):
            ids[place, : len(row)], mask[place, : len(row)] = row, True
        logits = self._model(tf.constant(ids), tf.constant(mask))
        if self._task.has_temperature:
            logits /= self._temperature
        found: np.ndarray = tf.cast(self._task.predictions(logits), tf.float32).numpy()
        return found

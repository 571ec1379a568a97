"""Toy trainings of a classifier, for tests of what a training does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.common import feature_names
from components.model.forms import Forms
from components.model.task_model import TaskModel
from components.settings.model import Model
from components.settings.training import Training
from components.tasks.classification import Classification
from components.training import initial_model
from components.training.dataset import Rows
from tests.toys import VOCABULARY

TASK = Classification(("bad", "good"))

ONES = np.ones(2, np.float32)
"""Equal class weights."""


def write_rows(folder: Path) -> Rows:
    """24 rows of letters with "good" (label 1) or "bad" (label 0) behind them."""
    draws = np.random.default_rng(0)
    words = VOCABULARY.index("bad"), VOCABULARY.index("good")
    with tf.io.TFRecordWriter(str(folder / "rows.gz"), "GZIP") as writer:
        for index in range(24):
            ids = [2, *draws.integers(5, 15, draws.integers(1, 8)), words[index % 2], 3]
            example = tf.train.Example()
            example.features.feature[feature_names.TOKEN_IDS].int64_list.value.extend(ids)
            example.features.feature[feature_names.TARGET].int64_list.value.append(index % 2)
            writer.write(example.SerializeToString())
    spec: dict[str, object] = {feature_names.TARGET: tf.io.FixedLenFeature([1], tf.int64)}
    return Rows.of_examples([str(folder / "rows.gz")], spec, TASK, folder / "ids")


def build(checkpoint: Path, training: Training, pooling: Any = "cls", forms: Forms | None = None) -> TaskModel:
    """A model before its training."""
    keras.utils.set_random_seed(training.seed)
    return initial_model.build_model(checkpoint, Model(base="toy", pooling=pooling), training, TASK, forms)


def weights(model: TaskModel) -> dict[str, np.ndarray]:
    """Variable path -> value, but for the states of random generators."""
    return {variable.path: variable.numpy().copy() for variable in model.variables if "seed" not in variable.path}


def probabilities(model: TaskModel, rows: Rows) -> np.ndarray:
    """Of every row, float32[rows, 2], computed at once."""
    whole = rows.batch(np.arange(len(rows)))
    return tf.nn.softmax(model(whole.inputs, whole.padding_mask)).numpy()

"""What a pushed model's weights predict in a model that is built from Python, beside the exported graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from components import tasks
from components.settings.model import Model
from components.settings.training import Training
from components.training.dataset import Rows
from components.training.initial_model import build_model, warm_start


def predictions(
    saved_model: Path, base_model: Path, settings: Model, transform_output: str, files: Sequence[str], scratch: Path
) -> tuple[np.ndarray, Rows]:
    """Of transformed examples, all of them in one batch, as `Task.predictions` has them; and their rows.

    Args:
        saved_model: of a task with one label a row.
        base_model: that it was trained from.
        settings: the model's.
        transform_output: the TransformGraph.
        files: globs of the examples.
        scratch: directory for the token ids.
    """
    task = tasks.read(transform_output)
    spec = tft.TFTransformOutput(transform_output).transformed_feature_spec()
    rows = Rows.of_examples(files, spec, task, scratch / "ids")
    model = build_model(base_model, settings, Training(), task)
    warm_start(saved_model, model)
    batch = rows.batch(np.arange(len(rows)))
    return tf.cast(task.predictions(model(batch.inputs, batch.padding_mask)), tf.float32).numpy(), rows

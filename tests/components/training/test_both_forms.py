"""The plain form of a training and the one for a CPU, run beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.model.forms import CPU, PLAIN, Forms
from components.model.freezing import freeze
from components.model.task_model import TaskModel
from components.settings.model import Model
from components.settings.training import Training
from components.tasks import Task
from components.tasks.regression import Regression
from components.training import initial_model
from components.training.dataset import Rows
from components.training.history import Evaluation
from components.training.loop import fit
from components.training.trainable_part import trainable_part
from tests.together import toy_split
from tests.trainings import weights

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "full": ("pair", {"layer_decay": 0.9, "label_smoothing": 0.1}),
    "freeze_layers": ("regression", {"strategy": "freeze_layers", "freeze_layers": 1}),
    "head": ("classification", {"strategy": "head", "clip_norm": 0.1}),
    "gradual": ("tagging", {"strategy": "gradual", "unfreeze_epochs": 0.5}),
}

CLOSE = 1e-5


def split(name: str, folder: Path) -> tuple[Rows, Task]:
    """45 rows of 3 to 14 tokens, and their task."""
    if name != "regression":
        return toy_split(name, folder / "rows")
    rows, _ = toy_split("classification", folder / "rows")
    return Rows(folder / "rows", rows.lengths, np.linspace(-1, 1, len(rows), dtype=np.float32)), Regression()


def built(checkpoint: Path, task: Task, training: Training, forms: Forms) -> TaskModel:
    keras.utils.set_random_seed(training.seed)
    return initial_model.build_model(checkpoint, Model(base="toy"), training, task, forms)


def flat(values: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([value.ravel() for value in values.values()]).astype(np.float64)


def class_weights(task: Task) -> np.ndarray:
    return np.array([1.0, 2.5], np.float32)[: len(task.labels)]


@pytest.mark.parametrize("name", ["classification", "tagging", "pair", "regression", "answering"])
def test_outputs_and_gradients_are_equal(checkpoint: Path, tmp_path: Path, eagerly: None, name: str) -> None:
    rows, task = split(name, tmp_path)
    batch = rows.batch(np.arange(7))
    found = []
    for forms in (PLAIN, CPU):
        training = Training(dropout=0.0)
        model = built(checkpoint, task, training, forms)
        freeze(model, training)
        part, *_ = trainable_part(model, rows, rows, tmp_path)
        with tf.GradientTape() as tape:
            logits = part.forward(batch.inputs, batch.padding_mask, training=True)
            loss = tf.reduce_sum(task.loss(logits, tf.constant(batch.targets), 0.0))
        gradients = tape.gradient(loss, [variable.value for variable in part.variables])
        logits = tf.where(batch.padding_mask[..., np.newaxis], logits, 0.0) if task.per_token else logits
        found.append([logits, *(tf.convert_to_tensor(gradient) for gradient in gradients)])
    assert max(float(tf.reduce_max(tf.abs(gradient))) for gradient in found[0][1:]) > 0.1
    for plain, cpu in zip(*found, strict=True):
        np.testing.assert_allclose(cpu, plain, rtol=CLOSE, atol=CLOSE)


def trained(
    checkpoint: Path, folder: Path, name: str, training: Training, forms: Forms
) -> tuple[dict[str, np.ndarray], list[Evaluation]]:
    rows, task = split(name, folder)
    model = built(checkpoint, task, training, forms)
    before = weights(model)
    history = fit(model, rows, rows, training, class_weights(task), folder, folder)
    after = weights(model)
    assert any(np.abs(after[path] - before[path]).max() > 1e-3 for path in before)
    return after, history.evaluations


def assert_close(plain: tuple[Any, list[Evaluation]], cpu: tuple[Any, list[Evaluation]]) -> None:
    assert plain[0].keys() == cpu[0].keys()
    for path, value in plain[0].items():
        np.testing.assert_allclose(cpu[0][path], value, rtol=0, atol=CLOSE, err_msg=path)
    losses = [[evaluation.loss for evaluation in evaluations] for _, evaluations in (plain, cpu)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("case", CASES)
def test_weights_are_equal_after_twenty_steps(
    checkpoint: Path, shallow: Path, tmp_path: Path, eagerly: None, case: str
) -> None:
    name, settings = CASES[case]
    training = Training(steps=20, batch_size=8, learning_rate=1e-3, weight_decay=0.1, dropout=0.0, **settings)
    base = checkpoint if case == "freeze_layers" else shallow
    assert_close(*(trained(base, tmp_path, name, training, forms) for forms in (PLAIN, CPU)))


def test_weights_are_equal_after_traced_steps_too(shallow: Path, tmp_path: Path) -> None:
    training = Training(steps=10, batch_size=8, learning_rate=1e-3, dropout=0.0)
    assert_close(*(trained(shallow, tmp_path, "classification", training, forms) for forms in (PLAIN, CPU)))


@pytest.mark.parametrize("case", CASES)
def test_in_bfloat16_both_forms_move_the_weights_alike(
    checkpoint: Path, shallow: Path, tmp_path: Path, eagerly: None, case: str
) -> None:
    """The distance between them is a small share of the way that float32 goes, and smaller from there to the CPU's."""
    name, settings = CASES[case]
    settings = {"steps": 20, "batch_size": 8, "learning_rate": 1e-3, "dropout": 0.0, **settings}
    base = checkpoint if case == "freeze_layers" else shallow
    start = flat(weights(built(base, split(name, tmp_path)[1], Training(**settings), PLAIN)))
    exact = flat(trained(base, tmp_path, name, Training(**settings), PLAIN)[0]) - start
    halves = Training(**settings, precision="bfloat16")
    plain, cpu = (flat(trained(base, tmp_path, name, halves, forms)[0]) - start for forms in (PLAIN, CPU))
    way = np.linalg.norm(exact)
    assert np.linalg.norm(cpu - plain) < 0.2 * way
    assert np.linalg.norm(cpu - exact) < 0.1 * way


@pytest.mark.parametrize("forms", [PLAIN, CPU], ids=["plain", "cpu"])
def test_with_dropout_both_forms_are_trained(shallow: Path, tmp_path: Path, eagerly: None, forms: Forms) -> None:
    training = Training(steps=3, batch_size=8, learning_rate=1e-3, dropout=0.2)
    _, (evaluation,) = trained(shallow, tmp_path, "classification", training, forms)
    assert np.isfinite(evaluation.loss)

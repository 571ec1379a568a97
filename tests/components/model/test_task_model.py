from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.model.freezing import freeze
from components.model.task_model import NEVER, TaskModel
from components.settings.model import Model
from components.settings.training import Training
from components.tasks import Task
from components.tasks.answering.task import Answering
from components.tasks.classification import Classification
from components.tasks.tagging import Tagging
from components.training import initial_model

TASK = Classification(("bad", "good", "ugly"))

IDS = np.array([[2, 57, 58, 3], [2, 60, 3, 0]], np.int32)

MASK = IDS != 0

CLS, SEP = 2, 3


def build(checkpoint: Path, *, pooling: Any = "cls", **training: Any) -> TaskModel:
    return initial_model.build_model(checkpoint, Model(base="toy", pooling=pooling), Training(**training), TASK)


def dense(model: TaskModel) -> Any:
    assert model.dense is not None
    return model.dense


def test_mean_pooling_is_the_mean_over_the_tokens_without_padding(checkpoint: Path) -> None:
    model = build(checkpoint, pooling="mean")
    states = model.encoder(IDS, MASK)["sequence_output"].numpy()
    pooled = np.stack([states[0].mean(0), states[1, :3].mean(0)])
    kernel, bias = (variable.numpy() for variable in (dense(model).kernel, dense(model).bias))
    np.testing.assert_allclose(model(IDS, MASK), pooled @ kernel + bias, atol=1e-6)


def test_cls_pooling_is_the_pooler_of_the_first_token(checkpoint: Path) -> None:
    model = build(checkpoint)
    pooled = model.encoder(IDS, MASK)["pooled_output"].numpy()
    np.testing.assert_allclose(model(IDS, MASK), pooled @ dense(model).kernel.numpy(), atol=1e-6)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("layers", [0, 1, 2])
def test_the_upper_layers_over_the_lower_ones_are_the_whole_model(checkpoint: Path, pooling: str, layers: int) -> None:
    model = build(checkpoint, pooling=pooling)
    states = model.lower(IDS, MASK, layers)
    length = 1 if layers == 2 else 4
    assert states.shape == (2, length, 8)
    logits = model.upper(states, MASK[:, :length], layers)
    np.testing.assert_allclose(logits, model(IDS, MASK), atol=1e-6)


def test_dropout_is_active_in_training_only_and_can_be_set(checkpoint: Path) -> None:
    quiet, noisy = build(checkpoint, dropout=0.0), build(checkpoint, dropout=0.5)
    expected = quiet(IDS, MASK)
    np.testing.assert_allclose(quiet(IDS, MASK, training=True), expected, atol=1e-6)
    np.testing.assert_array_equal(noisy(IDS, MASK), expected)
    assert np.abs(noisy(IDS, MASK, training=True) - expected).max() > 1e-3


def test_the_seed_decides_on_the_classifiers_first_values(checkpoint: Path) -> None:
    kernels = [dense(build(checkpoint, seed=seed)).kernel.numpy() for seed in (1, 1, 2)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


def windowed(checkpoint: Path, task: Task = TASK, **settings: object) -> TaskModel:
    limits = Model(base="toy", max_length=8, **settings)  # type: ignore[arg-type]
    return initial_model.build_model(checkpoint, limits, Training(dropout=0.0), task)


def test_short_texts_have_the_same_logits_in_windows(checkpoint: Path) -> None:
    ids = tf.constant([[CLS, 7, 8, SEP], [CLS, 9, SEP, 0]])
    whole, model = windowed(checkpoint), windowed(checkpoint, long_texts="window")
    np.testing.assert_allclose(whole(ids, ids > 0), model(ids, ids > 0), atol=1e-6)


def test_a_long_text_has_the_mean_of_its_windows_logits(checkpoint: Path) -> None:
    model = windowed(checkpoint, long_texts="window", window_overlap=2)
    ids = tf.constant([[CLS, *range(10, 20), SEP]])
    parts = tf.constant([[CLS, *range(10, 16), SEP], [CLS, *range(14, 20), SEP]])
    each = model(parts, parts > 0).numpy()
    np.testing.assert_allclose(model(ids, ids > 0).numpy()[0], each.mean(axis=0), atol=1e-6)


def test_a_token_in_two_windows_has_the_mean_of_its_logits(checkpoint: Path) -> None:
    model = windowed(checkpoint, Tagging(("X",)), long_texts="window", window_overlap=2)
    ids = tf.constant([[CLS, *range(10, 20), SEP]])
    parts = tf.constant([[CLS, *range(10, 16), SEP], [CLS, *range(14, 20), SEP]])
    first, second = model(parts, parts > 0).numpy()
    merged = model(ids, ids > 0).numpy()[0]
    np.testing.assert_allclose(merged[1:5], first[1:5], atol=1e-6)
    np.testing.assert_allclose(merged[5:7], (first[5:7] + second[1:3]) / 2, atol=1e-6)
    np.testing.assert_allclose(merged[7:11], second[3:7], atol=1e-6)


def test_a_long_texts_vector_is_that_of_the_mean_of_its_windows(checkpoint: Path) -> None:
    model = windowed(checkpoint, long_texts="window", window_overlap=2)
    ids = tf.constant([[CLS, *range(10, 20), SEP]])
    parts = tf.constant([[CLS, *range(10, 16), SEP], [CLS, *range(14, 20), SEP]])
    states = model.encoder(parts, parts > 0)["sequence_output"].numpy()[:, 0].mean(axis=0)
    found = model.vectors(ids, ids > 0).numpy()[0]
    np.testing.assert_allclose(found, states / np.linalg.norm(states), atol=1e-6)


def test_frozen_layers_have_no_dropout_in_windows(checkpoint: Path) -> None:
    limits = Model(base="toy", max_length=8, long_texts="window", window_overlap=2)
    model = initial_model.build_model(checkpoint, limits, Training(dropout=0.5), TASK)
    ids = tf.constant([[CLS, *range(10, 20), SEP]])
    freeze(model, Training(strategy="head"))
    model.dropout.rate = 0.0
    np.testing.assert_allclose(model(ids, ids > 0, training=True), model(ids, ids > 0), atol=1e-6)


def test_answers_are_looked_for_in_the_context_and_at_the_first_token_alone(checkpoint: Path) -> None:
    settings = Model(base="toy", max_length=16)
    model = initial_model.build_model(checkpoint, settings, Training(), Answering())
    ids = tf.constant([[CLS, 57, SEP, 58, 59, SEP], [CLS, 60, 61, SEP, 62, SEP], [CLS, 57, SEP, 58, SEP, 0]])
    mask = tf.not_equal(ids, 0)
    never = model(ids, mask).numpy()[:, :, 0] == NEVER
    assert never.astype(int).tolist() == [[0, 1, 1, 0, 0, 1], [0, 1, 1, 1, 0, 1], [0, 1, 1, 0, 1, 1]]
    assert not model.cacheable
    # What fits is seen as it is.
    windowed = Model(base="toy", max_length=16, long_texts="window")
    other = initial_model.build_model(checkpoint, windowed, Training(), Answering())
    np.testing.assert_allclose(other(ids, mask), model(ids, mask), atol=1e-6)


def test_of_a_long_context_a_token_has_the_mean_of_its_windows_logits(checkpoint: Path) -> None:
    settings = Model(base="toy", max_length=8, long_texts="window", window_overlap=2)
    model = initial_model.build_model(checkpoint, settings, Training(), Answering())
    ids = tf.constant([[CLS, 57, SEP, 60, 61, 62, 63, 64, 65, SEP]])
    found = model(ids, tf.not_equal(ids, 0)).numpy()[0]
    plain = initial_model.build_model(checkpoint, Model(base="toy", max_length=16), Training(), Answering())
    windows = [tf.constant([[CLS, 57, SEP, *ids.numpy()[0, begin : begin + 4], SEP]]) for begin in (3, 5)]
    first, second = (plain(window, tf.ones_like(window, tf.bool)).numpy()[0] for window in windows)
    np.testing.assert_allclose(found[0], (first[0] + second[0]) / 2, atol=1e-6)
    np.testing.assert_allclose(found[3:5], first[3:5], atol=1e-6)
    np.testing.assert_allclose(found[5:7], (first[5:7] + second[3:5]) / 2, atol=1e-6)
    np.testing.assert_allclose(found[7:9], second[5:7], atol=1e-6)

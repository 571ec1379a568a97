"""Long texts in windows, and layers that are unfrozen one after the other, on a toy model."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.model import task_model
from components.model.freezing import freeze, unfrozen_at
from components.settings.model import Model
from components.settings.training import Training
from components.tasks import Task
from components.tasks.classification import Classification
from components.tasks.tagging import Tagging
from components.training import adamw, initial_model, loop, schedule, trainable_part
from components.training.dataset import Rows
from components.training.step import StagedSteps

CLS, SEP = 2, 3

TASK = Classification(("no", "yes"))


def model(checkpoint: Path, task: Task, **settings: object) -> task_model.TaskModel:
    told = Model(base="toy", max_length=8, **settings)  # type: ignore[arg-type]
    return initial_model.build_model(checkpoint, told, Training(dropout=0.0), task)


def test_short_texts_have_the_same_logits_in_windows(checkpoint: Path) -> None:
    ids = tf.constant([[CLS, 7, 8, SEP], [CLS, 9, SEP, 0]])
    plain, windowed = model(checkpoint, TASK), model(checkpoint, TASK, long_texts="window")
    np.testing.assert_allclose(plain(ids, ids > 0), windowed(ids, ids > 0), atol=1e-6)


def test_a_long_text_has_the_mean_of_its_windows_logits(checkpoint: Path) -> None:
    windowed = model(checkpoint, TASK, long_texts="window", window_overlap=2)
    ids = tf.constant([[CLS, *range(10, 20), SEP]])
    parts = tf.constant([[CLS, *range(10, 16), SEP], [CLS, *range(14, 20), SEP]])
    each = windowed(parts, parts > 0).numpy()
    np.testing.assert_allclose(windowed(ids, ids > 0).numpy()[0], each.mean(axis=0), atol=1e-6)


def test_a_token_in_two_windows_has_the_mean_of_its_logits(checkpoint: Path) -> None:
    windowed = model(checkpoint, Tagging(("X",)), long_texts="window", window_overlap=2)
    ids = tf.constant([[CLS, *range(10, 20), SEP]])
    parts = tf.constant([[CLS, *range(10, 16), SEP], [CLS, *range(14, 20), SEP]])
    first, second = windowed(parts, parts > 0).numpy()
    merged = windowed(ids, ids > 0).numpy()[0]
    np.testing.assert_allclose(merged[1:5], first[1:5], atol=1e-6)
    np.testing.assert_allclose(merged[5:7], (first[5:7] + second[1:3]) / 2, atol=1e-6)
    np.testing.assert_allclose(merged[7:11], second[3:7], atol=1e-6)


def test_a_long_texts_vector_is_that_of_the_mean_of_its_windows(checkpoint: Path) -> None:
    windowed = model(checkpoint, TASK, long_texts="window", window_overlap=2)
    ids = tf.constant([[CLS, *range(10, 20), SEP]])
    parts = tf.constant([[CLS, *range(10, 16), SEP], [CLS, *range(14, 20), SEP]])
    states = windowed.encoder(parts, parts > 0)["sequence_output"].numpy()[:, 0].mean(axis=0)
    found = windowed.vectors(ids, ids > 0).numpy()[0]
    np.testing.assert_allclose(found, states / np.linalg.norm(states), atol=1e-6)


def test_frozen_layers_have_no_dropout_in_windows(checkpoint: Path) -> None:
    told = Model(base="toy", max_length=8, long_texts="window", window_overlap=2)
    learner = initial_model.build_model(checkpoint, told, Training(dropout=0.5), TASK)
    ids = tf.constant([[CLS, *range(10, 20), SEP]])
    freeze(learner, Training(strategy="head"))
    learner.dropout.rate = 0.0
    np.testing.assert_allclose(learner(ids, ids > 0, training=True), learner(ids, ids > 0), atol=1e-6)


def rows(folder: Path, name: str) -> Rows:
    draws = np.random.default_rng(0)
    lengths = np.full(16, 6, np.int32)
    ids = draws.integers(5, 30, (16, 6)).astype(np.int32)
    ids[:, 0], ids[:, -1] = CLS, SEP
    labels = np.arange(16, dtype=np.int32) % 2
    ids[:, 1:4] = 30 + labels[:, np.newaxis]
    ids.tofile(folder / name)
    return Rows(folder / name, lengths, labels)


@pytest.mark.parametrize(
    ("steps", "learned"),
    [
        (2, {"head"}),
        (4, {"head", "top"}),
        (6, {"head", "top", "bottom"}),
        (8, {"head", "top", "bottom", "words"}),
    ],
)
def test_the_head_learns_first_and_then_the_layers_from_the_top(
    checkpoint: Path, tmp_path: Path, steps: int, learned: set[str]
) -> None:
    learner = model(checkpoint, TASK)
    encoder = learner.encoder
    assert learner.dense is not None
    parts = {
        "head": learner.dense.kernel,
        "top": encoder.blocks[1].inner.kernel,
        "bottom": encoder.blocks[0].inner.kernel,
        "words": encoder.embeddings.word.embeddings,
    }
    before = {name: variable.numpy() for name, variable in parts.items()}
    train = rows(tmp_path, "train")
    part, *_ = trainable_part.trained_part(learner, train, train, None, tmp_path)
    starts = unfrozen_at(learner, stage_steps=2)
    optimizer = adamw.AdamW(
        part.variables,
        schedule.warm_up_linear(0.01, steps, 0.0),
        table=part.table,
        factors={},
        starts=starts,
        weight_decay=0.01,
        clip_norm=1.0,
    )
    stages = StagedSteps(part, optimizer, starts, TASK, np.ones(2, np.float32), 0.0)
    batch = train.batch(np.arange(8))
    for step in range(1, steps + 1):
        stages.step(step)(batch.inputs, batch.padding_mask, batch.targets)
    assert {name for name, variable in parts.items() if np.abs(variable.numpy() - before[name]).max() > 1e-4} == learned


@pytest.mark.parametrize("strategy", ["full", "gradual"])
def test_a_training_in_stages_gets_to_its_end(checkpoint: Path, tmp_path: Path, strategy: str) -> None:
    stage = {"unfreeze_epochs": 0.5} if strategy == "gradual" else {}
    told = Training(strategy=strategy, batch_size=8, epochs=20, learning_rate=0.01, dropout=0.0, **stage)  # type: ignore[arg-type]
    learner = model(checkpoint, TASK)
    train, dev = rows(tmp_path, "train"), rows(tmp_path, "dev")
    history, answers = loop.fit(learner, train, dev, told, np.ones(2, np.float32), tmp_path, tmp_path)
    assert len(history.evaluations) == 20
    assert min(evaluation.loss for evaluation in history.evaluations) < 0.9 * history.evaluations[0].loss
    assert answers.shape == (16, 2)

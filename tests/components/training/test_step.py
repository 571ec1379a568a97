import math
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.model.freezing import unfrozen_at
from components.settings.training import Training
from components.training.dataset import Rows
from components.training.optimizer.cpu_adamw import CpuAdamW
from components.training.replicas import SINGLE_REPLICA
from components.training.state import model_copies
from components.training.step import BatchLoss, Parts, StagedSteps, training_step
from components.training.trainable_part import TrainablePart, inference, trainable_part
from tests.trainings import ONES, TASK, build

IDS, TARGETS = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int32)


class Stub:
    """Stands for a classifier: the logits are the sum of its tokens' rows in a table."""

    def __init__(self, table: list[list[float]]) -> None:
        self.table = keras.layers.Embedding(len(table), len(table[0]))
        self.table.build()
        self.table.embeddings.assign(np.array(table, np.float32))
        self.trainable_variables = [self.table.embeddings]

    def __call__(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.reduce_sum(self.table(token_ids) * tf.cast(padding_mask, tf.float32)[:, :, tf.newaxis], axis=1)


def stub_loss(ids: list[list[int]], label_ids: list[int], weights: list[float], smoothing: float) -> float:
    """The loss of one training step, at logits (0, 0) for token 0 and (1, 3) for token 1."""
    stub = Stub([[0.0, 0.0], [1.0, 3.0]])
    (table,) = stub.trainable_variables
    optimizer = CpuAdamW([table], np.ones(1), table=table.path, factors={}, weight_decay=0.0, clip_norm=1.0)
    infer = inference(TASK, stub, IDS, TARGETS)
    part = TrainablePart([table], lambda _: stub, stub, IDS, TARGETS, infer, table=table.path)
    loss = BatchLoss(TASK, np.array(weights, np.float32), smoothing)
    step = training_step(part, optimizer, loss, [True], Parts(TASK.loss_weight))
    return float(step(tf.constant(ids), tf.ones_like(ids, tf.bool), tf.constant(label_ids)))


def test_the_loss_is_the_mean_cross_entropy() -> None:
    loss = stub_loss([[0], [1]], [0, 1], [1, 1], 0.0)
    assert loss == pytest.approx((math.log(2) + math.log(1 + math.exp(-2))) / 2, rel=1e-6)


def test_a_class_weight_multiplies_the_loss_of_its_rows() -> None:
    loss = stub_loss([[0], [1]], [0, 1], [3, 0.5], 0.0)
    assert loss == pytest.approx((3 * math.log(2) + 0.5 * math.log(1 + math.exp(-2))) / 2, rel=1e-6)


def test_label_smoothing_gives_every_class_a_share() -> None:
    loss = stub_loss([[1]], [1], [1, 1], 0.2)
    right, wrong = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))
    assert loss == pytest.approx(0.9 * right + 0.1 * wrong, rel=1e-6)


@pytest.mark.parametrize(
    ("steps", "trained"),
    [
        (2, {"head"}),
        (4, {"head", "top"}),
        (6, {"head", "top", "bottom"}),
        (8, {"head", "top", "bottom", "words"}),
    ],
)
def test_the_head_is_trained_first_and_then_the_layers_from_the_top(
    checkpoint: Path, rows: Rows, tmp_path: Path, steps: int, trained: set[str]
) -> None:
    training = Training(learning_rate=0.01, warmup=0.0, dropout=0.0)
    model = build(checkpoint, training)
    encoder = model.encoder
    assert model.dense is not None
    parts = {
        "head": model.dense.kernel,
        "top": encoder.blocks[1].inner.kernel,
        "bottom": encoder.blocks[0].inner.kernel,
        "words": encoder.embeddings.word.embeddings,
    }
    before = {name: variable.numpy() for name, variable in parts.items()}
    part, *_ = trainable_part(model, rows, rows, tmp_path)
    starts = unfrozen_at(model, stage_steps=2)
    copies = model_copies(part, [model], SINGLE_REPLICA, training, steps, starts)
    stages = StagedSteps(copies, starts, BatchLoss(TASK, ONES))
    batch = rows.batch(np.arange(8))
    for step in range(1, steps + 1):
        stages.step(step)(batch.inputs, batch.padding_mask, batch.targets)
    assert {name for name, variable in parts.items() if np.abs(variable.numpy() - before[name]).max() > 1e-4} == trained

"""One step of training: loss, gradients, update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from components.tasks import Task
from components.training.optimizer.adamw import AdamW
from components.training.replicas import SINGLE_REPLICA, Gradients, Learner, Replicas
from components.training.state import ModelCopy
from components.training.trainable_part import MASK_SPEC, TrainablePart


@dataclass(frozen=True, slots=True)
class BatchLoss:
    """The loss of a batch: the mean over its rows."""

    task: Task
    class_weights: np.ndarray
    """float32[labels], by which a row's loss counts where each row has one label."""
    smoothing: float = 0.0
    """Of the labels."""

    def __call__(self, logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Logits and targets of a batch, of shapes as in `Task.loss` -> float32[]."""
        losses = self.task.loss(logits, targets, self.smoothing)
        if self.task.single_label:
            losses *= tf.gather(tf.constant(self.class_weights), targets)
        return tf.reduce_mean(losses)


class StagedSteps:
    """The step of training, traced anew where further variables begin to be trained.

    Args:
        copies: of the model, one on each device of this process.
        starts: variable path -> steps after which it is trained; 0 where it has none.
        loss: of a batch.
        replicas: who trains together.
    """

    def __init__(
        self,
        copies: Sequence[ModelCopy],
        starts: dict[str, int],
        loss: BatchLoss,
        replicas: Replicas = SINGLE_REPLICA,
    ) -> None:
        self._copies, self._loss, self._replicas = copies, loss, replicas
        self._begins = [starts.get(variable.path, 0) for variable in copies[0].part.variables]
        self._stages = sorted(set(self._begins), reverse=True)
        self._steps: dict[int, Callable[..., tf.Tensor]] = {}

    def step(self, number: int) -> Callable[..., tf.Tensor]:
        """Inputs, mask and targets of a batch -> the loss; of the step with this number, from 1."""
        stage = next(begin for begin in self._stages if begin < number)
        if stage not in self._steps:
            trained = [begin <= stage for begin in self._begins]
            if self._replicas.count == 1:
                copy = self._copies[0]
                self._steps[stage] = training_step(copy.part, copy.optimizer, self._loss, trained)
            else:
                self._steps[stage] = self._together(trained)
        return self._steps[stage]

    def _together(self, trained: list[bool]) -> Callable[..., tf.Tensor]:
        learners = [Learner(_gradients(copy.part, self._loss, trained), copy.optimizer) for copy in self._copies]
        part = self._copies[0].part
        signature = [part.inputs, MASK_SPEC, part.targets]
        return self._replicas.step(learners, signature, self._loss.task.loss_weight, _trains_table(part, trained))


def training_step(
    part: TrainablePart, optimizer: AdamW, loss: BatchLoss, trained: list[bool]
) -> Callable[..., tf.Tensor]:
    """One step, traced: inputs, mask and targets of a batch -> its loss.

    Args:
        part: what is trained.
        optimizer: of its variables.
        loss: of a batch.
        trained: which of the variables are trained by now.
    """
    of_batch, trains_table = _gradients(part, loss, trained), _trains_table(part, trained)

    @tf.function(input_signature=[part.inputs, MASK_SPEC, part.targets], autograph=False)
    def step(inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        if trains_table:
            optimizer.catch_up(inputs)
        value, gradients = of_batch(inputs, padding_mask, targets)
        optimizer.apply(gradients)
        return value

    return step


def _gradients(part: TrainablePart, loss: BatchLoss, trained: list[bool]) -> Gradients:
    variables = [variable.value for variable, is_trained in zip(part.variables, trained, strict=True) if is_trained]

    def gradients(
        inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, share: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, list[tf.Tensor | tf.IndexedSlices | None]]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            value = loss(part.forward(inputs, padding_mask, training=True), targets)
            if share is not None:
                value *= share
        found = iter(tape.gradient(value, variables))
        every = [next(found) if is_trained else None for is_trained in trained]
        # Of the tables that are gathered from, one at most is trained by rows; the gradients of the others are dense.
        return value, [
            g if g is None or v.path == part.table else tf.convert_to_tensor(g)
            for g, v in zip(every, part.variables, strict=True)
        ]

    return gradients


def _trains_table(part: TrainablePart, trained: list[bool]) -> bool:
    return any(v.path == part.table for v, is_trained in zip(part.variables, trained, strict=True) if is_trained)

"""One step of training: loss, gradients, update."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from components.tasks import Task
from components.training.adamw import AdamW
from components.training.half_batches import in_halves
from components.training.replicas import ALONE, Gradients, Learner, Replicas
from components.training.state import ModelCopy
from components.training.trainable_part import MASK_SPEC, TrainedPart


class StagedSteps:
    """The step of training, traced anew where a variable begins to learn.

    Args:
        part: what learns.
        optimizer: of its variables.
        starts: variable path -> steps after which it begins; 0 where it has none.
        task: whose loss it is.
        class_weights: float32[labels], where each row has one label.
        smoothing: of the labels.
        replicas: who learns together.
        others: the copies on the further devices of this process.
    """

    def __init__(
        self,
        part: TrainedPart,
        optimizer: AdamW,
        starts: dict[str, int],
        task: Task,
        class_weights: np.ndarray,
        smoothing: float,
        replicas: Replicas = ALONE,
        others: Sequence[ModelCopy] = (),
    ) -> None:
        self._part, self._optimizer, self._others, self._replicas = part, optimizer, others, replicas
        self._loss = task, class_weights, smoothing
        self._begins = [starts.get(variable.path, 0) for variable in part.variables]
        self._stages = sorted(set(self._begins), reverse=True)
        self._steps: dict[int, Callable[..., tf.Tensor]] = {}

    def step(self, number: int) -> Callable[..., tf.Tensor]:
        """Inputs, mask and targets of a batch -> the loss; of the step with this number, from 1."""
        stage = next(begin for begin in self._stages if begin < number)
        if stage not in self._steps:
            learning = [begin <= stage for begin in self._begins]
            if self._replicas.count == 1:
                self._steps[stage] = training_step(self._part, self._optimizer, *self._loss, learning)
            else:
                self._steps[stage] = self._together(learning)
        return self._steps[stage]

    def _together(self, learning: list[bool]) -> Callable[..., tf.Tensor]:
        every = [(self._part, self._optimizer), *((copy.part, copy.optimizer) for copy in self._others)]
        learners = [Learner(_gradients(part, *self._loss, learning), optimizer) for part, optimizer in every]
        signature = [self._part.inputs, MASK_SPEC, self._part.targets]
        task, *_ = self._loss
        return self._replicas.step(learners, signature, task.loss_weight, _table_learns(self._part, learning))


def training_step(
    part: TrainedPart,
    optimizer: AdamW,
    task: Task,
    class_weights: np.ndarray,
    smoothing: float,
    learning: list[bool],
) -> Callable[..., tf.Tensor]:
    """One step, traced: inputs, mask and targets of a batch -> its loss."""
    of_batch, table_learns = _gradients(part, task, class_weights, smoothing, learning), _table_learns(part, learning)

    @tf.function(input_signature=[part.inputs, MASK_SPEC, part.targets], autograph=False)
    def step(inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        if table_learns:
            optimizer.catch_up(inputs)
        loss, gradients = of_batch(inputs, padding_mask, targets)
        optimizer.apply(gradients)
        return loss

    return step


def _gradients(
    part: TrainedPart, task: Task, class_weights: np.ndarray, smoothing: float, learning: list[bool]
) -> Gradients:
    variables = [variable.value for variable, learns in zip(part.variables, learning, strict=True) if learns]

    def gradients(
        inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, share: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, list[tf.Tensor | tf.IndexedSlices | None]]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            forward = functools.partial(part.forward, training=True)
            losses = task.loss(in_halves(forward, inputs, padding_mask, task.per_token), targets, smoothing)
            if task.single_label:
                losses *= tf.gather(tf.constant(class_weights), targets)
            loss = tf.reduce_mean(losses)
            if share is not None:
                loss *= share
        found = iter(tape.gradient(loss, variables))
        every = [next(found) if learns else None for learns in learning]
        # Other tables that are gathered from, as that of the segments, are small, and learn as all that is dense.
        return loss, [
            g if g is None or v.path == part.table else tf.convert_to_tensor(g)
            for g, v in zip(every, part.variables, strict=True)
        ]

    return gradients


def _table_learns(part: TrainedPart, learning: list[bool]) -> bool:
    return any(v.path == part.table for v, learns in zip(part.variables, learning, strict=True) if learns)

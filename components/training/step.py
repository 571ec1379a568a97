"""One step of training: loss, gradients, update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from components.model.half_batches import rows_of
from components.tasks import Task
from components.training.optimizer.adamw import AdamW
from components.training.replicas import SHARES_SPEC, SINGLE_REPLICA, Gradients, Learner, Replicas, gradient_of_rows
from components.training.state import ModelCopy
from components.training.trainable_part import MASK_SPEC, Forward, TrainablePart


class Loss(Protocol):
    """What is made smaller."""

    @property
    def task(self) -> Task:
        """What is learned."""

    def __call__(self, forward: Forward, inputs: tf.Tensor, mask: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """A model's way forward, and a batch for it -> float32[]."""


@dataclass(frozen=True, slots=True)
class BatchLoss:
    """The loss of a batch: the mean over its rows."""

    task: Task
    class_weights: np.ndarray
    """float32 of each of the task's `weight_names`; all 1: the loss without weights."""
    smoothing: float = 0.0
    """Of the labels."""

    def __call__(self, forward: Forward, inputs: tf.Tensor, mask: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """As `Loss`; the targets are of a shape as in `Task.loss`."""
        logits = forward(inputs, mask, training=True)
        if (self.class_weights == 1).all():
            return tf.reduce_mean(self.task.loss(logits, targets, self.smoothing))
        return tf.reduce_mean(self.task.weighted_loss(logits, targets, self.smoothing, self.class_weights))


@dataclass(frozen=True, slots=True)
class Parts:
    """How a batch goes through a model: at once, or some rows at a time, whose gradients are added up.

    The loss of a batch is a mean over its rows, or where labels are a token's over its words. That of each part counts
    for the share of these that the part has, so that the sum of all is the loss of the whole batch.
    """

    weigh: Callable[[np.ndarray], int]
    """The task's `loss_weight`."""
    rows: int | None = None
    """At a time, at most; None: all."""

    def shares(self, targets: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """float32[parts]: what each part counts for.

        Args:
            targets: of a copy's rows, which may be none.
            whole: targets of the whole batch.
        """
        size, weight = self.rows or max(1, len(targets)), max(1, self.weigh(whole))
        starts = range(0, max(1, len(targets)), size)
        return np.array([self.weigh(targets[start : start + size]) / weight for start in starts], np.float32)


class StagedSteps:
    """The step of training, traced anew where further variables begin to be trained.

    Args:
        copies: of the model, one on each device of this process.
        starts: variable path -> steps after which it is trained; 0 where it has none.
        loss: of a batch.
        replicas: who trains together.
        micro_batch: rows that go through a copy at a time; None: all that it has of a batch.
    """

    def __init__(
        self,
        copies: Sequence[ModelCopy],
        starts: dict[str, int],
        loss: Loss,
        replicas: Replicas = SINGLE_REPLICA,
        micro_batch: int | None = None,
    ) -> None:
        self._copies, self._loss, self._replicas = copies, loss, replicas
        self._parts = Parts(loss.task.loss_weight, micro_batch)
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
                self._steps[stage] = training_step(copy.part, copy.optimizer, self._loss, trained, self._parts)
            else:
                self._steps[stage] = self._together(trained)
        return self._steps[stage]

    def _together(self, trained: list[bool]) -> Callable[..., tf.Tensor]:
        learners = [
            Learner(_gradients(copy.part, self._loss, trained, self._parts.rows), copy.optimizer)
            for copy in self._copies
        ]
        part = self._copies[0].part
        signature = [part.inputs, MASK_SPEC, part.targets]
        return self._replicas.step(learners, signature, self._parts.shares, _trains_table(part, trained))


def training_step(
    part: TrainablePart, optimizer: AdamW, loss: Loss, trained: list[bool], parts: Parts
) -> Callable[..., tf.Tensor]:
    """One step, traced: inputs, mask and targets of a batch -> its loss.

    Args:
        part: what is trained.
        optimizer: of its variables.
        loss: of a batch.
        trained: which of the variables are trained by now.
        parts: how the batch goes through the model.
    """
    of_batch, trains_table = _gradients(part, loss, trained, parts.rows), _trains_table(part, trained)

    @tf.function(input_signature=[part.inputs, MASK_SPEC, part.targets, SHARES_SPEC], autograph=False)
    def traced(inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
        if trains_table:
            optimizer.catch_up(inputs)
        value, gradients = of_batch(inputs, padding_mask, targets, shares)
        optimizer.apply(gradients)
        return value

    def step(inputs: np.ndarray, padding_mask: np.ndarray, targets: np.ndarray) -> tf.Tensor:
        return traced(inputs, padding_mask, targets, parts.shares(targets, targets))

    return step


def _gradients(part: TrainablePart, loss: Loss, trained: list[bool], rows: int | None) -> Gradients:
    """Of a batch that goes through the model so many rows at a time; None: at once."""
    variables = [variable.value for variable, is_trained in zip(part.variables, trained, strict=True) if is_trained]

    def of_part(
        inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, share: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor | tf.IndexedSlices | None]]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            value = loss(part.forward, inputs, padding_mask, targets) * share
        found = iter(tape.gradient(value, variables))
        every = [next(found) if is_trained else None for is_trained in trained]
        # Of the tables that are gathered from, one at most is trained by rows; the gradients of the others are dense.
        return value, [
            g if g is None or v.path == part.table else tf.convert_to_tensor(g)
            for g, v in zip(every, part.variables, strict=True)
        ]

    def at_once(
        inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, shares: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor | tf.IndexedSlices | None]]:
        return of_part(inputs, padding_mask, targets, shares[0])

    return at_once if rows is None else _added_up(of_part, part, trained, rows, loss.task.per_token)


def _added_up(of_part: Gradients, part: TrainablePart, trained: list[bool], rows: int, per_token: bool) -> Gradients:
    """The sum over parts of so many rows; what a part has in memory is gone before the next one begins."""

    def gradients(
        inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, shares: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor | tf.IndexedSlices | None]]:
        by_rows = [is_trained and v.path == part.table for v, is_trained in zip(part.variables, trained, strict=True)]
        ids = tf.sort(tf.unique(tf.reshape(inputs, [-1])).y) if any(by_rows) else None
        # A variable that the loss does not depend on has no gradient, in any part.
        has_one = [False] * len(by_rows)

        def start(index: int) -> tf.Tensor:
            value = part.variables[index].value
            return tf.zeros([tf.size(ids), value.shape[1]]) if by_rows[index] else tf.zeros_like(value)

        def add(number: tf.Tensor, loss: tf.Tensor, sums: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, list[Any]]:
            mine = slice(number * rows, (number + 1) * rows)
            of_rows = rows_of(mine, inputs, padding_mask)
            of_targets = targets[mine, : tf.shape(of_rows[1])[1]] if per_token else targets[mine]
            value, found = of_part(*of_rows, of_targets, shares[number])
            has_one[:] = [gradient is not None for gradient in found]
            found = [gradient_of_rows(g, ids) if by_row else g for g, by_row in zip(found, by_rows, strict=True)]
            learned = (gradient for gradient, is_trained in zip(found, trained, strict=True) if is_trained)
            return number + 1, loss + value, [s if g is None else s + g for s, g in zip(sums, learned, strict=True)]

        _, loss, sums = tf.while_loop(
            lambda number, *_: number < tf.size(shares),
            add,
            (tf.constant(0), tf.constant(0.0), [start(index) for index, one in enumerate(trained) if one]),
            parallel_iterations=1,
        )
        total = iter(sums)
        every = [next(total) if is_trained else None for is_trained in trained]
        return loss, [
            None if not known else tf.IndexedSlices(value, ids) if by_row else value
            for value, known, by_row in zip(every, has_one, by_rows, strict=True)
        ]

    return gradients


def _trains_table(part: TrainablePart, trained: list[bool]) -> bool:
    return any(v.path == part.table for v, is_trained in zip(part.variables, trained, strict=True) if is_trained)

"""All that a step of training changes, and the best weights so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.model.freezing import freeze, learning_rate_factors
from components.model.task_model import TaskModel
from components.settings.training import Training
from components.tasks import Task
from components.tasks.tagging import IGNORED
from components.training.adamw import AdamW
from components.training.checkpoints import Checkpoints, State, read
from components.training.dataset import Rows
from components.training.history import Evaluation, History, best
from components.training.replicas import ALONE, Replicas
from components.training.schedule import warm_up_linear
from components.training.trainable_part import Infer, TrainedPart

_CAUGHT_UP_ROWS = 4096
"""Rows of the embedding table that are caught up with at a time: each takes eight copies of itself meanwhile."""


def evaluate(task: Task, predictions: np.ndarray, losses: np.ndarray, targets: np.ndarray, step: int) -> Evaluation:
    """What the predictions to all rows are worth."""
    return Evaluation(step, task.compute_metrics(targets, predictions)[task.primary_metric.name], float(losses.mean()))


def predict_split(
    infer: Infer, rows: Rows, replicas: Replicas = ALONE, weigh: Callable[[np.ndarray], int] = len
) -> tuple[np.ndarray, np.ndarray]:
    """The predictions to every row and their losses, in the order of the split; of labels a token, filled up with -1.

    Each worker asks for its part of every batch; `loss_weight` is the task's.
    """
    predictions: np.ndarray | None = None
    losses = np.zeros(len(rows), np.float32)
    for whole in rows.by_length():
        batch = whole.part(replicas.worker, replicas.workers)
        if predictions is not None and not len(batch.rows):
            continue
        # A worker without a row in the first batch asks for the shape alone.
        found, of_rows = (value.numpy() for value in infer(*(batch if len(batch.rows) else whole)[1:]))
        if predictions is None:
            # The first batch has the longest rows.
            predictions = np.zeros((len(rows), *found.shape[1:]), np.float32)
        if not len(batch.rows):
            continue
        losses[batch.rows] = of_rows
        if replicas.workers > 1:
            # Where labels are a token's, a row's loss depends on the words that the others of its batch have.
            share = weigh(batch.targets) / max(1, weigh(whole.targets))
            losses[batch.rows] *= share * len(whole.rows) / len(batch.rows)
        if rows.per_token:
            predictions[batch.rows] = IGNORED
            predictions[batch.rows, : found.shape[1]] = found
        else:
            predictions[batch.rows] = found
    if predictions is None:
        return np.zeros(0), losses
    predictions, losses = replicas.all_reduce_sum(predictions, losses)
    return predictions, losses


class ModelCopy(NamedTuple):
    """A copy of the model on a device, and what trains it."""

    model: TaskModel
    part: TrainedPart
    optimizer: AdamW

    @property
    def seeds(self) -> list[Any]:
        """The variables that its dropouts draw from."""
        return [variable for variable in self.model.non_trainable_variables if "seed" in variable.path]

    @property
    def changing(self) -> list[Any]:
        """All variables that a step of training changes, the seeds last."""
        return [*self.part.variables, *self.optimizer.state, *self.seeds]


def model_copies(
    part: TrainedPart,
    models: Sequence[TaskModel],
    replicas: Replicas,
    training: Training,
    steps: int,
    starts: dict[str, int],
) -> list[ModelCopy]:
    """A copy for each device; the first one is the part's."""
    copies: list[ModelCopy] = []
    for device, model in zip(replicas.devices, models, strict=True):
        if copies:
            freeze(model, training)
        of_model = part.of(model) if copies else part
        with tf.device(device):
            optimizer = AdamW(
                of_model.variables,
                warm_up_linear(training.learning_rate, steps, training.warmup),
                table=part.table,
                factors=learning_rate_factors(model, training.layer_decay),
                starts=starts,
                weight_decay=training.weight_decay,
                clip_norm=training.clip_norm,
            )
        copies.append(ModelCopy(model, of_model, optimizer))
    return copies


class TrainingState:
    """All that a step of training changes, to be put on disk and taken from there.

    Args:
        copies: of the model in this process, which are equal but for their dropouts' random numbers.
        first: the number of the first one among all; each draws other numbers than the others.
        history: of the training so far.
    """

    def __init__(self, copies: Sequence[ModelCopy], first: int, history: History) -> None:
        self._copies, self._first = copies, first
        self._part, self._task, self._table_rows = copies[0].part, copies[0].model.task, copies[0].optimizer.table_rows
        ids = tf.TensorSpec([None], tf.int32)
        self._catch_up = [
            tf.function(copy.optimizer.catch_up, input_signature=[ids], autograph=False) for copy in copies
        ]
        self._number_seeds()
        self.history = history
        self.step = self.seen = 0
        """Steps done, and rows in them."""
        self.shown = 0.0
        """The smoothed loss."""
        self.best: list[np.ndarray] = []
        self.best_predictions = np.zeros(0)
        """The weights of the best evaluation, and the predictions on dev by them."""

    def evaluate(self, dev: Rows, replicas: Replicas) -> None:
        """Measures on dev after a step, and keeps the weights if they are the best so far."""
        started = time.monotonic()
        for start in range(0, self._table_rows, _CAUGHT_UP_ROWS):
            for catch_up in self._catch_up:
                catch_up(np.arange(start, min(start + _CAUGHT_UP_ROWS, self._table_rows), dtype=np.int32))
        self.history.epoch_seconds[-1] += time.monotonic() - started
        predictions, losses = predict_split(self._part.infer, dev, replicas, self._task.loss_weight)
        result = evaluate(self._task, predictions, losses, dev.all_targets(), self.step)
        tf.summary.scalar(f"dev/{self.history.metric}", result.value, self.step)
        tf.summary.scalar("dev/loss", result.loss, self.step)
        if result.better_than(best(self.history)):
            self.best, self.best_predictions = [variable.numpy() for variable in self._part.variables], predictions
            self.history.best_step = self.step
        self.history.evaluations.append(result)

    def saved(self) -> State:
        """As it goes to disk."""
        changing = self._copies[0].changing
        now = {f"now/{index}": np.asarray(variable.numpy()) for index, variable in enumerate(changing)}
        best = {f"best/{index}": value for index, value in enumerate(self.best)}
        plain = {"history": asdict(self.history), "step": self.step, "seen": self.seen, "shown": self.shown}
        return State({**now, **best, "predictions": self.best_predictions}, plain)

    def resume(self, checkpoints: Checkpoints | None, replicas: Replicas) -> None:
        """Goes on from the newest checkpoint, if there is one: the chief has them, the others read what it takes."""
        saved = None if checkpoints is None else checkpoints.newest()
        taken = replicas.broadcast(str(checkpoints.taken or "") if checkpoints is not None else "")
        if taken and not replicas.is_chief:
            saved = read(Path(taken))
        if saved is not None:
            self.restore(saved)
            self.history.resumed.append(self.step)
        if checkpoints is not None:
            self.history.damaged += checkpoints.damaged

    def restore(self, saved: State) -> None:
        """As it was when it went to disk."""
        arrays, plain, replicas = *saved, self.history.replicas
        for copy in self._copies:
            for index, variable in enumerate(copy.changing):
                variable.assign(arrays[f"now/{index}"])
        self._number_seeds()
        self.best = [arrays[f"best/{index}"] for index in range(sum(name.startswith("best/") for name in arrays))]
        self.best_predictions = arrays["predictions"]
        self.step, self.seen, self.shown = plain["step"], plain["seen"], plain["shown"]
        evaluations = [Evaluation(**evaluation) for evaluation in plain["history"].pop("evaluations")]
        self.history = History(**plain["history"], evaluations=evaluations)
        self.history.replicas = replicas

    def _number_seeds(self) -> None:
        """Gives each copy random numbers of its own, which the first one's seeds and its number determine."""
        for number, copy in enumerate(self._copies, self._first):
            for seed in copy.seeds if number else ():
                seed.assign(seed.numpy() + np.array([number, 0], seed.numpy().dtype))

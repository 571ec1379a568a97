"""Fine-tuning: the loop over steps, and the best checkpoint by dev."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from components.common.cpu import resolved_precision
from components.common.errors import InputError
from components.common.progress import progress
from components.model.freezing import freeze, unfrozen_at
from components.model.task_model import TaskModel
from components.model.trained_model import TrainedModel
from components.model.writing.decoder import GenerationModel
from components.settings.training import Training
from components.tasks import Task
from components.tasks.metrics import Metric
from components.training import recipe
from components.training.checkpoints import Checkpoints
from components.training.dataset import Batch, Rows
from components.training.history import History, is_exhausted
from components.training.of_task import writing
from components.training.replicas import SINGLE_REPLICA, Replicas
from components.training.state import TrainingState, check_loss, model_copies
from components.training.step import BatchLoss, Loss, StagedSteps
from components.training.trainable_part import TrainablePart, trainable_part

_LOGGED_STEPS = 10
"""Steps between two points of the loss in TensorBoard."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many steps a training has, and what happens after how many."""

    steps_per_epoch: int
    steps: int
    """Of the whole training."""
    evaluate_every: int
    """Steps from one evaluation on dev to the next; there is one after the last step too."""
    unfreeze_every: int
    """Steps of a stage where layers are unfrozen from the top."""

    @classmethod
    def of(cls, training: Training, rows: int) -> Plan:
        """Of a training on so many rows."""
        per_epoch = math.ceil(rows / training.batch_size)
        epochs = training.epochs or recipe.epochs(rows, training.batch_size)
        return cls(
            steps_per_epoch=per_epoch,
            steps=training.steps or per_epoch * epochs,
            evaluate_every=max(1, per_epoch // training.evaluations_per_epoch),
            unfreeze_every=max(1, round(per_epoch * (training.unfreeze_epochs or 1))),
        )


def fit(
    model: TaskModel | GenerationModel,
    train: Rows,
    dev: Rows,
    training: Training,
    class_weights: np.ndarray,
    logs: Path,
    scratch: Path,
    checkpoints: Checkpoints | None = None,
    replicas: Replicas = SINGLE_REPLICA,
    others: Sequence[TaskModel | GenerationModel] = (),
) -> History:
    """Fine-tunes in place and leaves the model with its best weights by dev.

    Args:
        model: with the weights to begin with.
        train: rows to learn from.
        dev: rows to choose the checkpoint by.
        training: strategy and hyper-parameters.
        class_weights: float32[labels], each class's weight in the loss.
        logs: directory for TensorBoard.
        scratch: directory for the hidden states of what is frozen.
        checkpoints: where the state goes now and then, and from where a training is resumed; None: nowhere.
        replicas: who trains together.
        others: the model's copies on the further devices of this process.

    Raises:
        ArithmeticError: the loss, or a weight, is no longer a number.
        InputError: the disk has no room for the hidden states of what is frozen; a metric of a label that there is not.
    """
    metric = _metric(training, model.task)
    freeze(model, training)
    loss: Loss
    if isinstance(model, GenerationModel):
        part, loss = writing.trained_whole(model), writing.WritingLoss(model.task, training.label_smoothing)
    else:
        part, train, dev = trainable_part(model, train, dev, scratch, replicas)
        loss = BatchLoss(model.task, class_weights, training.label_smoothing)
    return fit_part(part, [model, *others], train, dev, training, loss, metric, logs, checkpoints, replicas)


def fit_part(
    part: TrainablePart,
    models: Sequence[TrainedModel],
    train: Rows,
    dev: Rows,
    training: Training,
    loss: Loss,
    metric: Metric,
    logs: Path,
    checkpoints: Checkpoints | None = None,
    replicas: Replicas = SINGLE_REPLICA,
) -> History:
    """The same of whatever is trained.

    Args:
        part: of the first model.
        models: as `freeze` left it, and its copies on the further devices of this process.
        train: inputs of the part to learn from.
        dev: likewise, to choose the checkpoint by.
        training: strategy and hyper-parameters.
        loss: of a batch.
        metric: what chooses the checkpoint.
        logs: as `fit`.
        checkpoints: as `fit`.
        replicas: as `fit`.
    """
    model = models[0]
    plan = Plan.of(training, len(train))
    starts = unfrozen_at(model, plan.unfreeze_every) if training.strategy == "gradual" else {}
    copies = model_copies(part, models, replicas, training, plan.steps, starts)
    steps = StagedSteps(copies, starts, loss, replicas, training.micro_batch)
    state = TrainingState(copies, replicas.first, _history(model, part, training, plan, replicas, metric))
    state.resume(checkpoints, replicas)
    _run(plan, steps, state, train, dev, training, logs, checkpoints, replicas)
    state.history.seconds = sum(state.history.epoch_seconds)
    state.history.examples_per_second = state.seen / state.history.seconds
    state.take_best()
    return state.history


def _metric(training: Training, task: Task) -> Metric:
    """What chooses the checkpoint, by its full name."""
    if training.metric is None:
        return task.primary_metric
    if wrong := task.check_metric(training.metric):
        raise InputError("training.metric", *wrong)
    metric = task.metric_of(training.metric)
    assert metric is not None  # noqa: S101
    return dataclasses.replace(metric, name=training.metric)


def _history(
    model: TrainedModel, part: TrainablePart, training: Training, plan: Plan, replicas: Replicas, metric: Metric
) -> History:
    """Before the first step."""
    return History(
        steps=plan.steps,
        trainable_parameters=sum(int(np.prod(variable.shape)) for variable in part.variables),
        parameters=model.count_params(),
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        frozen_seconds=part.seconds,
        precision=resolved_precision(training.precision),
        replicas=replicas.count,
    )


def _run(
    plan: Plan,
    steps: StagedSteps,
    state: TrainingState,
    train: Rows,
    dev: Rows,
    training: Training,
    logs: Path,
    checkpoints: Checkpoints | None,
    replicas: Replicas,
) -> None:
    """All steps from the state's on, with what happens between them."""
    batches = _endless(train, training, *divmod(state.step, plan.steps_per_epoch))
    with progress(plan.steps) as bar, tf.summary.create_file_writer(str(logs)).as_default():
        bar.done = state.step
        while state.step < plan.steps:
            loss = _step(steps, state, batches, plan)
            if state.step % _LOGGED_STEPS == 0 or state.step == 1:
                tf.summary.scalar("train/loss", loss, state.step)
                tf.summary.scalar("train/learning_rate", state.learning_rate, state.step)
            if state.step % plan.evaluate_every == 0 or state.step == plan.steps:
                state.evaluate(dev, replicas)
                exhausted = is_exhausted(state.history, training.early_stopping) and state.step < plan.steps
                # The chief's word: computed on another CPU it might be another.
                state.history.stopped_early = bool(int(replicas.broadcast(str(int(exhausted)))))
            bar.advance(1, _progress_line(state, plan))
            if state.history.stopped_early:
                break
            if checkpoints is not None and state.step < plan.steps and checkpoints.due(state.step):
                checkpoints.save(state.step, state.saved())


def _step(steps: StagedSteps, state: TrainingState, batches: Iterator[tuple[int, Batch]], plan: Plan) -> float:
    """The next step, its time noted; returns its loss."""
    started, number, seconds = time.monotonic(), state.step + 1, state.history.epoch_seconds
    epoch, batch = next(batches)
    if epoch == len(seconds):
        seconds.append(0.0)
    loss = float(steps.step(number)(batch.inputs, batch.padding_mask, batch.targets))
    seconds[-1] += time.monotonic() - started
    check_loss(loss, f"at step {number} of {plan.steps}", first=number == 1)
    state.count_step(len(batch.rows), loss)
    return loss


def _progress_line(state: TrainingState, plan: Plan) -> str:
    history = state.history
    last = f"dev {history.metric} {history.evaluations[-1].value:.3f}, " if history.evaluations else ""
    rate = f"{state.seen / sum(history.epoch_seconds):.0f} examples/s"
    losses = state.recent_losses
    loss = f"loss {statistics.fmean(losses):.3f} (mean of {len(losses)} steps), " if losses else ""
    return f"{loss}{last}{rate}, step {state.step}/{plan.steps}"


def _endless(rows: Rows, training: Training, epoch: int, first: int) -> Iterator[tuple[int, Batch]]:
    """Batches with the number of their epoch, from number `first` of that epoch on."""
    for number in itertools.count(epoch):
        for batch in rows.epoch(training.batch_size, training.seed, number, first if number == epoch else 0):
            yield number, batch

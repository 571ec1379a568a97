"""Fine-tuning: optimiser, schedule, loop, and the best checkpoint by dev."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from components.common.cpu import resolved_precision
from components.common.progress import progress
from components.model.freezing import freeze, unfrozen_at
from components.model.task_model import TaskModel
from components.settings.training import DEFAULT_EPOCHS, Training
from components.training.checkpoints import Checkpoints
from components.training.dataset import Batch, Rows
from components.training.history import History, is_exhausted
from components.training.replicas import ALONE, Replicas
from components.training.state import TrainingState, model_copies
from components.training.step import StagedSteps
from components.training.trainable_part import trained_part

_LOGGED_STEPS = 10
"""Steps between two points of the loss in TensorBoard."""

_SMOOTHING = 0.98
"""Of the loss that is shown: an exponential mean over about 50 steps."""


def fit(
    model: TaskModel,
    train: Rows,
    dev: Rows,
    training: Training,
    class_weights: np.ndarray,
    logs: Path,
    scratch: Path,
    checkpoints: Checkpoints | None = None,
    replicas: Replicas = ALONE,
    others: Sequence[TaskModel] = (),
) -> tuple[History, np.ndarray]:
    """Fine-tunes in place and leaves the model with its best weights by dev.

    Args:
        model: a classifier with the base model's weights.
        train: rows to learn from.
        dev: rows to choose the checkpoint by.
        training: strategy and hyper-parameters.
        class_weights: float32[labels], each class's weight in the loss.
        logs: directory for TensorBoard.
        scratch: directory for the hidden states of what is frozen.
        checkpoints: where the state goes now and then, and where one is gone on from; None: nowhere.
        replicas: who learns together.
        others: the model's copies on the further devices of this process.

    Returns:
        What happened, and the answers on dev, in the order of its rows: as `Task.predictions` has them, or of labels a
        token the most probable one, float32[rows, length].

    Raises:
        ArithmeticError: the loss is no longer a number.
        InputError: the disk has no room for the hidden states of what is frozen.
    """
    part, train, dev = trained_part(model, train, dev, freeze(model, training), scratch, replicas)
    per_epoch = math.ceil(len(train) / training.batch_size)
    steps = training.steps or per_epoch * (training.epochs or DEFAULT_EPOCHS)
    starts = {}
    if training.strategy == "gradual":
        starts = unfrozen_at(model, max(1, round(per_epoch * (training.unfreeze_epochs or 1))))
    copies = model_copies(part, [model, *others], replicas, training, steps, starts)
    optimizer = copies[0].optimizer
    smoothing = training.label_smoothing
    stages = StagedSteps(part, optimizer, starts, model.task, class_weights, smoothing, replicas, copies[1:])
    count = sum(int(np.prod(variable.shape)) for variable in part.variables)
    history = History(
        len(train),
        steps,
        count,
        model.count_params(),
        model.task.primary_metric.name,
        frozen_seconds=part.seconds,
        precision=resolved_precision(training.precision),
        replicas=replicas.count,
    )
    evaluate_every = max(1, per_epoch // training.evaluations_per_epoch)
    state = TrainingState(copies, replicas.first, history)
    state.resume(checkpoints, replicas)
    history = state.history
    batches = _endless(train, training, *divmod(state.step, per_epoch))
    writer = tf.summary.create_file_writer(str(logs))
    with progress(steps) as bar, writer.as_default():
        bar.done = state.step
        for step in range(state.step + 1, steps + 1):
            started = time.monotonic()
            epoch, batch = next(batches)
            history.epoch_seconds += [0.0] * (epoch == len(history.epoch_seconds))
            loss = float(stages.step(step)(batch.inputs, batch.padding_mask, batch.targets))
            history.epoch_seconds[-1] += time.monotonic() - started
            if not math.isfinite(loss):
                raise ArithmeticError(f"the loss is {loss} at step {step} of {steps}: a smaller learning_rate may help")
            state.step, state.seen = step, state.seen + len(batch.rows)
            state.shown = loss if step == 1 else _SMOOTHING * state.shown + (1 - _SMOOTHING) * loss
            if step % _LOGGED_STEPS == 0 or step == 1:
                tf.summary.scalar("train/loss", loss, step)
                tf.summary.scalar("train/learning_rate", optimizer.rates[step - 1], step)
            if step % evaluate_every == 0 or step == steps:
                state.evaluate(dev, replicas)
                exhausted = is_exhausted(history, training.early_stopping) and step < steps
                # The chief's word: measured on another CPU it might be another.
                history.stopped_early = bool(int(replicas.broadcast(str(int(exhausted)))))
            last = f"dev {history.metric} {history.evaluations[-1].value:.3f} " if history.evaluations else ""
            rate = f"{state.seen / sum(history.epoch_seconds):.0f} examples/s"
            bar.advance(1, f"step {step}/{steps} loss {state.shown:.3f} {last}{rate}")
            if history.stopped_early:
                break
            if checkpoints is not None and step < steps and checkpoints.due(step):
                checkpoints.save(step, state.saved())
    history.seconds = sum(history.epoch_seconds)
    history.examples_per_second = state.seen / history.seconds
    for variable, value in zip(part.variables, state.best, strict=True):
        variable.assign(value)
    return history, state.best_predictions


def _endless(rows: Rows, training: Training, epoch: int, first: int) -> Iterator[tuple[int, Batch]]:
    """Batches with the number of their epoch, from number `first` of that epoch on."""
    for number in itertools.count(epoch):
        for batch in rows.epoch(training.batch_size, training.seed, number, first if number == epoch else 0):
            yield number, batch

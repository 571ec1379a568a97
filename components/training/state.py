"""All that a step of training changes, and the best weights so far."""

from __future__ import annotations

import collections
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.model.freezing import freeze, learning_rate_factors
from components.model.trained_model import TrainedModel
from components.settings.training import Training
from components.training.checkpoints import Checkpoints, SavedState, read
from components.training.dataset import Rows
from components.training.dev_evaluation import evaluate, predict_split
from components.training.history import Evaluation, History, best
from components.training.optimizer.adamw import AdamW
from components.training.optimizer.cpu_adamw import CpuAdamW
from components.training.optimizer.schedule import warm_up_linear
from components.training.replicas import Replicas
from components.training.trainable_part import TrainablePart

RECENT_STEPS = 20
"""Over which the loss that is shown is a mean: of one step it jumps, of all it tells what was long ago."""


def check_loss(loss: float, where: str, *, first: bool = False) -> None:
    """Stops a training that has diverged, or that begins with weights that nothing can be computed with.

    Args:
        loss: of a step, or on dev.
        where: which, for the message.
        first: whether it is of the weights that training began with.

    Raises:
        ArithmeticError: the loss is no number.
    """
    if not math.isfinite(loss):
        cause = "a smaller learning_rate may help"
        if first:
            # The learning rate has done nothing yet.
            cause = "before any update: the weights that training begins with overflow, take another model"
        raise ArithmeticError(f"the loss is {loss} {where}{',' if first else ':'} {cause}")


class ModelCopy(NamedTuple):
    """A copy of the model on a device, and what trains it."""

    model: TrainedModel
    part: TrainablePart
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
    part: TrainablePart,
    models: Sequence[TrainedModel],
    replicas: Replicas,
    training: Training,
    steps: int,
    starts: dict[str, int],
) -> list[ModelCopy]:
    """A copy for each device.

    Args:
        part: of the first model.
        models: equal ones, one on each device of this process.
        replicas: who trains together.
        training: hyper-parameters.
        steps: of the whole training.
        starts: variable path -> steps after which it is trained; 0 where it has none.
    """
    copies: list[ModelCopy] = []
    for device, model in zip(replicas.devices, models, strict=True):
        if copies:
            freeze(model, training)
        of_model = part.of(model) if copies else part
        with tf.device(device):
            copies.append(ModelCopy(model, of_model, _optimizer(of_model, model, training, steps, starts)))
    return copies


def _optimizer(
    part: TrainablePart, model: TrainedModel, training: Training, steps: int, starts: dict[str, int]
) -> AdamW:
    rates = warm_up_linear(training.learning_rate, steps, training.warmup)
    settings: dict[str, Any] = {
        "factors": learning_rate_factors(model, training.layer_decay),
        "starts": starts,
        "weight_decay": training.weight_decay,
        "clip_norm": training.clip_norm,
    }
    if model.forms.cpu_adamw:
        return CpuAdamW(part.variables, rates, table=part.table, **settings)
    return AdamW(part.variables, rates, **settings)


class TrainingState:
    """All that a step of training changes, to be put on disk and taken from there.

    Args:
        copies: of the model in this process, which are equal but for their dropouts' random numbers.
        first: the number of the first one among all; each draws other numbers than the others.
        history: of the training so far.
    """

    def __init__(self, copies: Sequence[ModelCopy], first: int, history: History) -> None:
        self._copies, self._first = copies, first
        self._number_seeds()
        self.history = history
        self.step = self.seen = 0
        """Steps done, and rows in them."""
        self.recent_losses: collections.deque[float] = collections.deque(maxlen=RECENT_STEPS)
        self.best: list[np.ndarray] = []
        """The weights of the best evaluation."""

    @property
    def learning_rate(self) -> tf.Tensor:
        """Of the last step, float32[]."""
        return self._copies[0].optimizer.rates[self.step - 1]

    def count_step(self, rows: int, loss: float) -> None:
        """Notes a step that was done over so many rows."""
        self.step, self.seen = self.step + 1, self.seen + rows
        self.recent_losses.append(loss)

    def evaluate(self, dev: Rows, replicas: Replicas) -> None:
        """Computes the metric on dev after a step, and keeps the weights if they are the best so far.

        Raises:
            ArithmeticError: the loss on dev is no longer a number, with which nothing can be compared.
        """
        started = time.monotonic()
        for copy in self._copies:
            copy.optimizer.catch_up_all()
        self.history.epoch_seconds[-1] += time.monotonic() - started
        model, part, _ = self._copies[0]
        predictions, losses = predict_split(part.infer, dev, replicas, model.task.loss_weight)
        result = evaluate(model.task, predictions, losses, dev.all_targets(), self.step, self.history.metric)
        check_loss(result.loss, f"on dev after step {self.step} of {self.history.steps}")
        tf.summary.scalar(f"dev/{self.history.metric}", result.value, self.step)
        tf.summary.scalar("dev/loss", result.loss, self.step)
        if result.better_than(best(self.history), self.history.higher_is_better):
            self.best = [variable.numpy() for variable in part.variables]
            self.history.best_step = self.step
        self.history.evaluations.append(result)

    def take_best(self) -> None:
        """Gives the model the weights of the best evaluation.

        Raises:
            ArithmeticError: some are no numbers: those of a token that neither train nor dev has do not show in a loss.
        """
        for variable, value in zip(self._copies[0].part.variables, self.best, strict=True):
            variable.assign(value)
        for variable in self._copies[0].model.variables:
            if "seed" not in variable.path and not np.isfinite(variable.numpy()).all():
                raise ArithmeticError(f"the weights {variable.path} are not finite: a smaller learning_rate may help")

    def saved(self) -> SavedState:
        """As it goes to disk."""
        changing = self._copies[0].changing
        now = {f"now/{index}": np.asarray(variable.numpy()) for index, variable in enumerate(changing)}
        best = {f"best/{index}": value for index, value in enumerate(self.best)}
        plain = {
            "history": asdict(self.history),
            "step": self.step,
            "seen": self.seen,
            "recent_losses": list(self.recent_losses),
        }
        return SavedState({**now, **best}, plain)

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

    def restore(self, saved: SavedState) -> None:
        """As it was when it went to disk."""
        arrays, plain, replicas = *saved, self.history.replicas
        for copy in self._copies:
            for index, variable in enumerate(copy.changing):
                variable.assign(arrays[f"now/{index}"])
        self._number_seeds()
        self.best = [arrays[f"best/{index}"] for index in range(sum(name.startswith("best/") for name in arrays))]
        self.step, self.seen = plain["step"], plain["seen"]
        # A checkpoint of an older version has none.
        self.recent_losses.extend(plain.get("recent_losses", []))
        evaluations = [Evaluation(**evaluation) for evaluation in plain["history"].pop("evaluations")]
        self.history = History(**plain["history"], evaluations=evaluations)
        self.history.replicas = replicas

    def _number_seeds(self) -> None:
        """Gives each copy random numbers of its own, which the first one's seeds and its number determine."""
        for number, copy in enumerate(self._copies, self._first):
            for seed in copy.seeds if number else ():
                seed.assign(seed.numpy() + np.array([number, 0], seed.numpy().dtype))

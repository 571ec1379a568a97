"""What happened during one fine-tuning: its evaluations on dev, its speed, its checkpoint."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HISTORY_FILE = "history.json"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metric and the loss on dev after a step."""

    step: int
    value: float
    """Of the metric that chooses the checkpoint."""
    loss: float
    """The mean, without class weights and label smoothing."""

    def better_than(self, other: Evaluation | None, higher_is_better: bool = True) -> bool:
        """A greater value, or a smaller one where that is better; among equals, the smaller loss."""
        sign = 1 if higher_is_better else -1
        return other is None or (sign * self.value, -self.loss) > (sign * other.value, -other.loss)


@dataclass(slots=True)
class History:
    """What happened during one fine-tuning."""

    steps: int
    trainable_parameters: int
    parameters: int
    metric: str
    """What chooses the checkpoint."""
    evaluations: list[Evaluation] = field(default_factory=list)
    best_step: int = 0
    seconds: float = 0.0
    """In training steps alone, without the evaluations on dev."""
    examples_per_second: float = 0.0
    epoch_seconds: list[float] = field(default_factory=list)
    """The same of each epoch; the first one has the tracing of the graph in it."""
    frozen_seconds: float = 0.0
    """In running what is frozen once over every row, before the first step."""
    stopped_early: bool = False
    key: str = ""
    """Names its checkpoints."""
    words_cut: int = 0
    """Words of train with a label that are beyond the tokens a text may have."""
    precision: str = "float32"
    """Of the matrix products in training."""
    replicas: int = 1
    """Copies of the model that were trained together, on all devices of all workers."""
    resumed: list[int] = field(default_factory=list)
    """Steps from whose checkpoints the training went on after it was killed."""
    chosen: list[dict[str, Any]] = field(default_factory=list)
    """`training.recipe.Choice.as_dict` of each setting that the config left open."""
    guessed_loss: float | None = None
    """The loss on dev of answering every row alike, as train's labels are spread; None: not known."""
    damaged: list[str] = field(default_factory=list)
    """Checkpoints that could not be used for that."""
    higher_is_better: bool = True
    """Whether that metric is."""

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


LEARNED = 0.95
"""Of the loss of guessing: a model that was never below has learned next to nothing."""


def has_not_learned(history: dict[str, Any]) -> bool:
    """Whether no evaluation of a history, as it was written, has a loss clearly below that of guessing.

    Of all evaluations, for later ones may be overconfident and still right.
    """
    guessed = history.get("guessed_loss")
    return guessed is not None and min(one["loss"] for one in history["evaluations"]) > LEARNED * guessed


FEW_STEPS = 100
"""Of a training that may have ended before it had learned: Mosbach et al. 2021 (arXiv:2006.04884) find too few steps
behind most of the failures on few rows."""

_FALLING = 0.05
"""Part of the loss on dev by which it falls where it has not settled."""

_RISING = 0.01
"""By how much a metric rises from one evaluation to the next where it still rises."""


def is_short(history: dict[str, Any]) -> bool:
    """Whether a history, as it was written, has few steps, and a loss on dev that was still falling when they ended."""
    losses = [one["loss"] for one in history["evaluations"]]
    settled = len(losses) > 1 and losses[-1] > (1 - _FALLING) * losses[-2]
    return bool(history["steps"] < FEW_STEPS and not settled)


def is_rising(history: dict[str, Any]) -> bool:
    """Whether the metric on dev rose in each of the last two stretches between evaluations, in the last one hardly less
    than before, and the loss fell.

    Of a metric from which checkpoints are chosen; with fewer than three evaluations nobody can tell.
    """
    last = history["evaluations"][-3:]
    if len(last) < 3 or history["stopped_early"]:
        return False
    sign = 1 if history["higher_is_better"] else -1
    before, now = (sign * (b["value"] - a["value"]) for a, b in itertools.pairwise(last))
    least = _RISING * max(1.0, abs(last[-1]["value"]))
    return bool(now > least and 2 * now > before > 0 and last[-1]["loss"] < last[-2]["loss"])


def best(history: History) -> Evaluation | None:
    """The best evaluation so far; None: there is none."""
    return next((e for e in history.evaluations if e.step == history.best_step), None)


def is_exhausted(history: History, patience: int | None) -> bool:
    """Whether the last `patience` evaluations brought nothing better."""
    since = [e for e in history.evaluations if e.step > history.best_step]
    return patience is not None and len(since) >= patience

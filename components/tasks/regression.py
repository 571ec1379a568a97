"""A number for each text."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from components.statistics.resampling import Draws, weighted_correlation, weighted_ranks
from components.tasks.base import Problem, Task
from components.tasks.metrics import PEARSON, SPEARMAN, Assessment, Metric, correlation
from components.tasks.protocols import DataSettings, ModelSettings

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

MAE = Metric("mae", "mean absolute error, in the label's unit", higher_is_better=False, upper_bound=None)

R2 = Metric(
    "r2",
    "coefficient of determination: 1 - squared error / squared deviation of the labels from their mean, as "
    "scikit-learn has it; 0 for a single row",
    lower_bound=None,
)

_DRIFT_BINS = 10
"""Equal parts of the allowed range whose shares are compared between train and later data."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

LARGEST = 1e15
"""Numbers beyond, in either direction, are refused: the sum of their squares is to stay within float32."""

_STEPS = 100
"""Labels are refused where float32 has fewer numbers than this between the least and the greatest."""


@dataclasses.dataclass(frozen=True)
class Regression(Task):
    """A linear output, learned on labels scaled to mean 0 and standard deviation 1."""

    range: tuple[float, float] | None = None
    """The smallest and the largest label allowed; None: no limit."""
    mean: float = 0.0
    deviation: float = 1.0
    """Mean and standard deviation of train's labels, by which the output is scaled back."""

    name: ClassVar[str] = "regression"
    target: ClassVar[str] = "value"
    has_label_names: ClassVar[bool] = False
    numeric: ClassVar[bool] = True
    prediction_key: ClassVar[str] = "value"
    metrics: ClassVar[tuple[Metric, ...]] = (SPEARMAN, PEARSON, MAE, R2)

    @classmethod
    def from_settings(cls, data: DataSettings) -> Self:
        """With the range of labels that `[data]` allows, if it does."""
        return cls(range=(data.range[0], data.range[1]) if data.range else None)

    def fitted(self, model: ModelSettings, targets: np.ndarray) -> Self:
        """With the mean and standard deviation of train's labels, float32[n]; 1 if they are constant."""
        deviation = float(targets.std())
        return dataclasses.replace(self, mean=float(targets.mean()), deviation=deviation if deviation > 0 else 1.0)

    def warm_started_from(self, pushed: Task) -> Self:
        """With the mean and standard deviation that the pushed head learned with."""
        assert isinstance(pushed, Regression)  # noqa: S101
        return dataclasses.replace(self, mean=pushed.mean, deviation=pushed.deviation)

    def check_row(self, texts: Sequence[str], label: str) -> Problem | None:
        """The label must be a finite decimal number that float32 can square, and within the range."""
        if not _NUMBER.fullmatch(label):
            return f"the {self.target} is {label[:40]!r}, expected a number", "Give one with a decimal point, say 3.5"
        if abs(value := float(label)) > LARGEST:
            problem = f"the {self.target} is {label[:40]}, expected one from {-LARGEST:g} to {LARGEST:g}"
            return problem, "Give all in another unit, say divided by 1e12"
        if self.range and not self.range[0] <= value <= self.range[1]:
            low, high = self.range
            return f"the {self.target} is {label}, out of range {low:g} to {high:g}", "Correct it, or data.range"
        return None

    def check_extremes(self, least: float, greatest: float) -> Problem | None:
        """Float32, in which labels are kept, has to tell them apart: it has 24 bits for each number."""
        largest, spread = max(abs(least), abs(greatest)), greatest - least
        # The distance of neighbours below a power of two; squares of smaller differences than the second vanish.
        step = max(2.0 ** (math.frexp(largest)[1] - 24), 1 / LARGEST)
        if not spread or spread >= _STEPS * step:
            return None
        problem = (
            f"the {self.target}s of train lie between {least!r} and {greatest!r}, which float32 hardly tells apart"
        )
        return problem, "Subtract the same number from all, say their mean, or give them in another unit"

    def count_key(self, label: str) -> str:
        """Numbers are not counted one by one: all rows go under one key."""
        return ""

    def to_feature(self, label: str) -> float:
        """The label as a number."""
        return float(label)

    def drift_values(self, labels: Sequence[str]) -> list[str] | None:
        """The tenth of the allowed range that a label falls into; None without a range."""
        if self.range is None:
            return None
        low, high = self.range
        # Rounded, because train's come from float32, in which 0.7 is a little less.
        scaled = (round((float(label) - low) / (high - low) * _DRIFT_BINS, 4) for label in labels)
        bins = (min(_DRIFT_BINS - 1, int(value)) for value in scaled)
        step = (high - low) / _DRIFT_BINS
        return [f"{low + number * step:g} to {low + (number + 1) * step:g}" for number in bins]

    def to_target(self, label: tf.Tensor) -> tf.Tensor:
        """float32[n], unscaled: `loss` scales it."""
        return label

    @property
    def head_units(self) -> int:
        """A single output, the scaled number."""
        return 1

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """Squared error of the scaled number, which is in units of train's variance, float32[n]."""
        import tensorflow as tf

        return tf.square(logits[:, 0] - (targets - self.mean) / self.deviation)

    def guessing_loss(self, train: np.ndarray, dev: np.ndarray) -> float | None:
        """Of train's mean, in units of its variance."""
        return float((((dev - train.mean()) / self.deviation) ** 2).mean())

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """Numbers in the labels' unit, float32[n, 1]."""
        return logits * self.deviation + self.mean

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """All of `metrics`; targets float[n] or float[n, 1], predictions float[n, 1]."""
        from sklearn.metrics import mean_absolute_error, r2_score

        targets, predictions = targets.reshape(-1).astype(float), predictions.reshape(-1).astype(float)
        found = {
            SPEARMAN: correlation(targets, predictions, ranks=True),
            PEARSON: correlation(targets, predictions, ranks=False),
            MAE: float(mean_absolute_error(targets, predictions)),
            R2: float(r2_score(targets, predictions)) if len(targets) > 1 else 0.0,
        }
        return {metric.name: found[metric] for metric in self.metrics}

    def resampled_metrics(self, targets: np.ndarray, predictions: np.ndarray, drawn: Draws) -> dict[str, np.ndarray]:
        """All of `metrics` that the task has."""
        import numpy as np

        targets, predictions = targets.reshape(-1).astype(float), predictions.reshape(-1).astype(float)
        weights = drawn.weights
        whole = weights.sum(axis=1)
        mean = weights @ targets / whole
        error, spread = weights @ (targets - predictions) ** 2, weights @ targets**2 - whole * mean**2
        found = {
            SPEARMAN: resampled_spearman(targets, predictions, weights),
            PEARSON: weighted_correlation(targets, predictions, weights),
            MAE: weights @ np.abs(targets - predictions) / whole,
            R2: np.where(spread > 0, 1 - error / np.where(spread > 0, spread, 1.0), 0.0),
        }
        return {metric.name: found[metric] for metric in self.metrics if metric in found}

    def outputs(self, predictions: tf.Tensor) -> dict[str, tf.Tensor]:
        """The numbers, float32[n], under `prediction_key`."""
        return {self.prediction_key: predictions[:, 0]}

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """The number under `prediction_key`."""
        return {self.prediction_key: float(output[self.prediction_key])}

    @property
    def output_columns(self) -> list[str]:
        """`prediction_key`."""
        return [self.prediction_key]

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """The number with six decimals."""
        return [f"{values[self.prediction_key]:.6f}"]

    def assess(self, texts: Sequence[str], label: str, values: dict[str, Any]) -> Assessment:
        """Both numbers; the loss is how far they are apart."""
        truth, answer = float(label), values[self.answer_key]
        return Assessment(f"{truth:g}", f"{answer:.4g}", abs(answer - truth), None, None)

    @property
    def answer_key(self) -> str:
        """Under which `assess` finds the number."""
        return self.prediction_key


def resampled_spearman(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's correlation of float[n] and float[n] under weights float[b, n], float[b]."""
    return weighted_correlation(weighted_ranks(one, weights), weighted_ranks(other, weights), weights)

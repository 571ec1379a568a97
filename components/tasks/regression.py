"""A number for each text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from components.tasks.base import Problem, Task

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from components.settings.data import Data
    from components.settings.model import Model

_RANGES = 10
"""Equal parts of the allowed range whose shares are compared between train and later data."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

_GREATEST = 3.4e38
"""What float32 holds, nearly."""


@dataclasses.dataclass(frozen=True)
class Regression(Task):
    """A linear output, learned on labels of mean 0 and standard deviation 1."""

    range: tuple[float, float] | None = None
    """The least and the greatest label allowed."""
    mean: float = 0.0
    deviation: float = 1.0
    """Of train's labels: the output is scaled by them."""

    name: ClassVar[str] = "regression"
    target: ClassVar[str] = "value"
    has_label_names: ClassVar[bool] = False
    numeric: ClassVar[bool] = True
    prediction_key: ClassVar[str] = "value"
    metrics: ClassVar[tuple[str, ...]] = ("spearman", "pearson", "mae", "r2")
    lower_is_better: ClassVar[frozenset[str]] = frozenset({"mae"})

    @classmethod
    def of(cls, data: Data) -> Self:
        """With the range that the settings allow."""
        return cls(range=(data.range[0], data.range[1]) if data.range else None)

    def fitted(self, model: Model, targets: np.ndarray) -> Self:
        """With the scale of train's labels; constant ones are left unscaled."""
        deviation = float(targets.std())
        return dataclasses.replace(self, mean=float(targets.mean()), deviation=deviation if deviation > 0 else 1.0)

    def warm_started_from(self, pushed: Task) -> Self:
        """With the scale that its head learned."""
        assert isinstance(pushed, Regression)  # noqa: S101
        return dataclasses.replace(self, mean=pushed.mean, deviation=pushed.deviation)

    def check_row(self, texts: Sequence[str], label: str) -> Problem | None:
        """No number, or one out of range."""
        if not _NUMBER.fullmatch(label.strip()) or abs(value := float(label)) > _GREATEST:
            return f"the {self.target} is {label[:40]!r}, expected a number", "Give one with a decimal point, say 3.5"
        if self.range and not self.range[0] <= value <= self.range[1]:
            low, high = self.range
            return f"the {self.target} is {label}, out of range {low:g} to {high:g}", "Correct it, or data.range"
        return None

    def count_key(self, label: str) -> str:
        """Rows alone."""
        return ""

    def to_feature(self, label: str) -> float:
        """The number."""
        return float(label)

    def drift_values(self, labels: Sequence[str]) -> list[str] | None:
        """The tenth of the allowed range that a label falls into."""
        if self.range is None:
            return None
        low, high = self.range
        # Rounded, because train's come from float32, in which 0.7 is a little less.
        scaled = (round((float(label) - low) / (high - low) * _RANGES, 4) for label in labels)
        places = (min(_RANGES - 1, int(place)) for place in scaled)
        step = (high - low) / _RANGES
        return [f"{low + place * step:g} to {low + (place + 1) * step:g}" for place in places]

    def to_target(self, label: tf.Tensor) -> tf.Tensor:
        """The number, float32[n]."""
        return label

    @property
    def head_units(self) -> int:
        """One."""
        return 1

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """Squared error, in units of train's variance."""
        import tensorflow as tf

        return tf.square(logits[:, 0] - (targets - self.mean) / self.deviation)

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """The number, float32[n, 1]."""
        return logits * self.deviation + self.mean

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Correlations of numbers and of ranks, mean absolute error, and the share of variance explained (R²)."""
        from sklearn.metrics import mean_absolute_error, r2_score

        targets, predictions = targets.reshape(-1).astype(float), predictions.reshape(-1).astype(float)
        return {
            "pearson": correlation(targets, predictions, ranks=False),
            "spearman": correlation(targets, predictions, ranks=True),
            "mae": float(mean_absolute_error(targets, predictions)),
            "r2": float(r2_score(targets, predictions)) if len(targets) > 1 else 0.0,
        }

    def outputs(self, predictions: tf.Tensor) -> dict[str, tf.Tensor]:
        """float32[n]."""
        return {self.prediction_key: predictions[:, 0]}

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """The number."""
        return {self.prediction_key: float(output[self.prediction_key])}

    @property
    def output_columns(self) -> list[str]:
        """The number."""
        return [self.prediction_key]

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """The number."""
        return [f"{values[self.prediction_key]:.6f}"]


def correlation(one: np.ndarray, other: np.ndarray, *, ranks: bool) -> float:
    """Spearman's of ranks, else Pearson's, by scipy; 0 where one of them is constant."""
    from scipy import stats

    if len(one) < 2 or one.min() == one.max() or other.min() == other.max():
        return 0.0
    return float((stats.spearmanr if ranks else stats.pearsonr)(one, other).statistic)

"""A unit vector for each text, learned from pairs of texts with a score."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from components.statistics.resampling import Draws
from components.tasks.metrics import Metric, correlation
from components.tasks.protocols import DataSettings, ModelSettings, Tokenizer
from components.tasks.regression import Regression, resampled_spearman

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

_DEFAULT_RANGE = (0.0, 1.0)

_MATCH = 0.8
"""Texts of a score above this share of the range count as matches in retrieval."""

_CUTOFF = 10
"""The last rank that counts in retrieval."""

_ROUNDING = 1e-6
"""Cosines that differ by no more are equal: the difference is float32's rounding."""


@dataclasses.dataclass(frozen=True)
class Embedding(Regression):
    """The pooled states, scaled to length 1; the cosine of two texts learns their score (Reimers & Gurevych 2019)."""

    range: tuple[float, float] | None = _DEFAULT_RANGE

    name: ClassVar[str] = "embedding"
    texts: ClassVar[tuple[str, ...]] = ("text_a", "text_b")
    target: ClassVar[str] = "score"
    bi_encoder: ClassVar[bool] = True
    prediction_key: ClassVar[str] = "vector"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("spearman", "Spearman's rank correlation of score and cosine, as scipy has it", lower_bound=-1.0),
        Metric(
            f"mrr_at_{_CUTOFF}",
            "mean reciprocal rank in retrieval: each first text of a pair whose score is in the upper fifth of the "
            "range is to find its second text among those of all rows by cosine; 1 / rank, 0 beyond the tenth",
        ),
    )

    @classmethod
    def from_settings(cls, data: DataSettings) -> Self:
        """With the range of scores that `[data]` allows; 0 to 1 if it does not say."""
        return cls(range=(data.range[0], data.range[1]) if data.range else _DEFAULT_RANGE)

    def fitted(self, model: ModelSettings, targets: np.ndarray) -> Self:
        """As it is: scores are scaled by their range, not by train's mean and deviation."""
        return self

    @property
    def _bounds(self) -> tuple[float, float]:
        return self.range or _DEFAULT_RANGE

    def tokenize(self, tokenizer: Tokenizer, texts: Sequence[tf.Tensor]) -> tf.RaggedTensor:
        """Both texts one after the other, each from [CLS] to [SEP] and truncated by itself."""
        import tensorflow as tf

        return tf.concat([tokenizer(text) for text in texts], axis=1)

    @property
    def head_units(self) -> None:  # type: ignore[override]
        """None: the pooled states are the vectors, without a dense layer."""
        return

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """Squared difference of the cosine and the score, scaled to 0 to 1 by its range, float32[n].

        Logits are the unit vectors of both texts, float32[n, 2 * hidden].
        """
        import tensorflow as tf

        low, high = self._bounds
        return tf.square(tf.reduce_sum(tf.multiply(*tf.split(logits, 2, axis=1)), 1) - (targets - low) / (high - low))

    def guessing_loss(self, train: np.ndarray, dev: np.ndarray) -> float | None:
        """Not known: vectors have no one answer."""
        return None

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """The unit vectors of both texts, one after the other, float32[n, 2 * hidden]."""
        return logits

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """All of `metrics`; targets float[n], predictions the unit vectors of both texts, float[n, 2 * hidden]."""
        cosines, is_query, reciprocal = self._compared(targets, predictions)
        return {
            "spearman": correlation(targets.reshape(-1), cosines, ranks=True),
            f"mrr_at_{_CUTOFF}": float(reciprocal.sum()) / int(is_query.sum()) if is_query.any() else 0.0,
        }

    def _compared(self, targets: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The cosine of each row's two texts, float32[n]; whether its first one is to find its second, bool[n]; and the
        reciprocal of the rank at which it does, 0 beyond the last that counts, float64[n]."""
        import numpy as np

        low, high = self._bounds
        first, second = np.split(predictions.astype(np.float32), 2, axis=1)
        is_query = (targets.reshape(-1) - low) / (high - low) > _MATCH
        queries, reciprocal = np.flatnonzero(is_query), np.zeros(len(first))
        for part in np.array_split(queries, len(queries) // 1024 + 1):
            found = first[part] @ second.T
            over = found - found[np.arange(len(part)), part][:, np.newaxis]
            # Among equals, itself one of them, its place is in the middle: texts that are all alike find nothing.
            ranks = 0.5 + (over > _ROUNDING).sum(axis=1) + (np.abs(over) <= _ROUNDING).sum(axis=1) / 2
            reciprocal[part] = np.where(ranks <= _CUTOFF, 1 / ranks, 0.0)
        return np.sum(first * second, axis=1), is_query, reciprocal

    def resampled_metrics(self, targets: np.ndarray, predictions: np.ndarray, drawn: Draws) -> dict[str, np.ndarray]:
        """All of `metrics`; a query is drawn, what it searches stays all rows."""
        cosines, is_query, reciprocal = self._compared(targets, predictions)
        found = {"spearman": resampled_spearman(targets.reshape(-1), cosines, drawn.weights)}
        if is_query.any():
            found[f"mrr_at_{_CUTOFF}"] = drawn.weights @ reciprocal / (drawn.weights @ is_query)
        return found

    def scores_differently(self, other: Self) -> bool:
        """If the range is another: it says which pairs are matches."""
        return self.range != other.range

    def outputs(self, predictions: tf.Tensor) -> dict[str, tf.Tensor]:
        """Of one text alone: `vector` float32[n, hidden]."""
        import tensorflow as tf

        return {"vector": tf.split(predictions, 2, axis=1)[0]}

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """`vector`, a list of numbers."""
        return {"vector": [float(value) for value in output["vector"]]}

    @property
    def output_columns(self) -> list[str]:
        """One column for the whole vector."""
        return ["vector"]

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """The vector's numbers with six decimals, separated by spaces."""
        return [" ".join(f"{value:.6f}" for value in values["vector"])]

    @property
    def answer_key(self) -> str:
        """Under which `assess` finds the number: `score_of` two vectors."""
        return self.target

    def evaluated(self, predictions: np.ndarray) -> Iterator[dict[str, Any]]:
        """The scores of pairs, of both texts' vectors float[n, 2 * hidden]."""
        import numpy as np

        first, second = np.split(predictions, 2, axis=1)
        return ({self.answer_key: self.score_of(*vectors)} for vectors in zip(first, second, strict=True))

    def score_of(self, first: np.ndarray, second: np.ndarray) -> float:
        """The cosine of two texts' unit vectors, float[hidden], on the scale of the labels."""
        low, high = self._bounds
        return low + (high - low) * float(first @ second)

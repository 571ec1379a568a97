"""A unit vector for each text, learned from pairs of texts with a score."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from components.tasks.regression import Regression, correlation

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from components.settings.data import Data
    from components.settings.model import Model
    from components.tokenization.wordpiece import WordPiece

_ALIKE = 0.8
"""Texts of a score above this share of the range count as matches in retrieval."""

_RANKED = 10

_EQUAL = 1e-6
"""Cosines that differ by less are equal: what is left is float32's rounding."""


@dataclasses.dataclass(frozen=True)
class Embedding(Regression):
    """The pooled states, scaled to length 1; the cosine of two texts learns their score (Reimers & Gurevych 2019)."""

    range: tuple[float, float] | None = (0.0, 1.0)

    name: ClassVar[str] = "embedding"
    texts: ClassVar[tuple[str, ...]] = ("text_a", "text_b")
    target: ClassVar[str] = "score"
    bi_encoder: ClassVar[bool] = True
    prediction_key: ClassVar[str] = "vector"
    metrics: ClassVar[tuple[str, ...]] = ("spearman", "mrr_at_10")
    lower_is_better: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def of(cls, data: Data) -> Self:
        """With the range that the settings allow; 0 to 1 without one."""
        return cls(range=(data.range[0], data.range[1]) if data.range else (0.0, 1.0))

    def fitted(self, model: Model, targets: np.ndarray) -> Self:
        """As it is: the range tells the scale."""
        return self

    def tokenize(self, wordpiece: WordPiece, texts: Sequence[tf.Tensor]) -> tf.RaggedTensor:
        """Both texts one after the other, each from [CLS] to [SEP] and truncated by itself."""
        import tensorflow as tf

        return tf.concat([wordpiece(text) for text in texts], axis=1)

    @property
    def head_units(self) -> None:  # type: ignore[override]
        """No dense layer."""
        return

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """Squared difference of the cosine and the score, as a share of its range."""
        import tensorflow as tf

        low, high = self.range or (0.0, 1.0)
        return tf.square(tf.reduce_sum(tf.multiply(*tf.split(logits, 2, axis=1)), 1) - (targets - low) / (high - low))

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """The vectors of both texts, one after the other."""
        return logits

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Spearman's correlation of cosine and score, and the mean reciprocal rank of retrieval.

        The queries are the first texts of pairs whose score is in the upper fifth of the range; each is to find its
        second text among the second texts of all rows, and scores one over its rank, or 0 beyond the tenth.
        """
        import numpy as np

        low, high = self.range or (0.0, 1.0)
        first, second = np.split(predictions.astype(np.float32), 2, axis=1)
        targets = targets.reshape(-1)
        queries = np.flatnonzero((targets - low) / (high - low) > _ALIKE)
        reciprocal = 0.0
        for part in np.array_split(queries, len(queries) // 1024 + 1):
            found = first[part] @ second.T
            over = found - found[np.arange(len(part)), part][:, np.newaxis]
            # Among equals, itself one of them, its place is in the middle: texts that are all alike find nothing.
            ranks = 0.5 + (over > _EQUAL).sum(axis=1) + (np.abs(over) <= _EQUAL).sum(axis=1) / 2
            reciprocal += float(np.where(ranks <= _RANKED, 1 / ranks, 0.0).sum())
        return {
            "spearman": correlation(targets, np.sum(first * second, axis=1), ranks=True),
            "mrr_at_10": reciprocal / len(queries) if len(queries) else 0.0,
        }

    def scores_differently(self, other: Self) -> bool:
        """With another range, which says what is a match."""
        return self.range != other.range

    def outputs(self, predictions: tf.Tensor) -> dict[str, tf.Tensor]:
        """Of one text alone: `vector` float32[n, hidden]."""
        import tensorflow as tf

        return {"vector": tf.split(predictions, 2, axis=1)[0]}

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """The vector."""
        return {"vector": [float(value) for value in output["vector"]]}

    @property
    def output_columns(self) -> list[str]:
        """The vector in one column, its numbers separated by spaces."""
        return ["vector"]

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """The vector."""
        return [" ".join(f"{value:.6f}" for value in values["vector"])]

"""One label or several a text."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from components.tasks.base import Problem, Task, precision_recall_f1, with_values
from components.tasks.classification import unknown

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from components.settings.model import Model

SEPARATOR = "|"


@dataclasses.dataclass(frozen=True)
class Multilabel(Task):
    """A sigmoid for each label."""

    threshold: float = 0.5
    """The score from which on a label is given."""

    name: ClassVar[str] = "multilabel"
    min_labels: ClassVar[int] = 2
    prediction_key: ClassVar[str] = "scores"
    metrics: ClassVar[tuple[str, ...]] = ("micro_f1", "macro_f1", "mean_ap")
    label_metrics: ClassVar[tuple[str, ...]] = ("ap", "precision", "recall", "f1")
    lower_is_better: ClassVar[frozenset[str]] = frozenset()

    def fitted(self, model: Model, targets: np.ndarray) -> Self:
        """With the threshold."""
        return dataclasses.replace(self, threshold=model.threshold)

    def label_names(self, label: str) -> list[str]:
        """Those between the separators."""
        return label.split(SEPARATOR)

    def check_row(self, texts: Sequence[str], label: str) -> Problem | None:
        """An empty label, one that stands twice, one that is not among the names."""
        names = self.label_names(label)
        if not all(name.strip() for name in names):
            return f"the labels {label[:80]!r} have an empty one", f"Put one {SEPARATOR} between labels, none beside"
        if len(set(names)) < len(names):
            return f"the labels {label[:80]!r} have one twice", "Name it once"
        return next((found for name in names if (found := unknown(name, self.labels))), None)

    def drift_values(self, labels: Sequence[str]) -> list[str] | None:
        """The labels that stand together."""
        return [SEPARATOR.join(sorted(self.label_names(label))) for label in labels]

    def label_fields(self, targets: np.ndarray) -> list[str]:
        """The names."""
        return [SEPARATOR.join(self.labels[i] for i in row.nonzero()[0]) for row in targets]

    def to_target(self, label: tf.Tensor) -> tf.Tensor:
        """1 for the labels of a row, else 0: float32[n, k]."""
        import tensorflow as tf

        names = tf.strings.split(label, SEPARATOR)
        same = tf.equal(names.flat_values[:, tf.newaxis], tf.constant(self.labels)[tf.newaxis, :])
        return tf.ensure_shape(
            tf.reduce_max(names.with_flat_values(tf.cast(same, tf.float32)), 1), [None, self.head_units]
        )

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """Binary cross-entropy, nats, its mean over the labels."""
        import tensorflow as tf

        target = targets * (1 - smoothing) + smoothing / 2
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(target, logits), axis=1)

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """Scores, float32[n, k]."""
        import tensorflow as tf

        return tf.sigmoid(logits)

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """F1 of all decisions and its mean over the labels, and average precision of scores (scikit-learn's)."""
        from sklearn.metrics import average_precision_score

        targets, given = targets > 0, predictions >= self.threshold
        counts = [(float(a.sum()), float(b.sum()), float(c.sum())) for a, b, c in self._columns(targets, given)]
        found: dict[str, float] = {}
        for name, count, actual, scores in zip(self.labels, counts, targets.T, predictions.T, strict=True):
            values = [average_precision_score(actual, scores) if actual.any() else 0.0, *precision_recall_f1(*count)]
            found |= {
                f"{metric}/{name}": float(value) for metric, value in zip(self.label_metrics, values, strict=True)
            }
        micro = precision_recall_f1(*(sum(column) for column in zip(*counts, strict=True)))[2]
        macro, mean_ap = (sum(found[f"{m}/{name}"] for name in self.labels) / len(counts) for m in ("f1", "ap"))
        return {"micro_f1": micro, "macro_f1": macro, "mean_ap": mean_ap, **found}

    def scores_differently(self, other: Self) -> bool:
        """With another threshold."""
        return self.threshold != other.threshold

    def _columns(self, targets: np.ndarray, given: np.ndarray) -> zip[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Of each label: the rows where it is given rightly, where it is given, where it is right."""
        return zip((targets & given).T, given.T, targets.T, strict=True)

    def outputs(self, predictions: tf.Tensor) -> dict[str, tf.Tensor]:
        """`scores` float32[n, k], `given` bool[n, k] and `label_names` string[n, k]."""
        import tensorflow as tf

        names = tf.tile(tf.constant(self.labels)[tf.newaxis, :], [tf.shape(predictions)[0], 1])
        return {"scores": predictions, "given": predictions >= self.threshold, "label_names": names}

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """The labels over the threshold, and the score of each."""
        labels = [name for name, given in zip(self.labels, output["given"], strict=True) if given]
        return {"labels": labels, "scores": dict(zip(self.labels, map(float, output["scores"]), strict=True))}

    @property
    def output_columns(self) -> list[str]:
        """The labels, and the score of each."""
        return ["labels", *(f"score_{name}" for name in self.labels)]

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """The labels, and the score of each."""
        return [SEPARATOR.join(values["labels"]), *(f"{value:.6f}" for value in values["scores"].values())]

    def to_line(self, values: dict[str, Any], texts: Sequence[str]) -> str:
        """The labels, a dash if there are none, and each with its score."""
        return "\t".join([SEPARATOR.join(values["labels"]) or "-", *with_values(values["scores"])])

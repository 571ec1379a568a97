"""Any number of labels a text."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from components.statistics.resampling import Draws, label_ratios, smoothed_ratios, weighted_average_precision
from components.tasks import label_text, label_weights
from components.tasks.base import Problem, Task
from components.tasks.classification import unknown_label
from components.tasks.metrics import (
    F1,
    PRECISION,
    RECALL,
    Assessment,
    Metric,
    average_precision,
    by_label,
    label_shares,
    names_with_values,
    precision_recall_f1,
    surprise,
)
from components.tasks.protocols import ModelSettings

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

LABEL_SEPARATOR = "|"
"""Between the label names of a row."""

DEFAULT_THRESHOLD = 0.5
"""The score from which on a label is predicted, where the settings do not say."""


@dataclasses.dataclass(frozen=True)
class Multilabel(Task):
    """A sigmoid for each label."""

    threshold: float | tuple[float, ...] = DEFAULT_THRESHOLD
    """The score from which on a label is predicted: of all labels, or once calibrated of each."""

    name: ClassVar[str] = "multilabel"
    min_labels: ClassVar[int] = 2
    weighs_labels: ClassVar[bool] = True
    names_key: ClassVar[str] = "label_names"
    prediction_key: ClassVar[str] = "scores"
    calibrated_fields: ClassVar[tuple[str, ...]] = ("threshold",)
    decided_key: ClassVar[str] = "given"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("micro_f1", "F1 of all decisions, one for each row and label: 2 TP / (2 TP + FP + FN)"),
        Metric("macro_f1", "mean of `f1` over the labels"),
        Metric("mean_ap", "mean of `ap` over the labels"),
    )
    label_metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("ap", "average precision of the label's scores, as scikit-learn has it; 0 for a label without rows"),
        PRECISION,
        RECALL,
        F1,
    )

    def fitted(self, model: ModelSettings, targets: np.ndarray) -> Self:
        """With the threshold of `[model]`."""
        return dataclasses.replace(self, threshold=model.threshold)

    @classmethod
    def clean_label(cls, label: str) -> str:
        """Each name by itself."""
        return LABEL_SEPARATOR.join(map(label_text.cleaned, label.split(LABEL_SEPARATOR)))

    def label_names(self, label: str) -> list[str]:
        """The names between `LABEL_SEPARATOR`; none in an empty field."""
        return label.split(LABEL_SEPARATOR) if label else []

    def check_row(self, texts: Sequence[str], label: str) -> Problem | None:
        """No label may be empty or stand twice; once the names are known, each must be one of them."""
        names = self.label_names(label)
        if not all(name.strip() for name in names):
            remedy = f"Put one {LABEL_SEPARATOR} between labels, none beside"
            return f"the labels {label[:80]!r} have an empty one", remedy
        if len(set(names)) < len(names):
            return f"the labels {label[:80]!r} have one twice", "Name it once"
        return next((found for name in names if (found := unknown_label(name, self.labels))), None)

    def drift_values(self, labels: Sequence[str]) -> list[str] | None:
        """The set of labels of a row, as one value whatever their order."""
        return [LABEL_SEPARATOR.join(sorted(self.label_names(label))) for label in labels]

    def label_fields(self, targets: np.ndarray) -> list[str]:
        """The names between separators, of float32[n, k]; an empty field for a row without a label."""
        return [LABEL_SEPARATOR.join(self.labels[i] for i in row.nonzero()[0]) for row in targets]

    def to_target(self, label: tf.Tensor) -> tf.Tensor:
        """Multi-hot, float32[n, k]: 1 for the labels of a row, else 0."""
        import tensorflow as tf

        names = tf.strings.split(label, LABEL_SEPARATOR)
        same = tf.equal(names.flat_values[:, tf.newaxis], tf.constant(self.labels)[tf.newaxis, :])
        return tf.ensure_shape(
            tf.reduce_max(names.with_flat_values(tf.cast(same, tf.float32)), 1), [None, self.head_units]
        )

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """Binary cross-entropy in nats, its mean over the labels, float32[n]."""
        import tensorflow as tf

        target = targets * (1 - smoothing) + smoothing / 2
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(target, logits), axis=1)

    def balanced_weights(self, targets: np.ndarray) -> np.ndarray:
        """The rarer a label, the more, by the rows with each and without."""
        return label_weights.positive(targets)

    def weighted_loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float, weights: np.ndarray) -> tf.Tensor:
        """A label's part of the loss, -log(score), times its weight where a row has it, float32[n]."""
        import tensorflow as tf

        target = targets * (1 - smoothing) + smoothing / 2
        return tf.reduce_mean(tf.nn.weighted_cross_entropy_with_logits(target, logits, tf.constant(weights)), axis=1)

    def guessing_loss(self, train: np.ndarray, dev: np.ndarray) -> float:
        """Of the share of each label in train, in nats."""
        import numpy as np

        rows = len(train)
        shares = np.clip(train.mean(axis=0), 0.5 / rows, 1 - 0.5 / rows)
        return float(-np.where(dev > 0, np.log(shares), np.log(1 - shares)).mean())

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """Scores from 0 to 1, float32[n, k]: independent of each other, their sum is not 1."""
        import tensorflow as tf

        return tf.sigmoid(logits)

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """All of `metrics` and `label_metrics`; targets multi-hot float[n, k], predictions scores float[n, k]."""
        targets, predicted = targets > 0, predictions >= self.threshold
        # Of each label: true positives, positives predicted, positives.
        sums = ((targets & predicted).sum(axis=0), predicted.sum(axis=0), targets.sum(axis=0))
        counts = [(float(a), float(b), float(c)) for a, b, c in zip(*sums, strict=True)]
        found: dict[str, float] = {}
        for name, count, actual, scores in zip(self.labels, counts, targets.T, predictions.T, strict=True):
            values = [average_precision(actual, scores), *precision_recall_f1(*count)]
            found |= {
                f"{metric.name}/{name}": float(value) for metric, value in zip(self.label_metrics, values, strict=True)
            }
        micro = precision_recall_f1(*(sum(column) for column in zip(*counts, strict=True)))[2]
        macro, mean_ap = (sum(found[f"{m}/{name}"] for name in self.labels) / len(counts) for m in ("f1", "ap"))
        return {"micro_f1": micro, "macro_f1": macro, "mean_ap": mean_ap, **found}

    def resampled_metrics(self, targets: np.ndarray, predictions: np.ndarray, drawn: Draws) -> dict[str, np.ndarray]:
        """All of `metrics` and `label_metrics`."""
        import numpy as np

        actual, predicted = targets > 0, predictions >= self.threshold
        sums = [drawn.weights @ table.astype(float) for table in (actual & predicted, predicted, actual)]
        ratios = smoothed_ratios(drawn, *sums)
        precisions = [
            weighted_average_precision(of_label, scores, drawn.weights)
            for of_label, scores in zip(actual.T, predictions.T, strict=True)
        ]
        found = by_label(self.label_metrics[1:], self.labels, ratios)
        found |= {f"ap/{label}": values for label, values in zip(self.labels, precisions, strict=True)}
        micro = label_ratios(*(one.sum(axis=1) for one in sums))[2]
        return {
            **found,
            "micro_f1": micro,
            "macro_f1": ratios[2].mean(axis=1),
            "mean_ap": np.mean(precisions, axis=0),
        }

    def shares(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, tuple[float, float]]:
        """Precision and recall of each label."""
        actual, predicted = targets > 0, predictions >= self.threshold
        hits = (actual & predicted).sum(axis=0)
        return label_shares(self.labels, hits, predicted.sum(axis=0), actual.sum(axis=0))

    def answers(self, predictions: np.ndarray) -> np.ndarray:
        """Which labels are given, bool[n, k]."""
        given: np.ndarray = predictions >= self.threshold
        return given

    def margins(self, predictions: np.ndarray) -> np.ndarray:
        """Of each score, float[n, k]."""
        above: np.ndarray = predictions - self.threshold
        return above

    def outputs(self, predictions: tf.Tensor) -> dict[str, tf.Tensor]:
        """`scores` float32[n, k], `given` bool[n, k], true from the threshold on, and `label_names` string[n, k]."""
        import tensorflow as tf

        names = tf.tile(tf.constant(self.labels)[tf.newaxis, :], [tf.shape(predictions)[0], 1])
        return {"scores": predictions, "given": predictions >= self.threshold, self.names_key: names}

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """`labels` are those from the threshold on, `scores` name -> score of all."""
        labels = [name for name, given in zip(self.labels, output["given"], strict=True) if given]
        return {"labels": labels, "scores": dict(zip(self.labels, map(float, output["scores"]), strict=True))}

    @property
    def output_columns(self) -> list[str]:
        """`labels`, then `score_NAME` of each label."""
        return ["labels", *(f"score_{name}" for name in self.labels)]

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """The predicted labels between separators, then the score of each label with six decimals."""
        return [LABEL_SEPARATOR.join(values["labels"]), *(f"{value:.6f}" for value in values["scores"].values())]

    def to_line(self, values: dict[str, Any], texts: Sequence[str]) -> str:
        """The predicted labels, a dash if there are none, then each label with its score."""
        return "\t".join([LABEL_SEPARATOR.join(values["labels"]) or "-", *names_with_values(values["scores"])])

    def assess(self, texts: Sequence[str], label: str, values: dict[str, Any]) -> Assessment:
        """The labels of the row and those found; the loss is the sum of the labels' cross-entropies, nats.

        The confidence is that in the least sure of the decisions, one a label.
        """
        theirs, found, scores = set(self.label_names(label)), values["labels"], values["scores"]
        loss = sum(surprise(score if name in theirs else 1 - score) for name, score in scores.items())
        least = min(score if name in found else 1 - score for name, score in scores.items())
        truth, answer = (LABEL_SEPARATOR.join(sorted(names)) or "-" for names in (theirs, found))
        return Assessment(truth, answer, loss, theirs == set(found), least)

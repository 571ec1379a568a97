"""One of several classes a text."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from components.common.suggest import did_you_mean
from components.tasks.base import Problem, Task, with_values

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Classification(Task):
    """Softmax over the classes."""

    name: ClassVar[str] = "classification"
    min_labels: ClassVar[int] = 2
    single_label: ClassVar[bool] = True
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1", "auc", "mcc", "loss")
    label_metrics: ClassVar[tuple[str, ...]] = ("precision", "recall", "f1")

    def check_row(self, texts: Sequence[str], label: str) -> Problem | None:
        """A label on several lines, or one that is not among the names."""
        if "\n" in label or "\t" in label or "\r" in label:
            remedy = "A label is one line: look for an open quote or a doubled line end"
            return f"the label {label[:40]!r} has a tab or a line break", remedy
        return unknown(label, self.labels)

    def drift_values(self, labels: Sequence[str]) -> list[str] | None:
        """The classes."""
        return list(labels)

    def label_fields(self, targets: np.ndarray) -> list[str]:
        """The names."""
        return [self.labels[index] for index in targets]

    def to_target(self, label: tf.Tensor) -> tf.Tensor:
        """Index of the class, int64[n]; -1 for a label without a name."""
        import tensorflow as tf

        # Comparisons, because a table needs initialising.
        same = tf.equal(label[:, tf.newaxis], tf.constant(self.labels)[tf.newaxis, :])
        return tf.where(tf.reduce_any(same, axis=1), tf.argmax(same, axis=1), tf.constant(-1, tf.int64))

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """Cross-entropy, nats."""
        import tensorflow as tf

        classes = len(self.labels)
        target = tf.one_hot(targets, classes) * (1 - smoothing) + smoothing / classes
        return tf.nn.softmax_cross_entropy_with_logits(target, logits)

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """Probabilities of the classes."""
        import tensorflow as tf

        return tf.nn.softmax(logits)

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Accuracy alone: the rest is TensorFlow Model Analysis's, from a confusion matrix."""
        return {"accuracy": float((predictions.argmax(axis=1) == targets).mean())}

    def outputs(self, predictions: tf.Tensor) -> dict[str, tf.Tensor]:
        """`label` string[n], `probabilities` float32[n, k], `class_names` string[n, k]."""
        import tensorflow as tf

        names = tf.constant(self.labels)
        return {
            "label": tf.gather(names, tf.argmax(predictions, axis=1)),
            "probabilities": predictions,
            "class_names": tf.tile(names[tf.newaxis, :], [tf.shape(predictions)[0], 1]),
        }

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """The class, and the probability of each."""
        probabilities = dict(zip(self.labels, map(float, output["probabilities"]), strict=True))
        return {"label": output["label"].decode(), "probabilities": probabilities}

    @property
    def output_columns(self) -> list[str]:
        """The class, and the probability of each."""
        return ["label", *(f"probability_{name}" for name in self.labels)]

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """The class, and the probability of each."""
        return [values["label"], *(f"{value:.6f}" for value in values["probabilities"].values())]

    def to_line(self, values: dict[str, Any], texts: Sequence[str]) -> str:
        """The class, and each with its probability."""
        return "\t".join([values["label"], *with_values(values["probabilities"])])


def unknown(label: str, labels: Sequence[str]) -> Problem | None:
    """What to say of a label that is not among the names; without names, every one is."""
    if not labels or label in labels:
        return None
    known = ", ".join(sorted(labels)[:8]) + (", ..." if len(labels) > 8 else "")
    return f"the label is {label[:80]!r}, expected one of {known}", (
        f"{did_you_mean(label, labels)}Correct the row, or list it in data.labels"
    )

"""One of several classes a text."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from components.common.suggest import did_you_mean
from components.statistics.resampling import Draws, macro, smoothed_ratios, weighted_auc
from components.tasks import label_weights
from components.tasks.base import Problem, Task
from components.tasks.label_text import LIST_IT, listed, mixes_scripts
from components.tasks.metrics import (
    F1,
    PRECISION,
    RECALL,
    Assessment,
    Metric,
    by_label,
    label_shares,
    matthews_correlation,
    names_with_values,
    precision_recall_f1,
    surprise,
)

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

_LEAST = 1e-7
"""What a probability counts for at least in the loss, as Keras has it."""

_MOST_AUC = 50
"""Classes, beyond which no interval is given for `auc`: each class is ranked by itself."""


@dataclasses.dataclass(frozen=True)
class Classification(Task):
    """Softmax over the classes."""

    answered_from: float = 0.0
    """The probability of the most probable class from which on a row is answered; 0: every row is."""

    name: ClassVar[str] = "classification"
    min_labels: ClassVar[int] = 2
    names_key: ClassVar[str] = "class_names"
    single_label: ClassVar[bool] = True
    weighs_labels: ClassVar[bool] = True
    has_temperature: ClassVar[bool] = True
    calibrated_fields: ClassVar[tuple[str, ...]] = ("answered_from",)
    decided_key: ClassVar[str] = "answered"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("accuracy", "share of the rows whose most probable class is theirs"),
        Metric("macro_f1", "mean of `f1` over the classes that occur, as a row's or as predicted, as in scikit-learn"),
        Metric(
            "auc",
            "area under the ROC curve of a class against the rest, its mean over the classes that have rows, as "
            "TensorFlow Model Analysis has it",
        ),
        Metric("mcc", "Matthews' correlation coefficient for several classes (Gorodkin 2004, R_K)", lower_bound=-1.0),
        Metric("loss", "mean cross-entropy in nats, without label smoothing", False, upper_bound=None),
    )
    label_metrics: ClassVar[tuple[Metric, ...]] = (PRECISION, RECALL, F1)

    def check_row(self, texts: Sequence[str], label: str) -> Problem | None:
        """Once the names are known, a label must be one of them."""
        return unknown_label(label, self.labels)

    def drift_values(self, labels: Sequence[str]) -> list[str] | None:
        """Their shares are those of the classes."""
        return list(labels)

    def label_fields(self, targets: np.ndarray) -> list[str]:
        """The classes' names, of ids int64[n]."""
        return [self.labels[index] for index in targets]

    def to_target(self, label: tf.Tensor) -> tf.Tensor:
        """Index of the class, int64[n]; -1 for a label without a name."""
        import tensorflow as tf

        # Comparisons, because a table needs initialising.
        same = tf.equal(label[:, tf.newaxis], tf.constant(self.labels)[tf.newaxis, :])
        return tf.where(tf.reduce_any(same, axis=1), tf.argmax(same, axis=1), tf.constant(-1, tf.int64))

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """Softmax cross-entropy in nats, float32[n]."""
        import tensorflow as tf

        classes = len(self.labels)
        target = tf.one_hot(targets, classes) * (1 - smoothing) + smoothing / classes
        return tf.nn.softmax_cross_entropy_with_logits(target, logits)

    def balanced_weights(self, targets: np.ndarray) -> np.ndarray:
        """The rarer a class, the more, by the rows of each."""
        return label_weights.balanced(targets, len(self.labels))

    def weighted_loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float, weights: np.ndarray) -> tf.Tensor:
        """The loss of a row times the weight of its class, float32[n]."""
        import tensorflow as tf

        return self.loss(logits, targets, smoothing) * tf.gather(tf.constant(weights), targets)

    def guessing_loss(self, train: np.ndarray, dev: np.ndarray) -> float:
        """Of the shares of the classes in train, in nats; a class without rows counts as one of half a row."""
        import numpy as np

        counts = np.maximum(np.bincount(train, minlength=len(self.labels)), 0.5)
        return float(-np.log(counts / counts.sum())[dev].mean())

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """Probabilities of the classes, float32[n, k]."""
        import tensorflow as tf

        return tf.nn.softmax(logits)

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Accuracy alone, by which checkpoints are chosen; the others are computed in evaluation.

        There `metrics_from_counts` follows from a confusion matrix, which can be counted in parts on several workers;
        the loss and AUC are TensorFlow Model Analysis's own.
        """
        return {"accuracy": float((predictions.argmax(axis=1) == targets).mean())}

    def metric_value(self, full_name: str, targets: np.ndarray, predictions: np.ndarray) -> float:
        """As in evaluation, but for `auc`, which is exact here: TFMA sums over thresholds."""
        import numpy as np
        from scipy import stats

        if full_name == "loss":
            return float(-np.log(np.clip(predictions[np.arange(len(targets)), targets], _LEAST, None)).mean())
        if full_name == "auc":
            areas = []
            for index in np.unique(targets):
                rest = targets != index
                ranks = stats.rankdata(predictions[:, index])
                positive, negative = len(targets) - rest.sum(), rest.sum()
                # Hanley & McNeil 1982: the share of pairs of which the row of the class has the greater probability.
                over = ranks[~rest].sum() - positive * (positive + 1) / 2
                areas.append(over / (positive * negative) if negative else 0.0)
            return float(np.mean(areas))
        if full_name in (found := self.compute_metrics(targets, predictions)):
            return found[full_name]
        counted = np.unique(np.stack([targets, predictions.argmax(axis=1)]), axis=1, return_counts=True)
        pairs = zip(counted[0].T.tolist(), counted[1].tolist(), strict=True)
        return self.metrics_from_counts({(actual, predicted): float(n) for (actual, predicted), n in pairs})[full_name]

    def metrics_from_counts(self, counts: Mapping[tuple[int, int], float]) -> dict[str, float]:
        """The metrics that follow from a confusion matrix: `macro_f1`, `mcc` and those of each class.

        Args:
            counts: (id of the actual class, id of the predicted class) -> number of rows.
        """
        by_actual: defaultdict[int, float] = defaultdict(float)
        by_predicted: defaultdict[int, float] = defaultdict(float)
        for (actual, predicted), count in counts.items():
            by_actual[actual] += count
            by_predicted[predicted] += count
        found: dict[str, float] = {}
        f1s = []
        for index, label in enumerate(self.labels):
            of_label = counts.get((index, index), 0.0), by_predicted[index], by_actual[index]
            values = precision_recall_f1(*of_label)
            found |= {f"{metric.name}/{label}": value for metric, value in zip(self.label_metrics, values, strict=True)}
            if by_actual[index] + by_predicted[index]:
                f1s.append(values[-1])
        macro_f1 = sum(f1s) / len(f1s) if f1s else 0.0
        return {"macro_f1": macro_f1, "mcc": matthews_correlation(counts, by_actual, by_predicted), **found}

    def resampled_metrics(self, targets: np.ndarray, predictions: np.ndarray, drawn: Draws) -> dict[str, np.ndarray]:
        """All but `auc` of many classes."""
        import numpy as np
        from scipy import sparse

        targets, guess = targets.reshape(-1).astype(np.int64), predictions.argmax(axis=1)
        rows, classes = np.arange(len(targets)), len(self.labels)
        shape = (len(targets), classes)

        def by_class(of: np.ndarray, which: np.ndarray) -> np.ndarray:
            member = sparse.csr_array((np.ones(which.sum()), (rows[which], of[which])), shape)
            return np.asarray((member.T @ drawn.weights.T).T)

        whole = drawn.weights.sum(axis=1)
        right, every = targets == guess, np.ones(len(targets), bool)
        hits, actual, predicted = by_class(targets, right), by_class(targets, every), by_class(guess, every)
        ratios = smoothed_ratios(drawn, hits, predicted, actual)
        found = by_label(self.label_metrics, self.labels, ratios)
        seen = np.bincount(np.concatenate([targets, guess]), minlength=classes) > 0
        share = predictions[rows, targets]
        found |= {
            "accuracy": hits.sum(axis=1) / whole,
            "macro_f1": macro(ratios[-1], seen),
            "mcc": _correlation(hits.sum(axis=1), predicted, actual, whole),
            "loss": drawn.weights @ -np.log(np.clip(share, _LEAST, None)) / whole,
        }
        if classes <= _MOST_AUC:
            areas = [
                weighted_auc(targets == index, predictions[:, index], drawn.weights) for index in np.unique(targets)
            ]
            found["auc"] = np.mean(areas, axis=0)
        return found

    def shares(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, tuple[float, float]]:
        """Accuracy; precision and recall of each class."""
        import numpy as np

        targets, guess = targets.reshape(-1).astype(np.int64), predictions.argmax(axis=1)
        count = len(self.labels)
        hits = np.bincount(targets[targets == guess], minlength=count)
        predicted, actual = (np.bincount(some, minlength=count) for some in (guess, targets))
        accuracy = {"accuracy": (float(hits.sum()), float(len(targets)))}
        return accuracy | label_shares(self.labels, hits, predicted, actual)

    def answers(self, predictions: np.ndarray) -> np.ndarray:
        """The most probable class, int64[n]."""
        return predictions.argmax(axis=1)

    def outputs(self, predictions: tf.Tensor) -> dict[str, tf.Tensor]:
        """`label` string[n], `probabilities` float32[n, k], `class_names` string[n, k], `answered` bool[n]."""
        import tensorflow as tf

        names = tf.constant(self.labels)
        return {
            "label": tf.gather(names, tf.argmax(predictions, axis=1)),
            "probabilities": predictions,
            self.names_key: tf.tile(names[tf.newaxis, :], [tf.shape(predictions)[0], 1]),
            self.decided_key: tf.reduce_max(predictions, axis=1) >= self.answered_from,
        }

    def margins(self, predictions: np.ndarray) -> np.ndarray:
        """Of the most probable class, float[n]."""
        above: np.ndarray = predictions.max(axis=1) - self.answered_from
        return above

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """`label` is the most probable class, `probabilities` name -> probability; `answered` if not every row is."""
        probabilities = dict(zip(self.labels, map(float, output["probabilities"]), strict=True))
        found: dict[str, Any] = {"label": output["label"].decode(), "probabilities": probabilities}
        return found | ({self.decided_key: bool(output[self.decided_key])} if self.answered_from else {})

    @property
    def output_columns(self) -> list[str]:
        """`label`, then `probability_NAME` of each class; `answered` of a model that abstains."""
        abstains = [self.decided_key] if self.answered_from else []
        return ["label", *(f"probability_{name}" for name in self.labels), *abstains]

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """The most probable class, then the probability of each with six decimals; whether the row is answered."""
        probabilities = [f"{value:.6f}" for value in values["probabilities"].values()]
        abstains = [str(values[self.decided_key]).lower()] if self.decided_key in values else []
        return [values["label"], *probabilities, *abstains]

    def to_line(self, values: dict[str, Any], texts: Sequence[str]) -> str:
        """The most probable class, then each class with its probability."""
        abstains = [] if values.get(self.decided_key, True) else ["not answered"]
        return "\t".join([values["label"], *names_with_values(values["probabilities"]), *abstains])

    def assess(self, texts: Sequence[str], label: str, values: dict[str, Any]) -> Assessment:
        """The most probable class; the loss is the cross-entropy, nats."""
        answer, probabilities = values["label"], values["probabilities"]
        return Assessment(label, answer, surprise(probabilities[label]), answer == label, probabilities[answer])


def _correlation(hits: np.ndarray, predicted: np.ndarray, actual: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`metrics.matthews_correlation` of several matrices, float[b], by their diagonals' sums and their edges.

    Args:
        hits: float[b].
        predicted: float[b, k].
        actual: float[b, k].
        rows: float[b].
    """
    import numpy as np

    spread = [rows**2 - (edge**2).sum(axis=1) for edge in (actual, predicted)]
    both = np.sqrt(np.maximum(spread[0] * spread[1], 0.0))
    beyond = hits * rows - (predicted * actual).sum(axis=1)
    return np.divide(beyond, both, out=np.zeros_like(beyond), where=both > 1e-9 * rows**2)


def unknown_label(label: str, labels: Sequence[str]) -> Problem | None:
    """The problem of a label that is not among the names, None if it is; without names, any label is fine."""
    if not labels or label in labels:
        return None
    known = ", ".join(listed(sorted(labels)[:8])) + (", ..." if len(labels) > 8 else "")
    got = ascii(label[:80]) if mixes_scripts(label) else repr(label[:80])
    return f"the label is {got}, expected one of {known}", (
        f"{did_you_mean(label, labels)}Correct the row, or {LIST_IT}"
    )

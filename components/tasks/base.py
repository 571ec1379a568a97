"""What a task is, to every stage of the pipeline: one class a task, asked by all and knowing none of them.

A task is made from the settings (`tasks.of`), told the names of its labels once train was read, written beside the
Examples (`tasks.write`) and read again by whatever comes after. Nothing here imports TensorFlow before it is needed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from components.common import feature_names

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from components.settings.data import Data
    from components.settings.model import Model
    from components.tokenization.wordpiece import WordPiece

Problem = tuple[str, str]
"""The rule that a row breaks, and the remedy."""


@dataclasses.dataclass(frozen=True)
class Task:
    """One text a row, and labels of a kind that the subclasses tell.

    Shapes below: `n` rows, `k` labels, `length` tokens with padding.
    """

    labels: tuple[str, ...] = ()
    """Names, in the order of their ids; empty where they are not known yet, or where there are none."""

    name: ClassVar[str]
    texts: ClassVar[tuple[str, ...]] = ("text",)
    """Raw features of the texts, bytes[1] each; also the names of their columns where the settings give none."""
    target: ClassVar[str] = "label"
    """The name of the label's column where the settings give none, and its word in messages."""
    has_label_names: ClassVar[bool] = True
    """Whether labels have names, which train or the settings list."""
    min_labels: ClassVar[int] = 1
    """Names that there have to be."""
    single_label: ClassVar[bool] = False
    """Whether each row has one of the names: then there is a confusion matrix, and `class_weights` apply."""
    numeric: ClassVar[bool] = False
    """Whether the label is a number."""
    per_token: ClassVar[bool] = False
    """Whether each word has a label of its own."""
    bi_encoder: ClassVar[bool] = False
    """Whether the encoder sees the two texts apart from each other."""
    prediction_key: ClassVar[str] = "probabilities"
    """The signatures' output that is measured."""
    metrics: ClassVar[tuple[str, ...]]
    """Metrics of all rows; the first one chooses the checkpoint, among equals the loss does."""
    label_metrics: ClassVar[tuple[str, ...]] = ()
    """Metrics of one label, named METRIC/LABEL."""
    lower_is_better: ClassVar[frozenset[str]] = frozenset({"loss"})

    @classmethod
    def of(cls, data: Data) -> Self:
        """As far as the settings tell it."""
        return cls(labels=tuple(data.labels) if isinstance(data.labels, tuple) else ())

    def fitted(self, model: Model, targets: np.ndarray) -> Self:
        """With what the settings of the model, and train's labels in the form of `compute_metrics`, add to it."""
        return self

    def warm_started_from(self, pushed: Task) -> Self:
        """With what the weights of a pushed model of the same kind bring along."""
        return self

    # Rows.

    def check_row(self, texts: Sequence[str], label: str) -> Problem | None:
        """The first rule that a row breaks; its texts and label are not empty."""
        return None

    def label_names(self, label: str) -> list[str]:
        """The label names in a label's field."""
        return [label] if self.has_label_names else []

    def count_key(self, label: str) -> str:
        """What rows with equal labels are counted under."""
        return label

    def to_feature(self, label: str) -> str | float:
        """A label's field as the value of the raw feature."""
        return label

    def drift_values(self, labels: Sequence[str]) -> list[str] | None:
        """What is compared between train and later data of the labels of rows, a value a row; None: nothing."""
        return None

    def label_fields(self, targets: np.ndarray) -> list[str]:
        """Labels' fields again, of what `to_target` made of them, for `drift_values`."""
        return [str(value) for value in targets.tolist()]

    # The graph in front of the encoder.

    def tokenize(self, wordpiece: WordPiece, texts: Sequence[tf.Tensor]) -> tf.RaggedTensor:
        """string[n] of each text -> int64[n, (tokens)]."""
        return wordpiece(texts[0])

    def preprocess(self, wordpiece: WordPiece, texts: Sequence[tf.Tensor], label: tf.Tensor) -> dict[str, Any]:
        """string[n] of each text and of the label -> the ragged token ids, the label, and what else training needs."""
        return {feature_names.TOKEN_IDS: self.tokenize(wordpiece, texts), feature_names.TARGET: self.to_target(label)}

    def to_target(self, label: tf.Tensor) -> tf.Tensor:
        """The raw label, string[n] or float[n], as `loss` and the metrics want it."""
        raise NotImplementedError

    # The head.

    @property
    def head_units(self) -> int | None:
        """Outputs of the dense layer; None: there is none, the pooled states are what is wanted."""
        return len(self.labels)

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """The loss of each row, float32[n], of logits float32[n, units] or, of tokens, float32[n, length, units]."""
        raise NotImplementedError

    def loss_weight(self, targets: np.ndarray) -> int:
        """What the mean loss of rows counts for beside that of others: their number."""
        return len(targets)

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """What is measured and told of the logits, of their shape but for the last axis."""
        raise NotImplementedError

    # Metrics.

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """The metrics but for the loss. A ratio without a denominator, and a correlation with a constant, is 0.

        Args:
            targets: what `to_target` gave, for all rows.
            predictions: what `predictions` gave.
        """
        raise NotImplementedError

    def scores_differently(self, other: Self) -> bool:
        """Whether equal predictions would be worth something else to a task of the same name and labels."""
        return False

    @property
    def metric_names(self) -> list[str]:
        """The name of every metric."""
        return [*self.metrics, *(f"{metric}/{label}" for label in self.labels for metric in self.label_metrics)]

    # What a client is told.

    def outputs(self, predictions: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signatures' outputs."""
        return {self.prediction_key: predictions}

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """One row of the outputs, as numpy values, as it goes into JSON."""
        raise NotImplementedError

    @property
    def output_columns(self) -> list[str]:
        """Header of what `to_row` gives."""
        raise NotImplementedError

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """What was told, as fields of a TSV row."""
        raise NotImplementedError

    def to_line(self, values: dict[str, Any], texts: Sequence[str]) -> str:
        """What was told of texts, for a person."""
        return "\t".join(self.to_row(values))


def with_values(values: dict[str, float]) -> list[str]:
    """Each name with its probability or score."""
    return [f"{name} {value:.6f}" for name, value in values.items()]


def ratio(part: float, whole: float) -> float:
    """Their quotient, 0 where the whole is."""
    return float(part / whole) if whole else 0.0


def precision_recall_f1(hits: float, predicted: float, actual: float) -> tuple[float, float, float]:
    """Of counts: right ones, predicted ones, ones there are."""
    return ratio(hits, predicted), ratio(hits, actual), ratio(2 * hits, predicted + actual)

"""What a task is to every stage of the pipeline: one class a task, which all stages use and which knows none of them.

A task is made from the settings (`tasks.from_settings`), gets its labels' names once train was read, is written beside
the Examples (`tasks.write`) and read by whatever comes after. The Trainer fits it (`fitted`) and puts it into the
exported model's card. Nothing here imports TensorFlow before it is needed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from components.common import feature_names
from components.common.suggest import did_you_mean
from components.statistics.resampling import Draws, whole_counts
from components.tasks import label_text
from components.tasks.metrics import Assessment, Metric
from components.tasks.protocols import DataSettings, ModelSettings, Tokenizer

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

Problem = tuple[str, str]
"""The rule that a row breaks, and the remedy."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What the rows are labelled for: a class below for each task.

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
    """The fewest label names with which the task can be learned."""
    single_label: ClassVar[bool] = False
    """Whether each row has one of the names: then there is a confusion matrix."""
    weighs_labels: ClassVar[bool] = False
    """Whether `class_weights` apply: then there are `weight_names`, `balanced_weights` and `weighted_loss`."""
    numeric: ClassVar[bool] = False
    """Whether the label is a number."""
    per_token: ClassVar[bool] = False
    """Whether each word has a label of its own."""
    has_token_head: ClassVar[bool] = False
    """Whether the head has outputs for each token rather than for the row."""
    finds_span: ClassVar[bool] = False
    """Whether the answer is a part of the second text, in which long texts' windows move, or none, with no label."""
    bi_encoder: ClassVar[bool] = False
    """Whether the encoder sees the two texts apart from each other."""
    writes: ClassVar[bool] = False
    """Whether the answer is a text that the model writes, and the label the text it should be."""
    names_key: ClassVar[str] = ""
    """The signatures' output that repeats the labels' names in each row; empty: there is none."""
    prediction_key: ClassVar[str] = "probabilities"
    """The signatures' output from which the metrics are computed."""
    has_temperature: ClassVar[bool] = False
    """Whether the logits are those of classes, so that a temperature can say how sure the model is."""
    calibrated_fields: ClassVar[tuple[str, ...]] = ()
    """Fields that a calibration sets; each is a variable of the exported model. `decided_key` depends on them."""
    decided_key: ClassVar[str] = ""
    """The signatures' output that `margins` decides; empty: there is none."""
    metrics: ClassVar[tuple[Metric, ...]]
    """Metrics of all rows, the first of which is the `primary_metric`."""
    served_metrics: ClassVar[tuple[str, ...]] = ()
    """Those of `metrics` that `compute_metrics` does not give: they are measured on the served model's answers."""
    label_metrics: ClassVar[tuple[Metric, ...]] = ()
    """Metrics of each label, whose full names are METRIC/LABEL."""

    @classmethod
    def from_settings(cls, data: DataSettings) -> Self:
        """The task as far as `[data]` states it: label names in a file are not read here."""
        return cls(labels=data.labels if isinstance(data.labels, tuple) else ())

    def fitted(self, model: ModelSettings, targets: np.ndarray) -> Self:
        """With what `[model]` and train's labels add to it.

        Args:
            model: the settings of the model that is trained.
            targets: train's labels, in the form that `compute_metrics` takes.
        """
        return self

    def warm_started_from(self, pushed: Task) -> Self:
        """With what belongs to the weights of a pushed model, of the same task, from which training starts."""
        return self

    @property
    def pools(self) -> bool:
        """Whether the head sees one state a row, so that there is a pooling to choose."""
        return not (self.has_token_head or self.writes)

    # Rows.

    @classmethod
    def clean_label(cls, label: str) -> str:
        """A label's field as it counts: white space around a name and how its accents are encoded do not."""
        return label_text.cleaned(label)

    def check_row(self, texts: Sequence[str], label: str) -> Problem | None:
        """The first rule that a row breaks; its texts are not empty, nor is its label unless `[data]` allows it."""
        return None

    def as_learned(self, label: str) -> str:
        """A label's field that breaks no rule, as it is learned: files may have other tags for the same."""
        return label

    def check_extremes(self, least: float, greatest: float) -> Problem | None:
        """The rule that the least and the greatest label of train break, where labels are numbers."""
        return None

    def label_names(self, label: str) -> list[str]:
        """The label names in a label's field."""
        return [label] if self.has_label_names else []

    def count_key(self, label: str) -> str:
        """What a row is counted under where rows are counted by label."""
        return label

    def to_feature(self, label: str) -> str | float:
        """A label's field as the value of the raw feature."""
        return label

    def drift_values(self, labels: Sequence[str]) -> list[str] | None:
        """Of labels' fields, a value a row, whose shares are compared between train and later data.

        None: there is nothing to compare.
        """
        return None

    def label_fields(self, targets: np.ndarray) -> list[str]:
        """The inverse of `to_target`: labels' fields, for `drift_values`."""
        return [str(value) for value in targets.tolist()]

    # The graph in front of the encoder.

    def tokenize(self, tokenizer: Tokenizer, texts: Sequence[tf.Tensor]) -> tf.RaggedTensor:
        """string[n] of each text -> int64[n, (tokens)]."""
        return tokenizer(texts[0])

    def preprocess(self, tokenizer: Tokenizer, texts: Sequence[tf.Tensor], label: tf.Tensor) -> dict[str, Any]:
        """string[n] of each text and of the label -> the ragged token ids, the label, and what else training needs."""
        return {feature_names.TOKEN_IDS: self.tokenize(tokenizer, texts), feature_names.TARGET: self.to_target(label)}

    def to_target(self, label: tf.Tensor) -> tf.Tensor:
        """The raw label, string[n] or float[n], as `loss` and the metrics want it."""
        raise NotImplementedError

    # The head.

    @property
    def head_units(self) -> int | None:
        """Outputs of the dense layer; None: there is no such layer, the pooled states are the logits."""
        return len(self.labels)

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """The loss of each row, float32[n], of logits float32[n, units] or, of tokens, float32[n, length, units]."""
        raise NotImplementedError

    @property
    def weight_names(self) -> Sequence[str]:
        """What `class_weights` gives weights to, in the order that the two methods below have them."""
        return self.labels

    def balanced_weights(self, targets: np.ndarray) -> np.ndarray:
        """float32[weight names], by how often each is among train's labels, as `Rows.targets` has them."""
        raise NotImplementedError

    def weighted_loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float, weights: np.ndarray) -> tf.Tensor:
        """`loss` with a weight for each of `weight_names`, float32; what the mean is taken over stays the same."""
        raise NotImplementedError

    def guessing_loss(self, train: np.ndarray, dev: np.ndarray) -> float | None:
        """The mean loss on dev of one answer for all rows, that which fits train's labels best; None: not known.

        Args:
            train: labels, as `loss` takes them.
            dev: likewise.
        """
        return None

    def loss_weight(self, targets: np.ndarray) -> int:
        """The weight of these rows' mean loss in a mean over several batches: the number of rows."""
        return len(targets)

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """What the metrics and the outputs are made from, float32 of the logits' shape but for the last axis."""
        raise NotImplementedError

    # Metrics.

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """The metrics of rows, by name, of labels too, but for `served_metrics`.

        Args:
            targets: what `to_target` gave, for all rows.
            predictions: what `predictions` gave.
        """
        raise NotImplementedError

    def metric_value(self, full_name: str, targets: np.ndarray, predictions: np.ndarray) -> float:
        """One of the metrics that `check_metric` allows, of rows as for `compute_metrics`."""
        return self.compute_metrics(targets, predictions)[full_name]

    def resampled_metrics(self, targets: np.ndarray, predictions: np.ndarray, drawn: Draws) -> dict[str, np.ndarray]:
        """The metrics of weighted rows, by name, float[draws] each: how they could have been by other rows.

        Metrics that are left out have no interval. Here rows are taken as often as their weights say; where a task has
        its metrics from sums over rows, it does better.

        Args:
            targets, predictions: as for `compute_metrics`.
            drawn: the weights.
        """
        import numpy as np

        taken = (np.repeat(np.arange(len(targets)), whole_counts(weights)) for weights in drawn.weights)
        found = [self.compute_metrics(targets[rows], predictions[rows]) for rows in taken]
        return {name: np.array([values[name] for values in found]) for name in found[0]}

    def shares(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, tuple[float, float]]:
        """Of metrics that are a share of rows, given as for `compute_metrics`, by name: how many count, of how many."""
        return {}

    def answers(self, predictions: np.ndarray) -> np.ndarray | None:
        """What a client takes for the answer, any[n, ...]: two models agree on rows where it is equal.

        None: answers are numbers, of which no two are equal.
        """
        return None

    def scores_differently(self, other: Self) -> bool:
        """Whether a task of the same name and labels would compute other metrics from the same predictions."""
        return False

    def margins(self, predictions: np.ndarray) -> np.ndarray | None:
        """How far predictions are above what decides, any[n, ...]: `decided_key` is true from 0 on; None: none does."""
        return None

    @property
    def primary_metric(self) -> Metric:
        """The one by which checkpoints are chosen where the settings name none; it is better when higher."""
        return self.metrics[0]

    @property
    def metric_names(self) -> list[str]:
        """The full name of every metric: METRIC, then METRIC/LABEL label by label."""
        by_label = (f"{metric.name}/{label}" for label in self.labels for metric in self.label_metrics)
        return [*(metric.name for metric in self.metrics), *by_label]

    @classmethod
    def metric_of(cls, full_name: str) -> Metric | None:
        """The metric that METRIC or METRIC/LABEL names, whichever the label; None where the task has none such."""
        name, slash, label = full_name.partition("/")
        known = () if slash and not label else cls.label_metrics if slash else cls.metrics
        return next((metric for metric in known if metric.name == name), None)

    def check_metric(self, full_name: str) -> Problem | None:
        """Why checkpoints cannot be chosen by METRIC or METRIC/LABEL; None: they can, as far as labels are known."""
        name, _, label = full_name.partition("/")
        known = [metric.name for metric in self.metrics if metric.name not in self.served_metrics]
        if name in self.served_metrics and not label:
            return f"is {full_name!r}, which is measured once the model is exported", f"Known: {', '.join(known)}"
        if self.metric_of(full_name) is None:
            known += [f"{metric.name}/LABEL" for metric in self.label_metrics]
            remedy = f"{did_you_mean(full_name, known)}Known: {', '.join(known)}"
            return f"is {full_name!r}, no metric of {self.name}", remedy
        if label and self.labels and label not in self.labels:
            remedy = f"{did_you_mean(label, self.labels)}Correct the name"
            return f"is {full_name!r}, the labels are {', '.join(self.labels)}", remedy
        return None

    # What a client gets.

    def outputs(self, predictions: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signatures' outputs."""
        return {self.prediction_key: predictions}

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """One row of the outputs, numpy values, as JSON can hold it."""
        raise NotImplementedError

    @property
    def output_columns(self) -> list[str]:
        """The header over `to_row`'s fields."""
        raise NotImplementedError

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """What `to_json` gave, as fields of a TSV row."""
        raise NotImplementedError

    def to_line(self, values: dict[str, Any], texts: Sequence[str]) -> str:
        """What `to_json` gave for these texts, as a line for a person."""
        return "\t".join(self.to_row(values))

    def evaluated(self, predictions: np.ndarray) -> Iterator[dict[str, Any]] | None:
        """What `assess` takes, of each row's prediction, [n, ...]; None: an evaluation has less than that."""
        import tensorflow as tf

        columns = {name: values.numpy() for name, values in self.outputs(tf.constant(predictions)).items()}
        return (self.to_json(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True))

    def assess(self, texts: Sequence[str], label: str, values: dict[str, Any]) -> Assessment:
        """What `to_json` gave for these texts, beside the row's label as `to_feature` has it, a number as text.

        Of a pair of texts that the encoder sees apart, `values` has their `score` in place of vectors.
        """
        line = self.to_line(values, texts)
        return Assessment(label, line, float(line != label), line == label, None)

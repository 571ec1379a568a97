"""Entities in a text: a tag for each word, learned in the BIO scheme whichever the files have (`tag_schemes`).

`B-TYPE` begins an entity, `I-TYPE` goes on with it, `O` is outside. An entity is right if its type, its first and its
last word are, which is how CoNLL's script and seqeval count.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from components.common import feature_names
from components.statistics.resampling import Draws, label_ratios, smoothed_ratios
from components.tasks import label_text, label_weights, tag_schemes
from components.tasks.base import Problem, Task
from components.tasks.metrics import Assessment, Metric, by_label, precision_recall_f1, ratio
from components.tasks.protocols import DataSettings, Tokenizer
from components.tasks.tag_schemes import OUTSIDE

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

IGNORED = -1
"""In place of a tag's id, for a token that begins no word and for padding: not in the loss, not in the metrics."""

_PRECISION = Metric("precision", "of the entities predicted, the share that is right: type, first and last word")
_RECALL = Metric("recall", "of the entities there are, the share found with type, first and last word")
_F1 = Metric("f1", "harmonic mean of the precision and the recall of entities, as CoNLL's script and seqeval have it")
RAW_TEXT_F1 = Metric(
    "raw_text_f1", "`f1` of the served model on the rows as printed text: right are type and characters"
)


@dataclasses.dataclass(frozen=True)
class Tagging(Task):
    """Softmax over the tags for the first token of each word; its labels are the types of entities."""

    most_words: int | None = None
    """The most words a sentence may have, so that the model sees each of them; None: no limit."""
    scheme: tag_schemes.Scheme = "bio"
    """Of the tags in files; `as_learned` makes BIO of them."""

    name: ClassVar[str] = "tagging"
    texts: ClassVar[tuple[str, ...]] = ("tokens",)
    target: ClassVar[str] = "tags"
    per_token: ClassVar[bool] = True
    has_token_head: ClassVar[bool] = True
    weighs_labels: ClassVar[bool] = True
    has_temperature: ClassVar[bool] = True
    prediction_key: ClassVar[str] = "tags"
    found_key: ClassVar[str] = "entities"
    """What an answer calls the list of what was found."""
    kind_key: ClassVar[str] = "type"
    """What it calls the label of each."""
    metrics: ClassVar[tuple[Metric, ...]] = (
        _F1,
        _PRECISION,
        _RECALL,
        Metric("token_accuracy", "share of the words with the right tag"),
        RAW_TEXT_F1,
    )
    served_metrics: ClassVar[tuple[str, ...]] = (RAW_TEXT_F1.name,)
    label_metrics: ClassVar[tuple[Metric, ...]] = (_PRECISION, _RECALL, _F1)

    @classmethod
    def from_settings(cls, data: DataSettings) -> Self:
        """With the names that `[data]` lists, if it does, the most words a sentence may have, and the tags' scheme."""
        return dataclasses.replace(super().from_settings(data), most_words=data.most_words, scheme=data.scheme)

    @property
    def tags(self) -> list[str]:
        """`O`, then `B-` and `I-` of each type, in the order of their ids."""
        return [OUTSIDE, *(f"{part}-{name}" for name in self.labels for part in "BI")]

    def check_row(self, texts: Sequence[str], label: str) -> Problem | None:
        """As many tags as words, none of them empty, not too many, each as `check_tags` wants it."""
        words, tags = texts[0].split(" "), label.split(" ")
        if problem := tag_schemes.empty_word("token", words) or tag_schemes.empty_word("tag", tags):
            return problem
        if len(words) != len(tags):
            remedy = "Give each token its tag; a token cannot hold a space"
            return f"{len(words)} tokens and {len(tags)} tags", remedy
        if self.most_words is not None and len(words) > self.most_words:
            remedy = 'Split the sentence, raise model.max_length or data.most_words, or set long_texts = "window"'
            return f"{len(words)} tokens, at most {self.most_words} are seen", remedy
        return self.check_tags(tags)

    def check_tags(self, tags: Sequence[str]) -> Problem | None:
        """Each a tag of the scheme and of a known type, no I- without its B-."""
        return tag_schemes.problem(tags, self.scheme, self.labels)

    @classmethod
    def clean_label(cls, label: str) -> str:
        """Each tag by itself, `b-LOC` as `B-LOC`; single spaces stand between them."""
        return " ".join(tag_schemes.canonical(label_text.cleaned(tag)) for tag in label.split(" "))

    def as_learned(self, label: str) -> str:
        """The tags in BIO."""
        return label if self.scheme == "bio" else " ".join(tag_schemes.to_bio(label.split(" "), self.scheme))

    def label_names(self, label: str) -> list[str]:
        """The types of entities in a row's tags, sorted."""
        return sorted({tag[2:] for tag in label.split(" ") if tag != OUTSIDE})

    def count_key(self, label: str) -> str:
        """The set of tags of a row, as one value whatever their order."""
        return " ".join(sorted(set(label.split(" "))))

    def tokenize(self, tokenizer: Tokenizer, texts: Sequence[tf.Tensor]) -> tf.RaggedTensor:
        """string[n] of words between single spaces -> int64[n, (tokens)]."""
        import tensorflow as tf

        return tokenizer.words(tf.strings.split(texts[0], " "))[0]

    def preprocess(self, tokenizer: Tokenizer, texts: Sequence[tf.Tensor], label: tf.Tensor) -> dict[str, Any]:
        """Token ids, the index of the word that each token begins, and the tag of each word, all ragged int64."""
        import tensorflow as tf

        token_ids, word_ids = tokenizer.words(tf.strings.split(texts[0], " "))
        return {
            feature_names.TOKEN_IDS: token_ids,
            feature_names.WORD_IDS: word_ids,
            feature_names.TARGET: self.to_target(label),
        }

    def to_target(self, label: tf.Tensor) -> tf.RaggedTensor:
        """Ids of the tags, int64[n, (words)]; 0, which is outside, for one that is not known."""
        import tensorflow as tf

        tags = tf.strings.split(label, " ")
        same = tf.equal(tags.flat_values[:, tf.newaxis], tf.constant(self.tags)[tf.newaxis, :])
        return tags.with_flat_values(tf.argmax(tf.cast(same, tf.int32), axis=1))

    @property
    def head_units(self) -> int:
        """One for each tag: O, and B- and I- of each type."""
        return len(self.tags)

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """Cross-entropy, nats, of the words of the batch: a row's share in its mean is that of its words."""
        return self._loss(logits, targets, smoothing)

    def weighted_loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float, weights: np.ndarray) -> tf.Tensor:
        """The same with the loss of a word times the weight of its tag."""
        return self._loss(logits, targets, smoothing, weights)

    def _loss(
        self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float, weights: np.ndarray | None = None
    ) -> tf.Tensor:
        import tensorflow as tf

        known = tf.not_equal(targets, IGNORED)
        target = tf.one_hot(targets, self.head_units) * (1 - smoothing) + smoothing / self.head_units
        losses = tf.where(known, tf.nn.softmax_cross_entropy_with_logits(target, logits), 0.0)
        if weights is not None:
            losses *= tf.gather(tf.constant(weights), tf.maximum(targets, 0))
        words = tf.reduce_sum(tf.cast(known, tf.float32))
        rows = tf.cast(tf.shape(targets)[0], tf.float32)
        return tf.reduce_sum(losses, axis=1) * rows / tf.maximum(1.0, words)

    @property
    def weight_names(self) -> list[str]:
        """The tags."""
        return self.tags

    def balanced_weights(self, targets: np.ndarray) -> np.ndarray:
        """The rarer a tag, the more, by the words of each that the model sees.

        Measured on 800 generated sentences, 87% of whose words are outside, the head of MiniLM trained, mean of two
        seeds: F1 0.546 without weights, 0.688 with these, 0.645 with their roots.
        """
        return label_weights.balanced(targets[targets != IGNORED], len(self.tags))

    def loss_weight(self, targets: np.ndarray) -> int:
        """The number of words: the mean loss is that of words, not of rows."""
        return int((targets != IGNORED).sum())

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """Probabilities of the tags, float32[n, length, tags]."""
        import tensorflow as tf

        return tf.nn.softmax(logits)

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """All of `metrics` and `label_metrics` that count words.

        Args:
            targets: int[n, words], ids of tags, filled up with `IGNORED`.
            predictions: float or int[n, any], ids of the most probable tags; a word that is `IGNORED` or missing,
                because the model did not see it, counts as outside.
        """
        hits, predicted, actual, right, words = (of_rows.sum(axis=0) for of_rows in self.counts(targets, predictions))
        names = [metric.name for metric in self.label_metrics]
        found = dict(
            zip(names, precision_recall_f1(*(int(one.sum()) for one in (hits, predicted, actual))), strict=True)
        )
        for index, kind in enumerate(self.labels):
            of_kind = precision_recall_f1(int(hits[index]), int(predicted[index]), int(actual[index]))
            found |= {f"{name}/{kind}": value for name, value in zip(names, of_kind, strict=True)}
        return found | {"token_accuracy": ratio(int(right), int(words))}

    def counts(self, targets: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, ...]:
        """What the metrics of rows, as for `compute_metrics`, are computed from.

        Returns:
            Entities that are right, that are predicted and that there are, int64[n, k] each, by type; words with the
            right tag, and words, int64[n] each.
        """
        import numpy as np

        rows, kinds = len(targets), {kind: index for index, kind in enumerate(self.labels)}
        hits, predicted, actual = (np.zeros((rows, len(kinds)), np.int64) for _ in range(3))
        right, words = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        tags = self.tags
        for row, (gold, guess) in enumerate(zip(targets, predictions, strict=True)):
            known = gold != IGNORED
            seen = np.zeros(len(gold), np.int64)
            seen[: len(guess)] = np.maximum(guess[: len(gold)], 0)
            gold, guess = gold[known], seen[known]  # noqa: PLW2901
            right[row], words[row] = (gold == guess).sum(), len(gold)
            theirs = set(entities([tags[int(i)] for i in gold]))
            ours = set(entities([tags[int(i)] for i in guess]))
            for counts, spans in ((hits, theirs & ours), (predicted, ours), (actual, theirs)):
                for kind, _, _ in spans:
                    counts[row, kinds[kind]] += 1
        return hits, predicted, actual, right, words

    def resampled_metrics(self, targets: np.ndarray, predictions: np.ndarray, drawn: Draws) -> dict[str, np.ndarray]:
        """Those of `compute_metrics`: the words of a sentence are drawn together."""
        *of_kinds, right, words = self.counts(targets, predictions)
        sums = [drawn.weights @ one.astype(float) for one in of_kinds]
        names = [metric.name for metric in self.label_metrics]
        found = dict(zip(names, label_ratios(*(one.sum(axis=1) for one in sums)), strict=True))
        return {
            **found,
            **self._of_labels(sums, drawn),
            "token_accuracy": (drawn.weights @ right.astype(float)) / (drawn.weights @ words.astype(float)),
        }

    def _of_labels(self, sums: Sequence[np.ndarray], drawn: Draws) -> dict[str, np.ndarray]:
        """The metrics of each label, of what is right, predicted and there under each draw, float[b, k] each."""
        return by_label(self.label_metrics, self.labels, smoothed_ratios(drawn, *sums))

    def answers(self, predictions: np.ndarray) -> np.ndarray:
        """The tags' ids, float or int[n, any]."""
        return predictions

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """What was found in the text's order, with offsets in characters: `text[begin:end]` is the surface."""
        count = int(output["count"])
        fields = (output[name][:count] for name in ("type", "score", "begin", "end"))
        return {
            self.found_key: [
                {self.kind_key: kind.decode(), "score": float(score), "begin": int(begin), "end": int(end)}
                for kind, score, begin, end in zip(*fields, strict=True)
            ]
        }

    @property
    def output_columns(self) -> list[str]:
        """One column for all that was found."""
        return [self.found_key]

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """All that was found as a JSON list, scores with six decimals."""
        rounded = [{**one, "score": round(one["score"], 6)} for one in values[self.found_key]]
        return [json.dumps(rounded, ensure_ascii=False)]

    def to_line(self, values: dict[str, Any], texts: Sequence[str]) -> str:
        """The surface of all that was found, each with its kind and score, a dash if there is nothing."""
        found = [
            (texts[0][one["begin"] : one["end"]], one[self.kind_key], one["score"]) for one in values[self.found_key]
        ]
        return "\t".join(f"{surface} {kind} {score:.6f}" for surface, kind, score in found) or "-"

    def evaluated(self, predictions: np.ndarray) -> None:
        """None: of an evaluation the tags are known, and not how sure the model is of them."""
        return

    def assess(self, texts: Sequence[str], label: str, values: dict[str, Any]) -> Assessment:
        """What is tagged in the row and what was found of its words; the loss is the number of spans that are wrong.

        The answer's offsets are those of words with one space between. Of an answer with wrong spans the confidence is
        that in the surest of these, and it is added to the loss.
        """
        (text,) = texts
        theirs = set(tag_schemes.in_characters(text, self._tagged(label.split(" "))))
        found = {(one["begin"], one["end"], one[self.kind_key]): one["score"] for one in values[self.found_key]}
        wrong = found.keys() ^ theirs
        surest = max((found[span] for span in wrong if span in found), default=None)
        truth, answer = (
            "; ".join(f"{text[begin:end]} {kind}" for begin, end, kind in sorted(spans)) or "-"
            for spans in (theirs, found)
        )
        return Assessment(truth, answer, len(wrong) + (surest or 0.0), not wrong, surest)

    def _tagged(self, tags: Sequence[str]) -> Iterator[tuple[str, int, int]]:
        """(type, first word, word after the last) of each span."""
        return entities(tags)


def entities(tags: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """(type, first word, word after the last) of each entity.

    As seqeval has it by default, and CoNLL's script: an I- that goes on with no entity of its type begins one.
    """
    kind, begin = "", 0
    for place, tag in enumerate([*tags, OUTSIDE]):
        part, _, named = tag.partition("-")
        if kind and (part != "I" or named != kind):
            yield kind, begin, place
            kind = ""
        if not kind and part != OUTSIDE:
            kind, begin = named, place

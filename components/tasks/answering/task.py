"""Answers to questions that are parts of a text: where in the text the answer begins and ends, or that it has none.

A label is learned as `START:ANSWER|START:ANSWER`: each right answer behind the place of its first character in the
text, from 0; empty where the text has no answer.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from components.common import feature_names
from components.statistics.resampling import Draws
from components.tasks.answering import labels, places, span_metrics
from components.tasks.base import Problem, Task
from components.tasks.label_text import of_code_points
from components.tasks.metrics import Assessment, Metric, ratio
from components.tasks.protocols import DataSettings, ModelSettings, Tokenizer

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

DEFAULT_NULL_THRESHOLD, DEFAULT_LONGEST = 0.0, 30
"""What decides between an answer and none, and the most tokens of an answer, where the settings do not say."""

BEST = 5
"""Answers that are given of each row, the most probable ones."""


@dataclasses.dataclass(frozen=True)
class Answering(Task):
    """Softmax over the tokens of the context, once for the answer's first and once for its last; [CLS] is no answer.

    A prediction is float32[1 + BEST, 3]: in each line the first token, the last one and the product of their two
    probabilities; first of no answer, whose tokens are both 0, then of the best answers. Behind `located_in`, and in an
    evaluation, characters stand in place of tokens.
    """

    starts_given: bool = False
    """Whether a label's field has places of answers, as `with_starts` puts them there."""
    null_threshold: float = DEFAULT_NULL_THRESHOLD
    """No answer is given where its logarithmic probability is more than that of the best one by more than this."""
    longest_answer: int = DEFAULT_LONGEST
    """In tokens, of those that are predicted."""

    name: ClassVar[str] = "answering"
    texts: ClassVar[tuple[str, ...]] = ("question", "context")
    target: ClassVar[str] = "answer"
    has_label_names: ClassVar[bool] = False
    has_token_head: ClassVar[bool] = True
    finds_span: ClassVar[bool] = True
    prediction_key: ClassVar[str] = "spans"
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("f1", "mean of the F1 of the answer's words with the nearest right answer's, as SQuAD 2.0 has it"),
        Metric("exact_match", "share of the rows whose answer is a right one but for case, punctuation, articles"),
        Metric("f1_with_answer", "`f1` of the rows that have an answer"),
        Metric("exact_match_with_answer", "`exact_match` of the rows that have an answer"),
        Metric("f1_without_answer", "`f1` of the rows that have none: the share for which none is given"),
        Metric("exact_match_without_answer", "`exact_match` of the rows that have none, which is the same share"),
    )

    @classmethod
    def from_settings(cls, data: DataSettings) -> Self:
        """With whether `[data]` has a column of the answers' places."""
        return cls(starts_given=data.start is not None)

    def fitted(self, model: ModelSettings, targets: np.ndarray) -> Self:
        """With what `[model]` says of answers."""
        return dataclasses.replace(
            self, starts_given=False, null_threshold=model.null_threshold, longest_answer=model.longest_answer
        )

    # Rows.

    @classmethod
    def clean_label(cls, label: str) -> str:
        """As it is but for white space around it: an answer has the characters of its text."""
        return label.strip()

    def with_starts(self, answers: str, starts: str) -> str:
        """A label's field out of two: of answers, and of where each begins."""
        return f"{starts.strip()}:{answers}" if answers else ""

    def check_row(self, texts: Sequence[str], label: str) -> Problem | None:
        """Each answer has to be in the context, and where a place is given there."""
        return labels.broken_rule(label, texts[1], self.starts_given) if label else None

    def located(self, texts: Sequence[str], label: str) -> str:
        """A label that breaks no rule as it is learned: each answer behind its place, the first if none is given."""
        return labels.located(label, texts[1], self.starts_given) if label else ""

    def count_key(self, label: str) -> str:
        """Whether there is one: answers are not counted one by one."""
        return "answer" if label else "no answer"

    def drift_values(self, labels: Sequence[str]) -> list[str] | None:
        """Whether there is an answer."""
        return list(map(self.count_key, labels))

    def label_fields(self, targets: np.ndarray) -> list[str]:
        """No answers, but whether there is one: of int[n, 2], 0 twice for none."""
        return ["0:" if any(tokens) else "" for tokens in targets.tolist()]

    # The graph.

    def tokenize(self, tokenizer: Tokenizer, texts: Sequence[tf.Tensor]) -> tf.RaggedTensor:
        """string[n] of questions and of contexts -> int64[n, (tokens)] of the two together, the context truncated."""
        return tokenizer.contexts(*texts)[0]

    def preprocess(self, tokenizer: Tokenizer, texts: Sequence[tf.Tensor], label: tf.Tensor) -> dict[str, Any]:
        """Token ids, their offsets in the context, the answer's first and last token, and the texts to measure by."""
        import tensorflow as tf

        token_ids, offsets = tokenizer.contexts(*texts)
        answers = tf.strings.regex_replace(label, r"(?s)(^|\|)\d+:", "\0")
        return {
            feature_names.TOKEN_IDS: token_ids,
            feature_names.OFFSETS: offsets,
            feature_names.ANSWER_TEXTS: tf.concat(
                [places.seen(places.codes_of(texts[1]), offsets), places.codes_of(answers)], axis=1
            ),
            feature_names.TARGET: places.tokens_of(label, offsets),
        }

    @property
    def head_units(self) -> int:
        """Of each token, how likely the answer begins there and how likely it ends there."""
        return 2

    def loss(self, logits: tf.Tensor, targets: tf.Tensor, smoothing: float) -> tf.Tensor:
        """Mean of the cross-entropies of the answer's first and last token, float32[n]; 0 where it is not seen.

        Args:
            logits: float32[n, length, 2].
            targets: int32[n, 2].
            smoothing: none.
        """
        import tensorflow as tf

        of_places = tf.transpose(tf.nn.log_softmax(logits, axis=1), [0, 2, 1])
        found = tf.gather(of_places, tf.maximum(targets, 0), batch_dims=2)
        return tf.where(targets[:, 0] >= 0, -tf.reduce_mean(found, axis=1), 0.0)

    def predictions(self, logits: tf.Tensor) -> tf.Tensor:
        """The best answers and that there is none, float32[n, 1 + BEST, 3], of logits float32[n, length, 2].

        An answer that there is not, as of a short text the fifth, has the score 0.
        """
        import tensorflow as tf

        starts, ends = tf.unstack(tf.nn.softmax(logits, axis=1), axis=2)
        length, most = tf.shape(starts)[1], self.longest_answer
        later = tf.pad(ends, [[0, 0], [0, most]])
        # [CLS] begins no answer.
        begins = tf.concat([tf.zeros_like(starts[:, :1]), starts[:, 1:]], axis=1)
        spans = tf.stack([begins * later[:, more : more + length] for more in range(most)], axis=2)
        flat = tf.pad(tf.reshape(spans, [-1, length * most]), [[0, 0], [0, BEST]])
        scores, places = tf.math.top_k(flat, BEST)
        first = places // most
        of_each = [tf.cast(each, tf.float32) for each in (first, first + places % most)]
        found = tf.stack([*(tf.where(scores > 0, each, 0.0) for each in of_each), scores], axis=2)
        none = tf.stack([tf.zeros_like(starts[:, :1])] * 2 + [(starts * ends)[:, :1]], axis=2)
        return tf.concat([none, found], axis=1)

    # Metrics.

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """All of `metrics`.

        Args:
            targets: int[n, any], filled up with -1: a number of tokens, so many pairs of offsets, and ANSWER_TEXTS.
                Without offsets, predictions are of characters.
            predictions: float[n, 1 + BEST, 3], or flat.
        """
        exact, f1, has_answer = self._of_rows(targets, predictions)
        found: dict[str, float] = {}
        for suffix, chosen in _groups(has_answer):
            rows = int(chosen.sum())
            found |= {f"f1{suffix}": ratio(f1[chosen].sum(), rows)}
            found |= {f"exact_match{suffix}": ratio(exact[chosen].sum(), rows)}
        return found

    def _of_rows(self, targets: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Exact match and F1 of each row, float[n] both, and whether it has an answer, bool[n]."""
        import numpy as np

        exact, f1, has_answer = np.zeros(len(targets)), np.zeros(len(targets)), np.zeros(len(targets), bool)
        for row, (target, spans) in enumerate(zip(targets, located_in(targets, predictions), strict=True)):
            text = of_code_points(target[1 + 2 * int(target[0]) :])
            golds = text.split("\0")[1:]
            start, end, _ = self._answer(spans)
            exact[row], f1[row] = span_metrics.best(text[int(start) : int(end)], golds)
            has_answer[row] = bool(golds)
        return exact, f1, has_answer

    def _answer(self, spans: np.ndarray) -> tuple[float, float, float]:
        """Begin, end and score of what is answered, of float[1 + BEST, 3]."""
        null, best = spans[0], spans[1]
        given = best[2] > 0 and null[2] <= best[2] * math.exp(self.null_threshold)
        begin, end, score = map(float, best if given else null)
        return begin, end, score

    def resampled_metrics(self, targets: np.ndarray, predictions: np.ndarray, drawn: Draws) -> dict[str, np.ndarray]:
        """All of `metrics` of which there are rows."""
        exact, f1, has_answer = self._of_rows(targets, predictions)
        found = {}
        for suffix, chosen in _groups(has_answer):
            if chosen.any():
                weights = drawn.weights[:, chosen]
                found[f"f1{suffix}"] = weights @ f1[chosen] / weights.sum(axis=1)
                found[f"exact_match{suffix}"] = weights @ exact[chosen] / weights.sum(axis=1)
        return found

    def shares(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, tuple[float, float]]:
        """Of the exact matches."""
        exact, _, has_answer = self._of_rows(targets, predictions)
        return {
            f"exact_match{suffix}": (float(exact[chosen].sum()), float(chosen.sum()))
            for suffix, chosen in _groups(has_answer)
        }

    def answers(self, predictions: np.ndarray) -> np.ndarray:
        """Where what is answered begins and ends, float[n, 2]."""
        import numpy as np

        return np.array([self._answer(spans)[:2] for spans in _as_spans(predictions)]).reshape(-1, 2)

    # What a client gets.

    def to_json(self, output: dict[str, Any]) -> dict[str, Any]:
        """The answer, empty for none, with its score and `text[start:end]`; the best ones; and the score of none."""
        every = zip(*(output[name] for name in ("answers", "scores", "starts", "ends")), strict=True)
        return {
            **_as_json(output["answer"], output["score"], output["start"], output["end"]),
            "null_score": float(output["null_score"]),
            "answers": [_as_json(*one) for one in every if one[1] > 0],
        }

    @property
    def output_columns(self) -> list[str]:
        """Of the answer, and where in the context it is."""
        return ["answer", "score", "start", "end"]

    def to_row(self, values: dict[str, Any]) -> list[str]:
        """The answer, its score with six decimals, its first character and the one behind its last."""
        return [values["answer"], f"{values['score']:.6f}", str(values["start"]), str(values["end"])]

    def to_line(self, values: dict[str, Any], texts: Sequence[str]) -> str:
        """The answer, a dash for none, its score and its place."""
        place = f" {values['start']}-{values['end']}" if values["answer"] else ""
        return f"{values['answer'] or '-'} {values['score']:.3f}{place}"

    def evaluated(self, predictions: np.ndarray) -> Iterator[dict[str, Any]]:
        """What is answered, of predictions of characters."""
        for spans in _as_spans(predictions):
            start, end, score = self._answer(spans)
            yield {"start": int(start), "end": int(end), "score": score}

    def assess(self, texts: Sequence[str], label: str, values: dict[str, Any]) -> Assessment:
        """The right answers beside the one given; the loss is what lacks of the F1, and the score of a wrong answer."""
        golds = [one.partition(":")[2] for one in label.split(labels.SEPARATOR)] if label else []
        answer = texts[1][values["start"] : values["end"]]
        exact, f1 = span_metrics.best(answer, golds)
        loss = 1 - f1 + (1 - exact) * values["score"]
        return Assessment(" | ".join(golds) or "-", answer or "-", loss, bool(exact), values["score"])


def _groups(has_answer: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """What the names of metrics end in, and the rows they are of, bool[n]: all, those with an answer, those without."""
    return [("", has_answer | True), ("_with_answer", has_answer), ("_without_answer", ~has_answer)]


def _as_spans(predictions: np.ndarray) -> np.ndarray:
    return predictions.reshape(len(predictions), -1, 3)


def located_in(targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Predictions with characters in place of tokens, each part once, float[n, 1 + BEST, 3].

    Arguments as of `compute_metrics`.
    """
    import numpy as np

    found = _as_spans(predictions).astype(np.float64)
    for target, spans in zip(targets, found, strict=True):
        if count := int(target[0]):
            offsets = target[1 : 1 + 2 * count].reshape(-1, 2)
            tokens = spans[:, :2].astype(np.int64)
            spans[:, 0], spans[:, 1] = offsets[tokens[:, 0], 0], offsets[tokens[:, 1], 1]
            spans[(tokens == 0).all(axis=1), :2] = 0
            # Tokens of one word have the same place.
            _, first = np.unique(spans[:, :2], axis=0, return_index=True)
            once = spans[np.sort(first)]
            spans[:] = 0
            spans[: len(once)] = once
    return found


def _as_json(answer: bytes, score: Any, start: Any, end: Any) -> dict[str, Any]:
    return {"answer": answer.decode(), "score": float(score), "start": int(start), "end": int(end)}

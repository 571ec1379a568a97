"""The signatures of an exported model that finds answers in a text."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from components.common import feature_names
from components.export.of_task.distinct import distinct
from components.export.signatures import Exported
from components.tasks.answering.task import BEST, Answering
from components.tasks.tagging import IGNORED


class ExportedAnswering(Exported):
    """Answers that are parts of a context.

    serving_default: `question` and `context` string[n] -> `answer` string[n], empty where none is given, `score`
    float32[n], its probability, `start` and `end` int32[n], in characters of the context; `null_score` float32[n], the
    probability that there is none; and of the best answers `answers` string[n, 5], `scores` float32[n, 5], `starts` and
    `ends` int32[n, 5]. Where there are fewer, the score is 0.
    token_ids: -> `spans` float32[n, 6, 3], as `Answering.predictions` has them, in tokens.
    tokenize: -> also `start` and `end` int32[n, length], of each token's word in the context, or -1.
    """

    def tokens(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `tokenize`."""
        pairs = _offsets(self.transformed_texts(*texts))
        return {**super().tokens(*texts), "start": pairs[:, :, 0], "end": pairs[:, :, 1]}

    def from_texts(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `serving_default`."""
        transformed = self.transformed_texts(*texts)
        spans = _in_characters(self._of_tokens(*self._padded(transformed)), transformed)
        task = self._task
        assert isinstance(task, Answering)  # noqa: S101
        null, best = spans[:, :1], spans[:, 1:2]
        given = (best[:, :, 2] > 0) & (null[:, :, 2] <= best[:, :, 2] * math.exp(task.null_threshold))
        every = tf.concat([tf.where(given[:, :, tf.newaxis], best, null), spans[:, 1:]], axis=1)
        starts, ends = tf.cast(every[:, :, 0], tf.int32), tf.cast(every[:, :, 1], tf.int32)
        answers, scores = _parts(texts[-1], starts, ends), every[:, :, 2]
        named = {"answer": answers, "score": scores, "start": starts, "end": ends}
        return {
            **{name: values[:, 0] for name, values in named.items()},
            "null_score": spans[:, 0, 2],
            **{f"{name}s": values[:, 1:] for name, values in named.items()},
        }

    def _predict(self, token_ids: tf.Tensor, mask: tf.Tensor) -> dict[str, tf.Tensor]:
        return {self._task.prediction_key: self._of_tokens(token_ids, mask)}

    def evaluation_output(self, predictions: tf.Tensor, transformed: dict[str, Any]) -> tf.Tensor:
        """The same in characters of the context, float32[n, 6 * 3]."""
        return tf.reshape(_in_characters(predictions, transformed), [-1, 3 * (1 + BEST)])

    def evaluation_target(self, transformed: dict[str, Any]) -> tf.Tensor:
        """The texts without offsets of tokens, int64[n, any]: predictions to evaluate are of characters."""
        codes = tf.sparse.to_dense(transformed[feature_names.ANSWER_TEXTS], IGNORED)
        return tf.pad(codes, [[0, 0], [1, 0]])


def _offsets(transformed: dict[str, Any]) -> tf.Tensor:
    """int32[n, length, 2]."""
    pairs = tf.sparse.to_dense(transformed[feature_names.OFFSETS], -1)
    pairs = tf.pad(pairs, [[0, 0], [0, tf.maximum(0, 2 - tf.shape(pairs)[1])]], constant_values=-1)
    return tf.cast(tf.reshape(pairs, [tf.shape(pairs)[0], -1, 2]), tf.int32)


def _in_characters(spans: tf.Tensor, transformed: dict[str, Any]) -> tf.Tensor:
    """Predictions of tokens, float32[n, 1 + best, 3], with the context's characters in their place, each part once."""
    pairs, tokens = _offsets(transformed), tf.cast(spans[:, :, :2], tf.int32)
    places = [tf.gather(pairs[:, :, side], tokens[:, :, side], batch_dims=1) for side in (0, 1)]
    some = tokens[:, :, 0] > 0
    found = tf.stack([*(tf.where(some, tf.cast(place, tf.float32), 0.0) for place in places), spans[:, :, 2]], axis=2)
    # Tokens of one word have the same place.
    of_words = found[:, :, :2]
    order, again = distinct(tf.reduce_all(tf.equal(of_words[:, :, tf.newaxis], of_words[:, tf.newaxis]), axis=3))
    return tf.where(again[:, :, tf.newaxis], 0.0, tf.gather(found, order, batch_dims=1))


def _parts(texts: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor) -> tf.Tensor:
    """Parts of texts, string[n], between characters int32[n, k]: string[n, k]."""
    decoded = tf.raw_ops.UnicodeDecode(input=texts, input_encoding="UTF-8")
    first = tf.cast(decoded.row_splits, tf.int32)[:-1, tf.newaxis]
    spelled = tf.raw_ops.RaggedRange(
        starts=tf.reshape(first + starts, [-1]), limits=tf.reshape(first + ends, [-1]), deltas=1
    )
    codes = tf.gather(decoded.char_values, spelled.rt_dense_values)
    found = tf.raw_ops.UnicodeEncode(input_values=codes, input_splits=spelled.rt_nested_splits, output_encoding="UTF-8")
    return tf.reshape(found, tf.shape(starts))

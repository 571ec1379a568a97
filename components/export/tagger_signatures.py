"""The signatures of an exported tagger: raw text, or words, to entities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from components.common import feature_names
from components.export import entities, signature_names
from components.export.signatures import Exported, SignatureSpec, padded
from components.model.task_model import TaskModel
from components.tasks import tagging
from components.tasks.word_tags import WordTags
from components.tokenization.joins import Joins
from components.tokenization.words import split

_NO_BREAK_SPACE = "\u00a0"
"""In place of a space within a word, where a space would end it: BERT takes it for one."""


class ExportedTagger(Exported):
    """Entities in raw text, or its words with their tags where these are no entities.

    serving_default: `text` string[n] -> `type` string[n, e], `score` float32[n, e] (the mean of its words' tags'),
    `begin` and `end` int32[n, e], in characters, and `count` int32[n], how many of the e are entities of the row.
    tokens: `tokens` string[n, words], words as in training, each row filled up with "" -> the same, but `begin` and
    `end` in words: the entity's first, and the one behind its last.
    token_ids: -> `tags` float32[n, length, tags], probabilities for each token.
    tokenize: -> also `word_ids` int32[n, length], `begin` and `end` int32[n, words], in bytes.

    Args:
        model: fine-tuned.
        transform: as for `Exported`.
        raw_spec: the raw feature spec.
        joins: what train's words say of those of raw text.
        most_words: words of a text of which the model sees a token, at most; None: not known.
    """

    def __init__(
        self,
        model: TaskModel,
        transform: Callable[..., Any],
        raw_spec: dict[str, Any],
        joins: Joins,
        most_words: int | None = None,
    ) -> None:
        super().__init__(model, transform, raw_spec)
        # Behind a function: as an attribute it would be saved, as a list of numbers.
        self._split = lambda texts: split(texts, joins, most_words)

    @property
    def text_names(self) -> tuple[str, ...]:
        """A client sends running text, where a training row has words."""
        return ("text",)

    @property
    def more_signatures(self) -> list[SignatureSpec]:
        """The signature `tokens`."""
        words = tf.TensorSpec([None, None], tf.string, name="tokens")
        return [(signature_names.WORDS_SIGNATURE, self.from_words, [words])]

    def tokens(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `tokenize`."""
        found = self._split(texts[0])
        transformed = self._of_words(found.words)
        ids, mask = padded(transformed[feature_names.TOKEN_IDS], self.model.padding_id)
        word_ids = tf.sparse.to_dense(transformed[feature_names.WORD_IDS], -1)
        return {
            "token_ids": ids,
            "lengths": tf.reduce_sum(tf.cast(mask, tf.int32), axis=1),
            "word_ids": tf.cast(word_ids, tf.int32),
            "begin": found.first_bytes.to_tensor(),
            "end": found.end_bytes.to_tensor(),
        }

    def from_texts(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `serving_default`."""
        found = self._split(texts[0])
        return self._entities(found.words, found.begins, found.ends)

    def from_words(self, tokens: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `tokens`."""
        is_word = tf.not_equal(tokens, "")
        lengths = tf.reduce_max(tf.where(is_word, tf.range(1, tf.shape(tokens)[1] + 1), 0), axis=1)
        words = tf.RaggedTensor.from_tensor(tokens, lengths=tf.maximum(0, lengths))
        words = words.with_flat_values(tf.strings.regex_replace(words.flat_values, " ", _NO_BREAK_SPACE))
        begins = words.with_flat_values(tf.cast(tf.ragged.range(words.row_lengths()).flat_values, tf.int32))
        return self._entities(words, begins, begins + 1)

    def _entities(self, words: tf.RaggedTensor, begins: tf.RaggedTensor, ends: tf.RaggedTensor) -> dict[str, tf.Tensor]:
        transformed = self._of_words(words)
        probabilities = self._of_tokens(*padded(transformed[feature_names.TOKEN_IDS], self.model.padding_id))
        chosen = tf.cast(tf.argmax(probabilities, axis=2), tf.float32)
        width = tf.cast(tf.reduce_max(tf.concat([words.row_lengths(), [1]], 0)), tf.int32)
        tags, scores = (
            _of_words(values, transformed, width) for values in (chosen, tf.reduce_max(probabilities, axis=2))
        )
        return entities.entities(tags, scores, begins, ends, self._task.labels, isinstance(self._task, WordTags))

    def _predict(self, token_ids: tf.Tensor, mask: tf.Tensor) -> dict[str, tf.Tensor]:
        return {self._task.prediction_key: self._of_tokens(token_ids, mask)}

    def _of_words(self, words: tf.RaggedTensor) -> dict[str, Any]:
        return self.transformed_texts(tf.strings.reduce_join(words, axis=1, separator=" "))

    @property
    def prediction_shape(self) -> tf.TensorShape:
        """Of tags, as many as the longest row of a batch has tokens."""
        return tf.TensorShape([None, None])

    def predictions_of(self, token_ids: tf.Tensor, mask: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        """The most probable tag of each token, float32[n, width]."""
        chosen = tf.cast(tf.argmax(self._of_tokens(token_ids, mask), axis=2), tf.float32)
        return tf.pad(chosen, [[0, 0], [0, width - tf.shape(chosen)[1]]], constant_values=tagging.IGNORED)

    def evaluation_output(self, predictions: tf.Tensor, transformed: dict[str, Any]) -> tf.Tensor:
        """The tag of each word, float32[n, words]."""
        word_ids = tf.sparse.to_dense(transformed[feature_names.WORD_IDS], -1)
        width = tf.cast(tf.reduce_max(tf.concat([tf.reshape(word_ids, [-1]), [0]], 0)) + 1, tf.int32)
        return _of_words(predictions, transformed, width)


def _of_words(values: tf.Tensor, transformed: dict[str, Any], width: tf.Tensor) -> tf.Tensor:
    """float32[n, length], of tokens -> float32[n, width], of the words that they begin; -1 where none was seen."""
    word_ids = tf.cast(tf.sparse.to_dense(transformed[feature_names.WORD_IDS], -1), tf.int32)
    places = tf.where(word_ids >= 0)
    rows = tf.cast(places[:, 0], tf.int32)
    found = tf.stack([rows, tf.gather_nd(word_ids, places)], axis=1)
    blank = tf.fill([tf.shape(values)[0], width], tf.constant(tagging.IGNORED, tf.float32))
    return tf.tensor_scatter_nd_update(blank, found, tf.gather_nd(values, places))

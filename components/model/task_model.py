"""The Keras model that is fine-tuned: a BERT encoder with one dense layer over a pooled state, or over each token's."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from components.model import windows
from components.model.bert import Encoder
from components.model.trained_model import TrainedModel, segment_ids
from components.settings.model import Model
from components.tasks import Task
from components.tokenization.vocabulary import Tokenizer

NEVER = -1e6
"""The logit of a token that is no answer: its probability is 0 in float32."""


class TaskModel(TrainedModel):
    """Token ids to logits, for whatever task: its class says how many, and whether a row has them or each token.

    The lower layers can be run apart from the rest: `lower` gives their hidden states, `upper` the logits for these.

    Args:
        encoder: with its weights loaded.
        task: what is learned.
        settings: pooling, and what becomes of long texts. Pooling `cls`: the pooler over the first token, as BERT was
            pre-trained; `mean`: over all tokens, as sentence encoders are trained (Reimers & Gurevych 2019).
        tokenizer: what made the token ids.
        dropout: rate at the dense layer's input.
        seed: of the dense layer's initial values and of dropout.
    """

    def __init__(
        self,
        encoder: Encoder,
        task: Task,
        settings: Model,
        *,
        tokenizer: Tokenizer,
        dropout: float,
        seed: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if settings.pooling == "auto" and task.pools:
            raise ValueError("pooling is still to be chosen")
        self.encoder, self.task = encoder, task
        self._settings, self._start, self._separator = settings, tokenizer.start_id, tokenizer.separator_id
        self.padding_id = tokenizer.padding_id
        """Token id that fills rows up to equal length."""
        self._bi_encoder, self._of_tokens, self._finds_span = task.bi_encoder, task.has_token_head, task.finds_span
        self._in_segments = len(task.texts) > 1 and not task.bi_encoder
        self.uses_pooler = settings.pooling == "cls" and task.head_units is not None and not self._of_tokens
        self.dropout = keras.layers.Dropout(dropout, seed=seed)
        if task.head_units is not None:
            deviation = encoder.config.initializer_range
            initializer = keras.initializers.TruncatedNormal(stddev=deviation, seed=seed)
            self.dense = keras.layers.Dense(
                task.head_units, kernel_initializer=initializer, dtype="float32", name="classifier"
            )
            self.dense.build((None, encoder.config.hidden_size))
        self.built = True

    def call(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        """int32[batch, length] and bool[batch, length] to logits.

        Returns:
            float32[batch, units]; of labels a token, float32[batch, length, units]; likewise of answers, where all
            tokens but [CLS] and the context's have `NEVER`; of embeddings, the unit vectors of both texts one after the
            other, float32[batch, 2 * hidden].
        """
        if self._bi_encoder:
            both = windows.split_pairs(token_ids, padding_mask, self._start, self.padding_id)
            return tf.concat(tf.split(self.vectors(*both, training=training), 2), axis=1)
        if self._settings.long_texts == "truncate":
            return self._answers(token_ids, padding_mask, self._of_rows(token_ids, padding_mask, training))
        seen = self._windows(token_ids, padding_mask)
        logits = self._of_rows(seen.token_ids, seen.padding_mask, training)
        if not self._of_tokens:
            return seen.merged_rows(logits)
        return self._answers(token_ids, padding_mask, seen.merged_tokens(logits))

    def _answers(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Where answers are looked for, without those that are none: in the question, at a [SEP], in padding."""
        if not self._finds_span:
            return logits
        in_context = tf.equal(segment_ids(token_ids, self._separator), 1) & tf.not_equal(token_ids, self._separator)
        is_first = tf.equal(tf.range(tf.shape(token_ids)[1]), 0)
        allowed = (in_context & padding_mask) | is_first
        return tf.where(allowed[:, :, tf.newaxis], logits, NEVER)

    def vectors(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The pooled states of one text a row, scaled to length 1: float32[batch, hidden]; the mean over windows."""
        if self._settings.long_texts == "truncate":
            return tf.math.l2_normalize(self._pooled(token_ids, padding_mask, training), axis=1)
        seen = self._windows(token_ids, padding_mask)
        pooled = self._pooled(seen.token_ids, seen.padding_mask, training)
        return tf.math.l2_normalize(seen.merged_rows(pooled), axis=1)

    def _windows(self, token_ids: tf.Tensor, padding_mask: tf.Tensor) -> windows.Windows:
        question = None
        if self._finds_span:
            behind = segment_ids(token_ids, self._separator)
            question = tf.reduce_sum(tf.cast(padding_mask & tf.equal(behind, 0), tf.int32), axis=1) - 2
        return windows.windows(token_ids, padding_mask, self._settings, self._separator, self.padding_id, question)

    def _pooled(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, training: bool) -> tf.Tensor:
        sequence = self._encoded(token_ids, padding_mask, training)["sequence_output"]
        if self._settings.pooling == "mean":
            return _mean(sequence, padding_mask)
        return tf.cast(sequence[:, 0], tf.float32)

    @property
    def cacheable(self) -> bool:
        """Whether `lower` and `upper` together are what `call` is."""
        # Where an answer can be, the token ids tell.
        return not (self._bi_encoder or self._finds_span) and self._settings.long_texts == "truncate"

    def lower(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, layers: int) -> tf.Tensor:
        """What the embeddings and the first `layers` layers make of a batch, without dropout.

        Returns:
            float32[batch, length, hidden]; above the last layer what the head needs of it, float32[batch, 1, hidden]:
            the first token's state, or the mean with mean pooling.
        """
        hidden = self.encoder.lower(token_ids, padding_mask, layers, self._segments(token_ids))
        if self.pooled(layers):
            hidden = hidden[:, :1] if self.uses_pooler else _mean(hidden, padding_mask)[:, tf.newaxis]
        return tf.cast(hidden, tf.float32)

    def pooled(self, layers: int) -> bool:
        """Whether `lower` gives one state a row."""
        return layers == len(self.encoder.blocks) and not self._of_tokens

    def upper(self, hidden: tf.Tensor, padding_mask: tf.Tensor, layers: int, training: bool = False) -> tf.Tensor:
        """What `lower` returned to logits; the mask has its length."""
        encoded = self.encoder.upper(hidden, padding_mask, layers, training=training, pooled_only=self.uses_pooler)
        return self._logits(encoded, padding_mask, training)

    def _of_rows(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, training: bool) -> tf.Tensor:
        encoded = self._encoded(token_ids, padding_mask, training, pooled_only=self.uses_pooler)
        return self._logits(encoded, padding_mask, training)

    def _encoded(
        self, token_ids: tf.Tensor, padding_mask: tf.Tensor, training: bool, pooled_only: bool = False
    ) -> dict[str, tf.Tensor]:
        segments = self._segments(token_ids)
        if not training or self.frozen is None:
            return self.encoder(token_ids, padding_mask, segments, training=training, pooled_only=pooled_only)
        # What is frozen has no dropout.
        hidden = self.encoder.lower(token_ids, padding_mask, self.frozen, segments)
        return self.encoder.upper(hidden, padding_mask, self.frozen, training=True, pooled_only=pooled_only)

    def _segments(self, token_ids: tf.Tensor) -> tf.Tensor | None:
        """Where there are two texts."""
        return segment_ids(token_ids, self._separator) if self._in_segments else None

    def _logits(self, encoded: dict[str, tf.Tensor], padding_mask: tf.Tensor, training: bool) -> tf.Tensor:
        if self.uses_pooler:
            states = encoded["pooled_output"]
        elif self._of_tokens:
            states = tf.cast(encoded["sequence_output"], tf.float32)
        else:
            states = _mean(encoded["sequence_output"], padding_mask)
        assert self.dense is not None  # noqa: S101
        return self.dense(self.dropout(states, training=training))


def _mean(hidden: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
    """The mean over the tokens of a row: float[batch, length, hidden] -> float32[batch, hidden]."""
    hidden = tf.cast(hidden, tf.float32)
    weights = tf.cast(padding_mask, tf.float32)[:, :, tf.newaxis]
    return tf.reduce_sum(hidden * weights, axis=1) / tf.reduce_sum(weights, axis=1)

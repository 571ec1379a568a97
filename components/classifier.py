"""The Keras model that is fine-tuned: a BERT encoder with one dense layer over a pooled state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from components.bert import Encoder
from components.settings import Training


class Classifier(keras.Model):
    """Token ids to logits.

    The lower layers can be asked apart from the rest: `lower` gives their hidden states, `upper` the logits for these.

    Args:
        encoder: with its weights loaded.
        labels: number of classes.
        pooling: `cls`: the pooler over the first token, as BERT was pre-trained; `mean`: over all tokens, as sentence
            encoders are trained (Reimers & Gurevych 2019).
        dropout: rate at the dense layer's input.
        seed: of the dense layer's initial values and of dropout.
    """

    def __init__(
        self, encoder: Encoder, labels: int, *, pooling: str, dropout: float, seed: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.encoder, self.pooling = encoder, pooling
        self.dropout = keras.layers.Dropout(dropout, seed=seed)
        deviation = encoder.config.initializer_range
        initializer = keras.initializers.TruncatedNormal(stddev=deviation, seed=seed)
        self.dense = keras.layers.Dense(labels, kernel_initializer=initializer, dtype="float32", name="classifier")
        self.dense.build((None, encoder.config.hidden_size))
        self.built = True

    def call(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, training: bool = False) -> tf.Tensor:
        """int32[batch, length] and bool[batch, length] to logits, float32[batch, labels]."""
        encoded = self.encoder(token_ids, padding_mask, training=training, pooled_only=self.pooling == "cls")
        return self._logits(encoded, padding_mask, training)

    def lower(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, layers: int) -> tf.Tensor:
        """What the embeddings and the first `layers` layers make of a batch, without dropout.

        Returns:
            float32[batch, length, hidden]; above the last layer what the head needs of it, float32[batch, 1, hidden]:
            the first token's state, or the mean with mean pooling.
        """
        hidden = self.encoder.lower(token_ids, padding_mask, layers)
        if self.pooled(layers):
            hidden = hidden[:, :1] if self.pooling == "cls" else _mean(hidden, padding_mask)[:, tf.newaxis]
        return tf.cast(hidden, tf.float32)

    def pooled(self, layers: int) -> bool:
        """Whether `lower` gives one state a row."""
        return layers == len(self.encoder.blocks)

    def upper(self, hidden: tf.Tensor, padding_mask: tf.Tensor, layers: int, training: bool = False) -> tf.Tensor:
        """What `lower` returned to logits, float32[batch, labels]; the mask has its length."""
        pooled_only = self.pooling == "cls"
        encoded = self.encoder.upper(hidden, padding_mask, layers, training=training, pooled_only=pooled_only)
        return self._logits(encoded, padding_mask, training)

    def _logits(self, encoded: dict[str, tf.Tensor], padding_mask: tf.Tensor, training: bool) -> tf.Tensor:
        pooled = encoded["pooled_output"] if self.pooling == "cls" else _mean(encoded["sequence_output"], padding_mask)
        return self.dense(self.dropout(pooled, training=training))


def in_halves(forward: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], inputs: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """A batch in two halves, each without the padding it has no need of, for two threads that do not meet.

    On two cores that is a tenth faster than two threads in each op: no waiting at the end of an op, and the half of a
    batch is nearer to fitting in a core's cache.

    Args:
        forward: rows and mask -> float[rows, ...].
        inputs: [batch, length, ...].
        mask: bool[batch, length], true for a token.
    """
    middle = tf.shape(mask)[0] // 2
    outputs = []
    for half in (slice(middle), slice(middle, None)):
        length = tf.maximum(1, tf.reduce_max(tf.reduce_sum(tf.cast(mask[half], tf.int32), axis=1)))
        outputs.append(forward(inputs[half, :length], mask[half, :length]))
    return tf.concat(outputs, axis=0)


def _mean(hidden: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
    """The mean over the tokens of a row: float[batch, length, hidden] -> float32[batch, hidden]."""
    hidden = tf.cast(hidden, tf.float32)
    weights = tf.cast(padding_mask, tf.float32)[:, :, tf.newaxis]
    return tf.reduce_sum(hidden * weights, axis=1) / tf.reduce_sum(weights, axis=1)


def freeze(model: Classifier, training: Training) -> int | None:
    """Freezes what the strategy keeps as it is.

    Under `head` that is the whole encoder; the pooler is part of the head and learns with it, if it is in use. A pooler
    that is not in use is frozen: no gradient reaches it.

    Returns:
        How many of the first layers are frozen, and the embeddings with them; None: nothing is.
    """
    encoder = model.encoder
    layers = {"full": None, "freeze_layers": training.freeze_layers, "head": len(encoder.blocks)}[training.strategy]
    encoder.embeddings.trainable = layers is None
    for block in encoder.blocks[: layers or 0]:
        block.trainable = False
    encoder.pooler.trainable = model.pooling == "cls"
    return layers


def learning_rate_factors(model: Classifier, decay: float) -> dict[str, float]:
    """Variable path -> its share of the learning rate: `decay` to the power of the layers above it.

    The classifier and pooler have 1, the encoder's last layer `decay`, the embeddings `decay ** (layers + 1)`.
    """
    encoder = model.encoder
    factors = {variable.path: decay ** (len(encoder.blocks) + 1) for variable in encoder.embeddings.variables}
    for index, block in enumerate(encoder.blocks):
        factors |= {variable.path: decay ** (len(encoder.blocks) - index) for variable in block.variables}
    return factors

"""The Keras model that is fine-tuned: a BERT encoder with one dense layer over a pooled state."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from components.bert import Encoder
from components.settings import Training


class Classifier(keras.Model):
    """Token ids to logits.

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
        encoded = self.encoder(token_ids, padding_mask, training=training)
        if self.pooling == "cls":
            pooled = encoded["pooled_output"]
        else:
            weights = tf.cast(padding_mask, encoded["sequence_output"].dtype)[:, :, tf.newaxis]
            pooled = tf.reduce_sum(encoded["sequence_output"] * weights, axis=1) / tf.reduce_sum(weights, axis=1)
        return self.dense(self.dropout(pooled, training=training))


def freeze(model: Classifier, training: Training) -> None:
    """Freezes what the strategy keeps as it is.

    Under `head` that is the whole encoder; the pooler is part of the head and learns with it, if it is in use. A pooler
    that is not in use is frozen: no gradient reaches it.
    """
    encoder = model.encoder
    kept = {"full": 0, "freeze_layers": training.freeze_layers or 0, "head": len(encoder.blocks)}[training.strategy]
    encoder.embeddings.trainable = training.strategy == "full"
    for block in encoder.blocks[:kept]:
        block.trainable = False
    encoder.pooler.trainable = model.pooling == "cls"


def learning_rate_factors(model: Classifier, decay: float) -> dict[str, float]:
    """Variable path -> its share of the learning rate: `decay` to the power of the layers above it.

    The classifier and pooler have 1, the encoder's last layer `decay`, the embeddings `decay ** (layers + 1)`.
    """
    encoder = model.encoder
    factors = {variable.path: decay ** (len(encoder.blocks) + 1) for variable in encoder.embeddings.variables}
    for index, block in enumerate(encoder.blocks):
        factors |= {variable.path: decay ** (len(encoder.blocks) - index) for variable in block.variables}
    return factors

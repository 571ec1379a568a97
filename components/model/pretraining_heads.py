"""The two heads that BERT is pre-trained with (Devlin et al. 2019, arXiv:1810.04805, section 3.1)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from components.model.config import BertConfig
from components.model.layers import ACTIVATIONS, Dense, LayerNorm

_SEEDS = 10_000, 9_000
"""Seeds that an encoder has for itself with each seed, and from which of them on they are the heads': its layers, of
which there are at most a thousand, take four each."""


class MaskedLanguageModel(keras.layers.Layer):
    """A state of the last layer to a logit for each token of the vocabulary.

    A dense layer with the encoder's activation, layer normalisation, and the word embeddings once more, transposed
    (Press & Wolf 2017, arXiv:1608.05859), with a bias of their own.

    Args:
        config: the encoder's shape.
        seed: of the initial values.
    """

    def __init__(self, config: BertConfig, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        width, self.vocab_size = config.hidden_size, config.vocab_size
        self.transform = Dense(width, width, _initializer(config, seed, 0), name="transform")
        self.activation = ACTIVATIONS[config.hidden_act]
        self.norm = LayerNorm(width, config.layer_norm_eps, name="norm")
        self.build()

    def build(self, input_shape: object = None) -> None:
        """Creates every variable."""
        self.transform.build()
        self.norm.build()
        size = (self.vocab_size,)
        self.bias = self.add_weight(size, initializer="zeros", name="bias", dtype="float32", autocast=False)
        self.built = True

    def call(self, states: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
        """States to logits.

        Args:
            states: float[rows, hidden], of the tokens that are to be told and of no others: the product with the
                embeddings is most of the work.
            words: float[vocabulary, hidden], the encoder's word embeddings.

        Returns:
            float32[rows, vocabulary].
        """
        rows = self.norm(self.activation(self.transform(states)))
        logits = tf.matmul(rows, tf.cast(words, rows.dtype), transpose_b=True)
        return tf.cast(logits, tf.float32) + self.bias.value


class NextSentence(keras.layers.Layer):
    """The pooled state of two texts to two logits: that the second one followed the first, and that it did not.

    Args:
        config: the encoder's shape.
        seed: of the initial values.
    """

    def __init__(self, config: BertConfig, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = Dense(config.hidden_size, 2, _initializer(config, seed, 1), name="dense")
        self.build()

    def build(self, input_shape: object = None) -> None:
        """Creates every variable."""
        self.dense.build()
        self.built = True

    def call(self, pooled: tf.Tensor) -> tf.Tensor:
        """The encoder's `pooled_output`, float[rows, hidden] -> float32[rows, 2]."""
        return tf.cast(self.dense(pooled), tf.float32)


def _initializer(config: BertConfig, seed: int, number: int) -> keras.Initializer:
    """Of a kernel, as an encoder's are initialised, by a seed that none of them has."""
    each, first = _SEEDS
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range, seed=seed * each + first + number)

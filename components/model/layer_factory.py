"""Makes the layers of an encoder."""

from __future__ import annotations

import itertools

import keras

from components.model.config import BertConfig
from components.model.layers import ACTIVATIONS, Activation, Dense, Dropout, LayerNorm


class LayerFactory:
    """Makes an encoder's layers: each table and kernel has a seed of its own, all dropouts share a stream.

    Args:
        config: the encoder's shape.
        seed: of the initial values and of dropout.
        stream: name of the variable that dropouts draw from.
        blank: whether tables and kernels begin as zeros, because a checkpoint has values for them.
    """

    def __init__(self, config: BertConfig, seed: int, stream: str, *, blank: bool = False) -> None:
        self._config, self._blank = config, blank
        self._seeds = itertools.count(seed * 10_000)
        self._draws = keras.random.SeedGenerator(seed, name=stream)

    def dense(self, inputs: int, outputs: int, name: str) -> Dense:
        """A linear layer of rows."""
        return Dense(inputs, outputs, self._initial(), name=name)

    def pooler(self, name: str) -> Dense:
        """A linear layer that keeps the width, which a checkpoint may lack: random in any case."""
        width = self._config.hidden_size
        return Dense(width, width, self._random(), name=name)

    def table(self, rows: int, name: str) -> keras.layers.Embedding:
        """An embedding of so many rows."""
        return keras.layers.Embedding(rows, self._config.hidden_size, embeddings_initializer=self._initial(), name=name)

    def norm(self, name: str) -> LayerNorm:
        """Layer normalisation of hidden states."""
        return LayerNorm(self._config.hidden_size, self._config.layer_norm_eps, name=name)

    def dropout(self, rate: float, name: str) -> Dropout:
        """Dropout at a rate."""
        return Dropout(rate, self._draws, name=name)

    def activation(self, name: str) -> Activation:
        """The activation of this name in config.json."""
        return ACTIVATIONS[name]

    def _initial(self) -> keras.Initializer:
        random = self._random()
        return keras.initializers.Zeros() if self._blank else random

    def _random(self) -> keras.Initializer:
        return keras.initializers.TruncatedNormal(stddev=self._config.initializer_range, seed=next(self._seeds))

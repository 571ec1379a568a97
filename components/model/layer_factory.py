"""Makes the layers of an encoder in one form."""

from __future__ import annotations

import itertools

import keras

from components.model import cpu_layers, layers
from components.model.config import BertConfig
from components.model.forms import Forms
from components.model.layers import Activation, Dense, Dropout, LayerNorm


class LayerFactory:
    """Makes an encoder's layers in one form: each table and kernel has a seed of its own, all dropouts share a stream.

    Args:
        config: the encoder's shape.
        forms: how it is computed.
        seed: of the initial values and of dropout.
        stream: name of the variable that dropouts draw from.
    """

    def __init__(self, config: BertConfig, forms: Forms, seed: int, stream: str) -> None:
        self._config, self._layers = config, cpu_layers.LAYERS if forms.cpu_layers else layers.LAYERS
        self._seeds = itertools.count(seed * 10_000)
        self._draws = keras.random.SeedGenerator(seed, name=stream)

    def dense(self, inputs: int, outputs: int, name: str) -> Dense:
        """A linear layer of rows."""
        return self._layers.dense(inputs, outputs, self._initializer(), name=name)

    def table(self, rows: int, name: str) -> keras.layers.Embedding:
        """An embedding of so many rows."""
        return keras.layers.Embedding(
            rows, self._config.hidden_size, embeddings_initializer=self._initializer(), name=name
        )

    def norm(self, name: str) -> LayerNorm:
        """Layer normalisation of hidden states."""
        return self._layers.norm(self._config.hidden_size, self._config.layer_norm_eps, name=name)

    def dropout(self, rate: float, name: str) -> Dropout:
        """Dropout at a rate."""
        return self._layers.dropout(rate, self._draws, name=name)

    def activation(self, name: str) -> Activation:
        """The activation of this name in config.json."""
        return self._layers.activations[name]

    def _initializer(self) -> keras.Initializer:
        return keras.initializers.TruncatedNormal(stddev=self._config.initializer_range, seed=next(self._seeds))

"""Vectors of texts by a base model as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from components.model.bert import build_encoder
from components.model.task_model import TaskModel
from components.pretrained import base_model, encoder_weights
from components.serving.base_tokens import tokenize_function
from components.serving.predictor import BatchedInference
from components.settings.model import Model
from components.tasks.embedding import Embedding
from components.tokenization.tokenizer_files import read_tokenizer


class BaseEmbedder:
    """The pooled states of a base model's last layer, scaled to length 1.

    Args:
        directory: the base model's, or in Google's form also a path prefix.
        settings: `pooling`, and `max_length` at which texts are truncated.

    Raises:
        InputError: config, weights or vocabulary are missing or do not fit each other.
    """

    def __init__(self, directory: Path, settings: Model) -> None:
        tokenizer = read_tokenizer(directory, parses_control_tokens=settings.parses_control_tokens)
        encoder = build_encoder(base_model.read_config(directory), blank=True)
        encoder_weights.load_weights(encoder, directory)
        model = TaskModel(encoder, Embedding(), settings, tokenizer=tokenizer, dropout=0.0, seed=0)
        tokenize = tokenize_function(tokenizer, settings.max_length)

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name="token_ids")], autograph=False)
        def predict(token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
            # No text can hold padding.
            return {"vector": model.vectors(token_ids, tf.not_equal(token_ids, model.padding_id))}

        self._rows = BatchedInference(("text",), tokenize, predict, model.padding_id)

    def vectors(self, texts: Iterable[str]) -> Iterator[np.ndarray]:
        """The unit vector of each text, float32[hidden], in order."""
        return (output["vector"] for output in self._rows.outputs((text,) for text in texts))

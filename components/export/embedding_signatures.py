"""The signatures of an exported bi-encoder: one text at a time to its vector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from components.common import feature_names
from components.export.signatures import Exported, dense
from components.model.task_model import TaskModel


class ExportedEmbedding(Exported):
    """serving_default: `text` string[n] -> `vector` float32[n, hidden], of length 1; `token_ids` are those of one text.

    Evaluation is of pairs, as the Examples have them.
    """

    def __init__(self, model: TaskModel, transform: Callable[..., Any], raw_spec: dict[str, Any]) -> None:
        super().__init__(model, transform, raw_spec)
        specs = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.bool)]
        self._vectors = tf.function(model.vectors, input_signature=specs, autograph=False)

    def predict_by(self, predictions: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> None:
        """Takes another function for the model's vectors, float32[n, hidden]."""
        self._vectors = predictions

    @property
    def text_names(self) -> tuple[str, ...]:
        """A client sends one text, where a training row has two."""
        return ("text",)

    def padded_tokens(self, *texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The tokens without those of the second text, which is empty: [CLS] and [SEP]."""
        (text,) = texts
        ids = tf.RaggedTensor.from_sparse(self.transformed_texts(text, tf.zeros_like(text))[feature_names.TOKEN_IDS])
        return dense(ids[:, :-2], self.model.padding_id)

    def _predict(self, token_ids: tf.Tensor, mask: tf.Tensor) -> dict[str, tf.Tensor]:
        return {self._task.prediction_key: self._vectors(token_ids, mask)}

"""What a training asks of a model, whatever it learns."""

from __future__ import annotations

import keras
import tensorflow as tf

from components.model.bert import Encoder
from components.model.forms import Forms
from components.tasks import Task


class TrainedModel(keras.Model):
    """An encoder with what is on it.

    A class below sets `encoder`, and `task`, which says what is learned and by which metric checkpoints are chosen.
    """

    encoder: Encoder
    task: Task
    frozen: int | None = None
    """How many of the first layers are frozen, and the embeddings with them; see `freezing.freeze`."""
    uses_pooler: bool = True
    """Whether the encoder's pooler is in use."""
    dense: keras.layers.Layer | None = None
    """The task's head; None: there is none of one dense layer."""

    @property
    def forms(self) -> Forms:
        """How it is computed."""
        return self.encoder.forms


def segment_ids(token_ids: tf.Tensor, separator: int) -> tf.Tensor:
    """int32[batch, length] -> the same: 1 for what stands behind the first [SEP], which no text can hold."""
    ends = tf.cast(tf.equal(token_ids, separator), tf.int32)
    return tf.minimum(1, tf.cumsum(ends, axis=1, exclusive=True))

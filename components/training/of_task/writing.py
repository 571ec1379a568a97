"""Training a model that writes: the loss of a batch, and what is measured of dev between steps."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from components.model.writing.decoder import GenerationModel
from components.tasks import Task
from components.tasks.tagging import IGNORED
from components.training.trainable_part import IDS_SPEC, MASK_SPEC, Forward, Infer, TrainablePart

TARGETS_SPEC = tf.TensorSpec([None, None], tf.int32)


@dataclass(frozen=True, slots=True)
class WritingLoss:
    """The mean over the tokens of a batch's targets, as `step.Loss`."""

    task: Task
    smoothing: float = 0.0
    """Of the tokens."""

    def __call__(self, forward: Forward, inputs: tf.Tensor, mask: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """The model's own way forward -> float32[]."""
        return forward(inputs, mask, targets, training=True, smoothing=self.smoothing)


def trained_whole(model: GenerationModel) -> TrainablePart:
    """What is trained of a model after `freeze`: all that is not frozen, from token ids on."""
    return TrainablePart(model.trainable_variables, _forward, _forward(model), IDS_SPEC, TARGETS_SPEC, inference(model))


def _forward(model: GenerationModel) -> Forward:
    return model.batch_loss_in_halves if model.forms.half_batches else model.batch_loss


def inference(model: GenerationModel) -> Infer:
    """A pass without gradients, traced: as predictions how many of a row's tokens are told, and how many there are."""

    @tf.function(input_signature=[IDS_SPEC, MASK_SPEC, TARGETS_SPEC], autograph=False)
    def infer(inputs: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        told, batch = model(inputs, padding_mask, targets), tf.shape(inputs)[0]
        hits, losses = (
            tf.math.unsorted_segment_sum(tf.cast(values, tf.float32), told.rows, batch)
            for values in (told.hits, told.losses)
        )
        tokens = tf.reduce_sum(tf.cast(tf.not_equal(targets, IGNORED), tf.float32), axis=1)
        # A row's share in the mean over rows is that of its tokens.
        share = tf.cast(batch, tf.float32) / tf.maximum(1.0, tf.reduce_sum(tokens))
        return tf.stack([hits, tokens], axis=1), losses * share

    return infer

"""The encoder with the heads of pre-training: hidden tokens and next sentences, and the loss of both.

What is to be told of a batch stands in its targets, int32[batch, TOKENS + length]: `NEXT`, 1 where the second text is
another document's; `EXAMPLES` and `HIDDEN`, how many examples and hidden tokens there are in all, of which the batch
may be a part; then for each token its id if it is hidden, else `IGNORED`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from components.model.bert import Encoder
from components.model.half_batches import rows_of
from components.model.pretraining_heads import MaskedLanguageModel, NextSentence
from components.model.trained_model import TrainedModel, segment_ids
from components.tasks import Task
from components.tasks.tagging import IGNORED

NEXT, EXAMPLES, HIDDEN, TOKENS = range(4)


class Told(NamedTuple):
    """How well a batch is told."""

    rows: tf.Tensor
    """int64[hidden]: which row of the batch each hidden token is in."""
    losses: tf.Tensor
    """float32[hidden]: cross entropy of each hidden token, in nats."""
    hits: tf.Tensor
    """bool[hidden]: whether it is the most probable one."""
    next_losses: tf.Tensor
    """float32[batch], zeros without next sentences."""
    next_hits: tf.Tensor
    """bool[batch], likewise."""


class PretrainingModel(TrainedModel):
    """Token ids to what is told of them.

    Args:
        encoder: with its weights loaded, or new.
        task: what is learned.
        next_sentence: whether examples have two texts, and the second head is in use.
        separator: id of [SEP].
        seed: of the heads' initial values.
    """

    def __init__(
        self, encoder: Encoder, task: Task, *, next_sentence: bool, separator: int, seed: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.encoder, self.task, self._separator = encoder, task, separator
        self.tokens = MaskedLanguageModel(encoder.config, seed=seed, name="tokens")
        self.next_sentence = NextSentence(encoder.config, seed=seed, name="next_sentence") if next_sentence else None
        self.uses_pooler = next_sentence
        self.built = True

    def call(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, training: bool = False) -> Told:
        """int32[batch, length], bool[batch, length] and the targets, which may be of more tokens than there are.

        Only the hidden tokens go through the vocabulary.
        """
        segments = segment_ids(token_ids, self._separator) if self.next_sentence is not None else None
        encoded = self.encoder(token_ids, padding_mask, segments, training=training)
        wanted = targets[:, TOKENS:]
        places = tf.where(tf.not_equal(wanted, IGNORED))
        labels = tf.gather_nd(wanted, places)
        logits = self.tokens(tf.gather_nd(encoded["sequence_output"], places), self.encoder.embeddings.word_rows)
        losses, hits = _told(logits, labels)
        of_next = tf.zeros(tf.shape(wanted)[:1]), tf.zeros(tf.shape(wanted)[:1], tf.bool)
        if self.next_sentence is not None:
            of_next = _told(self.next_sentence(encoded["pooled_output"]), targets[:, NEXT])
        return Told(places[:, 0], losses, hits, *of_next)

    def batch_loss(
        self, token_ids: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """What the batch adds to the mean over all hidden tokens and the mean over all examples, float32[]."""
        told = self(token_ids, padding_mask, targets, training=training)
        counts = tf.cast(tf.maximum(1, targets[:1, EXAMPLES:TOKENS]), tf.float32)
        # A half of a batch of one row has none.
        examples, hidden = tf.unstack(tf.reduce_max(tf.concat([counts, tf.ones([1, 2])], axis=0), axis=0))
        return tf.reduce_sum(told.losses) / hidden + tf.reduce_sum(told.next_losses) / examples

    def batch_loss_in_halves(
        self, token_ids: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """As `batch_loss`, in two halves as `half_batches.in_halves` has them."""
        halves = (slice(0, None, 2), slice(1, None, 2))
        return tf.add_n(
            [
                self.batch_loss(*rows_of(half, token_ids, padding_mask), targets[half], training=training)
                for half in halves
            ]
        )


def _told(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """float32[n, classes] and int32[n] -> cross entropies, float32[n], and whether the most probable one is right."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return losses, tf.equal(tf.argmax(logits, axis=-1, output_type=labels.dtype), labels)

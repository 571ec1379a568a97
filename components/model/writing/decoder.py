"""A BERT that writes: one encoder over `[CLS] source [SEP] target [SEP]` as a prefix language model.

The source attends to itself in both directions, the target to the source and to what stands before it: the mask of
UniLM's sequence-to-sequence objective (Dong et al. 2019, arXiv:1905.03197, section 2.3). A token is told by a [MASK] in
its place. Left to right, each token of the target has such a [MASK] of its own beside it, which sees the source and the
tokens before it (s2s-ft: Bao et al. 2021, arXiv:2110.13640): that is what the model sees when it writes. Masked, as
UniLM learns it, some of the target's tokens are replaced.

This is the encoder's plain form: the kernels of `end_to_end` know sequences that see themselves whole.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from components.model.bert import Encoder
from components.model.half_batches import rows_of
from components.model.pretraining_heads import MaskedLanguageModel
from components.model.trained_model import TrainedModel
from components.settings.generation import Generation
from components.tasks import Task
from components.tasks.tagging import IGNORED
from components.tokenization.vocabulary import Tokenizer

HIDDEN, MASKED, REPLACED = 0.7, 0.8, 0.1
"""Of a target's tokens, the share that is hidden (UniLM, section 3.1), and of these the shares that become [MASK] and
another token; the rest stays as it is."""


class Layout(NamedTuple):
    """A batch as the encoder sees it: sources with their padding, then targets, then perhaps a [MASK] a target."""

    token_ids: tf.Tensor
    """int32[batch, length]."""
    positions: tf.Tensor
    """int32[batch, length]: a target's begin behind its source, without the padding between."""
    segments: tf.Tensor
    """int32[batch, length], 1 for the target."""
    unseen: tf.Tensor
    """bool[batch, 1, length, length], true for what a token does not see."""


class Told(NamedTuple):
    """How well the tokens of targets are told."""

    rows: tf.Tensor
    """int64[tokens]: which row of the batch each is in."""
    losses: tf.Tensor
    """float32[tokens]: cross entropy, nats."""
    hits: tf.Tensor
    """bool[tokens]: whether it is the most probable one."""


class GenerationModel(TrainedModel):
    """Sources and targets to what is told of the targets.

    Args:
        encoder: with its weights loaded.
        task: what is learned.
        settings: `objective` alone.
        tokenizer: what made the token ids; it has a [MASK].
        seed: of the head's initial values and of what is hidden.
    """

    def __init__(
        self, encoder: Encoder, task: Task, settings: Generation, *, tokenizer: Tokenizer, seed: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if tokenizer.mask_id is None:
            raise ValueError("the vocabulary has no mask token")
        self.encoder, self.task = encoder, task
        self._hides = settings.objective == "masked"
        self.padding_id = tokenizer.padding_id
        """Token id that fills rows up to equal length."""
        self.mask_id, self.end_id = tokenizer.mask_id, tokenizer.separator_id
        control = {tokenizer.padding_id, tokenizer.unknown_id, tokenizer.start_id, tokenizer.separator_id, self.mask_id}
        of_texts = np.zeros(encoder.config.vocab_size, bool)
        of_texts[: len(tokenizer.vocabulary)] = True
        of_texts[list(control)] = False
        # Behind a function: as an attribute it would be saved.
        self._of_texts = lambda: of_texts
        self.tokens = MaskedLanguageModel(encoder.config, seed=seed, name="tokens")
        self.draws = keras.random.SeedGenerator(seed, name="hidden_tokens")
        self.uses_pooler = False
        self.built = True

    @property
    def of_texts(self) -> np.ndarray:
        """bool[vocabulary]: tokens that a text may have, no control token among them."""
        return self._of_texts()

    def call(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, training: bool = False) -> Told:
        """Tells targets left to right; in training as the objective has it.

        Args:
            token_ids: int32[batch, length], sources and padding.
            padding_mask: bool[batch, length].
            targets: int32[batch, room], filled up with `IGNORED`.
            training: whether dropout is active.
        """
        told, _ = self._told(token_ids, padding_mask, targets, training)
        return told

    def _told(
        self, token_ids: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, training: bool, smoothing: float = 0.0
    ) -> tuple[Told, tf.Tensor]:
        """As `call`, and the smoothed losses float32[tokens]."""
        width = tf.maximum(1, tf.reduce_max(tf.reduce_sum(tf.cast(tf.not_equal(targets, IGNORED), tf.int32), axis=1)))
        targets = targets[:, :width]
        known = tf.not_equal(targets, IGNORED)
        shown, wanted = tf.where(known, targets, self.padding_id), known
        hides = training and self._hides
        if hides:
            shown, wanted = self._hidden(shown, known)
        states = self.states(token_ids, padding_mask, shown, known, queries=not hides, training=training)
        places = tf.where(wanted)
        labels = tf.gather_nd(targets, places)
        logits = self.tokens(tf.gather_nd(states[:, -width:], places), self.encoder.embeddings.word_rows)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        hits = tf.equal(tf.argmax(logits, axis=-1, output_type=labels.dtype), labels)
        smooth = losses
        if smoothing:
            spread = tf.reduce_logsumexp(logits, axis=-1) - tf.reduce_mean(logits, axis=-1)
            smooth = (1 - smoothing) * losses + smoothing * spread
        return Told(places[:, 0], losses, hits), smooth

    def _hidden(self, targets: tf.Tensor, known: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Targets with tokens hidden, and which, bool[batch, room]; of each row one at least."""
        shape, seed = tf.shape(targets), tf.cast(self.draws.next(), tf.int32)
        draw, kind, other = tf.unstack(tf.random.stateless_uniform(tf.concat([[3], shape], 0), seed))
        draw = tf.where(known, draw, 2.0)
        chosen = known & ((draw < HIDDEN) | tf.equal(draw, tf.reduce_min(draw, axis=1, keepdims=True)))
        ordinary = tf.constant(np.flatnonzero(self.of_texts).astype(np.int32))
        count = tf.size(ordinary)
        drawn = tf.minimum(count - 1, tf.cast(other * tf.cast(count, tf.float32), tf.int32))
        replaced = tf.where(kind < MASKED + REPLACED, tf.gather(ordinary, drawn), targets)
        shown = tf.where(kind < MASKED, self.mask_id, replaced)
        return tf.where(chosen, shown, targets), chosen

    def states(
        self,
        token_ids: tf.Tensor,
        padding_mask: tf.Tensor,
        targets: tf.Tensor,
        known: tf.Tensor,
        *,
        queries: bool,
        training: bool = False,
        layers: int | None = None,
    ) -> tf.Tensor:
        """Hidden states of sources and targets, float[batch, length, hidden].

        Args:
            token_ids: as `call`.
            padding_mask: likewise.
            targets: int32[batch, room], filled up with any token.
            known: bool[batch, room], true for a token of a target.
            queries: whether each token of a target has a [MASK] of its own, the states of which stand at the end.
            training: whether dropout is active.
            layers: how many there are to run; None: all.
        """
        made = layout(token_ids, padding_mask, targets, known, self.mask_id if queries else None)
        frozen, batch_length = self.frozen, keras.ops.shape(made.token_ids)
        embedded = self.encoder.embeddings(
            made.token_ids, made.segments, training=training and frozen is None, positions=made.positions
        )
        rows, (batch, length) = embedded, batch_length
        for number, block in enumerate(self.encoder.blocks[:layers]):
            # What is frozen has no dropout.
            active = training and number >= (frozen or 0)
            rows = block(rows, made.unseen, batch=batch, length=length, training=active)
        return tf.reshape(rows, (batch, length, self.encoder.config.hidden_size))

    def batch_loss(
        self,
        token_ids: tf.Tensor,
        padding_mask: tf.Tensor,
        targets: tf.Tensor,
        training: bool = False,
        smoothing: float = 0.0,
    ) -> tf.Tensor:
        """The mean over the tokens that are told, float32[]."""
        total, count = self._sums(token_ids, padding_mask, targets, training, smoothing)
        return total / tf.maximum(1.0, count)

    def batch_loss_in_halves(
        self,
        token_ids: tf.Tensor,
        padding_mask: tf.Tensor,
        targets: tf.Tensor,
        training: bool = False,
        smoothing: float = 0.0,
    ) -> tf.Tensor:
        """As `batch_loss`, in two halves as `half_batches.in_halves` has them."""
        halves = (slice(0, None, 2), slice(1, None, 2))
        sums = [
            self._sums(*rows_of(half, token_ids, padding_mask), targets[half], training, smoothing) for half in halves
        ]
        total, count = (tf.add_n(parts) for parts in zip(*sums, strict=True))
        return total / tf.maximum(1.0, count)

    def _sums(
        self, token_ids: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, training: bool, smoothing: float
    ) -> tuple[tf.Tensor, tf.Tensor]:
        _, losses = self._told(token_ids, padding_mask, targets, training, smoothing)
        return tf.reduce_sum(losses), tf.cast(tf.size(losses), tf.float32)


def layout(
    token_ids: tf.Tensor, padding_mask: tf.Tensor, targets: tf.Tensor, known: tf.Tensor, mask_id: int | None
) -> Layout:
    """What the encoder sees of a batch; arguments as `GenerationModel.states` has them.

    Args:
        token_ids: int32[batch, length].
        padding_mask: bool[batch, length].
        targets: int32[batch, room].
        known: bool[batch, room].
        mask_id: token id of the [MASK] that each target's token has; None: there is none.
    """
    copies = 1 if mask_id is None else 2
    lengths = tf.reduce_sum(tf.cast(padding_mask, tf.int32), axis=1, keepdims=True)
    length, room = tf.shape(token_ids)[1], tf.shape(targets)[1]
    behind = lengths + tf.range(room)
    # A target's padding may be beyond the last position there is; nothing sees it.
    behind = tf.where(known, behind, 0)
    before = tf.broadcast_to(tf.range(length), tf.shape(token_ids))
    parts = [token_ids, targets] + ([] if mask_id is None else [tf.fill(tf.shape(targets), mask_id)])
    ids, positions = tf.concat(parts, axis=1), tf.concat([before, *[behind] * copies], axis=1)
    segments = tf.concat([tf.zeros_like(token_ids), *[tf.ones_like(targets)] * copies], axis=1)
    return Layout(ids, positions, segments, tf.logical_not(seen(padding_mask, known, mask_id is not None)))


def seen(padding_mask: tf.Tensor, known: tf.Tensor, queries: bool) -> tf.Tensor:
    """What each token sees, bool[batch, 1, length, length]: rows look at columns.

    Args:
        padding_mask: bool[batch, source].
        known: bool[batch, room].
        queries: whether a [MASK] for each of a target's tokens stands behind the targets.
    """
    length, room = tf.shape(padding_mask)[1], tf.shape(known)[1]
    places = tf.range(room)
    before, itself = (compare(places, places[:, tf.newaxis]) for compare in (tf.less, tf.equal))
    # Columns: source, target, queries; a row for each kind of token. Nobody but itself sees a query.
    nothing = tf.zeros([length, room], tf.bool)
    of_source = tf.concat([tf.ones([length, length], tf.bool), *[nothing] * (1 + queries)], axis=1)
    sees_source = tf.ones([room, length], tf.bool)
    of_target = [sees_source, before | itself] + [tf.zeros_like(itself)] * queries
    rows = [of_source, tf.concat(of_target, axis=1)]
    if queries:
        rows.append(tf.concat([sees_source, before, itself], axis=1))
    there = tf.concat([padding_mask, *[known] * (1 + queries)], axis=1)
    return (tf.concat(rows, axis=0)[tf.newaxis] & there[:, tf.newaxis, :])[:, tf.newaxis]

"""The steps of writing: logits for the next token, with the keys and values of what stands fixed computed once.

At each step the token that was chosen last gets its keys and values for good, and a [MASK] behind it tells the next
one. The source's are computed once for all steps.
"""

from __future__ import annotations

from typing import Protocol

import tensorflow as tf

from components.model.attention import MASKED
from components.model.half_batches import rows_of
from components.model.writing.decoder import GenerationModel

State = list[tf.Tensor]
"""What a step leaves for the next: a row for each text that is followed, in the first axis."""


class Steps(Protocol):
    """What search asks of a model that writes: `Cached`, or its plain twin `Recomputed`."""

    def first(self) -> tuple[tf.Tensor, State]:
        """Logits of the first token, float32[rows, vocabulary], and the state before any is chosen."""

    def next(self, tokens: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """Those of the token behind int32[rows, tokens], one at least, and the state with these."""

    def shapes(self) -> list[tf.TensorShape]:
        """Of a state, as it may grow."""


class Recomputed:
    """Every step through all tokens again; what training does.

    Args:
        model: that writes.
        token_ids: int32[n, length], sources and padding.
        padding_mask: bool[n, length].
        texts: that are followed for each source, `rows` is n times as many.
    """

    def __init__(self, model: GenerationModel, token_ids: tf.Tensor, padding_mask: tf.Tensor, texts: int) -> None:
        self._model = model
        self._source = tf.repeat(token_ids, texts, axis=0), tf.repeat(padding_mask, texts, axis=0)

    def first(self) -> tuple[tf.Tensor, State]:
        """As `Steps`."""
        return self._logits(tf.zeros([tf.shape(self._source[0])[0], 0], tf.int32)), []

    def next(self, tokens: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """As `Steps`."""
        return self._logits(tokens), state

    def shapes(self) -> list[tf.TensorShape]:
        """As `Steps`: there is no state."""
        return []

    def _logits(self, tokens: tf.Tensor) -> tf.Tensor:
        model = self._model
        targets = tf.pad(tokens, [[0, 0], [0, 1]], constant_values=model.mask_id)
        states = model.states(*self._source, targets, tf.ones_like(targets, tf.bool), queries=False)
        return model.tokens(states[:, -1], model.encoder.embeddings.word_rows)


class Cached:
    """The keys and values of each layer are kept; arguments as `Recomputed`."""

    def __init__(self, model: GenerationModel, token_ids: tf.Tensor, padding_mask: tf.Tensor, texts: int) -> None:
        self._model, self._texts = model, texts
        self._rows = tf.shape(token_ids)[0] * texts
        # Without the padding that no row has a need of: it would be looked at in every step.
        token_ids, mask = rows_of(slice(None), token_ids, padding_mask)
        self._unseen = tf.logical_not(tf.repeat(mask, texts, axis=0))[:, tf.newaxis, tf.newaxis]
        self._lengths = tf.repeat(tf.reduce_sum(tf.cast(mask, tf.int32), axis=1), texts)
        self._source = self._of_source(token_ids, mask)

    def first(self) -> tuple[tf.Tensor, State]:
        """As `Steps`."""
        heads, width = self._sizes()
        nothing = tf.zeros([self._rows, heads, 0, width], self._model.encoder.compute_dtype)
        return self._step(None, [nothing] * (2 * len(self._model.encoder.blocks)))

    def next(self, tokens: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """As `Steps`."""
        return self._step(tokens, state)

    def shapes(self) -> list[tf.TensorShape]:
        """As `Steps`: keys and values of each layer."""
        heads, width = self._sizes()
        return [tf.TensorShape([None, heads, None, width])] * (2 * len(self._model.encoder.blocks))

    def _sizes(self) -> tuple[int, int]:
        config = self._model.encoder.config
        return config.num_attention_heads, config.hidden_size // config.num_attention_heads

    def _of_source(self, token_ids: tf.Tensor, mask: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Keys and values of the sources in each layer, float[rows, heads, length, width]."""
        encoder, (batch, length) = self._model.encoder, tf.unstack(tf.shape(token_ids))
        unseen, found = tf.logical_not(mask)[:, tf.newaxis, tf.newaxis], []
        rows = encoder.embeddings(token_ids, tf.zeros_like(token_ids))
        for block in encoder.blocks:
            attention = block.attention
            query, key, value = attention.parted(rows, batch, length)
            found.append((tf.repeat(key, self._texts, axis=0), tf.repeat(value, self._texts, axis=0)))
            weights = _softmax([attention.scores(query, key) + tf.where(unseen, MASKED, 0.0)], value)[0]
            rows = block.behind(rows, attention.joined(tf.matmul(weights, value)))
        return found

    def _step(self, tokens: tf.Tensor | None, state: State) -> tuple[tf.Tensor, State]:
        """Logits of the next token, and the state with the last of those that are chosen, if there is one."""
        model, encoder = self._model, self._model.encoder
        asked = tf.fill([self._rows, 1], model.mask_id)
        count = 0 if tokens is None else tf.shape(tokens)[1]
        ids = asked if tokens is None else tf.concat([tokens[:, -1:], asked], axis=1)
        length = 1 if tokens is None else 2
        positions = self._lengths[:, tf.newaxis] + count + tf.range(1 - length, 1)
        rows, kept = encoder.embeddings(ids, tf.ones_like(ids), positions=positions), []
        for number, block in enumerate(encoder.blocks):
            attention = block.attention
            query, key, value = attention.parted(rows, self._rows, length)
            if tokens is None:
                past_key, past_value = state[2 * number : 2 * number + 2]
            else:
                past_key, past_value = (
                    tf.concat([past, new[:, :, :1]], axis=2)
                    for past, new in zip(state[2 * number : 2 * number + 2], (key, value), strict=True)
                )
            kept += [past_key, past_value]
            source_key, source_value = self._source[number]
            # The [MASK] sees itself, and nobody else sees it.
            own = attention.scores(query, key[:, :, -1:]) + tf.constant([MASKED, 0.0][2 - length :])[:, tf.newaxis]
            of_source = attention.scores(query, source_key) + tf.where(self._unseen, MASKED, 0.0)
            weights = _softmax([of_source, attention.scores(query, past_key), own], value)
            values = (source_value, past_value, value[:, :, -1:])
            mixed = tf.add_n([tf.matmul(part, of) for part, of in zip(weights, values, strict=True)])
            rows = block.behind(rows, attention.joined(mixed))
        last = tf.reshape(rows, (self._rows, length, encoder.config.hidden_size))[:, -1]
        return model.tokens(last, encoder.embeddings.word_rows), kept


def _softmax(scores: list[tf.Tensor], value: tf.Tensor) -> list[tf.Tensor]:
    """Weights over keys that are apart, in the values' dtype."""
    weights = tf.cast(tf.nn.softmax(tf.concat(scores, axis=-1)), value.dtype)
    found: list[tf.Tensor] = tf.split(weights, [tf.shape(one)[-1] for one in scores], axis=-1)
    return found

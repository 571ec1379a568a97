"""Which texts a model writes: the most probable token each time, several texts followed at once, or drawn ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.model.writing.decoder import GenerationModel
from components.model.writing.decoding import Cached, Recomputed, State, Steps
from components.settings.generation import Generation

NEVER = -1e9
"""In place of the log-probability of what may not come."""

ROUNDING = 1e-5
"""Between two log-probabilities of a token that may be the same but for the order of sums."""

_CUT = -1e6
"""Added to the score of a text without an end while it is ranked: every text that has one is before it."""


class Written(NamedTuple):
    """Texts for each source, the best first."""

    token_ids: tf.Tensor
    """int32[n, best, tokens], without the end, filled up with padding."""
    scores: tf.Tensor
    """float32[n, best]: log-probability by length; below `NEVER` / 2 where there was no further text."""
    cut: tf.Tensor
    """bool[n, best]: whether the text had no end yet."""


def write(
    model: GenerationModel,
    settings: Generation,
    token_ids: tf.Tensor,
    padding_mask: tf.Tensor,
    room: int,
    *,
    recompute: bool = False,
    led_by: tf.Tensor | None = None,
) -> Written:
    """Writes texts for sources, all of a batch at a time, until every one has its end.

    Args:
        model: that writes.
        settings: how.
        token_ids: int32[n, length], sources and padding.
        padding_mask: bool[n, length].
        room: tokens of a text where the settings do not say.
        recompute: whether every step goes through all tokens again.
        led_by: int32[n, tokens], texts with their end, filled up with padding: as long as one is followed its next
            token counts as more probable by `ROUNDING`, though not in the scores that are given.
    """
    steps = (Recomputed if recompute else Cached)(model, token_ids, padding_mask, settings.rows)
    search = _Search(model, settings, steps, settings.max_tokens or room, led_by)
    if settings.search == "beam":
        return search.beam(tf.shape(token_ids)[0])
    key = _keys(token_ids, padding_mask, settings.rows) if settings.search == "sample" else None
    return search.one_by_one(tf.shape(token_ids)[0], key)


class _Search:
    """A search over the texts that steps allow.

    Args:
        model: for its vocabulary.
        settings: how it goes.
        steps: of the model.
        most: tokens of a text, its end among them.
        led_by: as `write`.
    """

    def __init__(
        self, model: GenerationModel, settings: Generation, steps: Steps, most: int, led_by: tf.Tensor | None = None
    ) -> None:
        self._settings, self._steps, self._most = settings, steps, most
        self._end, self._padding, self._texts = model.end_id, model.padding_id, settings.rows
        allowed = model.of_texts.copy()
        allowed[self._end] = True
        self._refused = np.where(allowed, 0.0, NEVER).astype(np.float32)
        self._led_by = led_by
        if led_by is not None:
            filled = tf.pad(led_by, [[0, 0], [0, most]], constant_values=self._padding)
            self._led_by = tf.repeat(filled, self._texts, axis=0)

    def one_by_one(self, sources: tf.Tensor, keys: tf.Tensor | None) -> Written:
        """Each text by itself: greedily, or with the keys of the texts, string[rows], drawn."""
        rows = sources * self._texts
        logits, state = self._steps.first()
        empty = tf.zeros([rows, 0], tf.int32)
        tokens, scores, ended = self._chosen(logits, empty, tf.zeros([rows]), tf.zeros([rows], tf.bool), keys)

        def step(tokens: tf.Tensor, scores: tf.Tensor, ended: tf.Tensor, state: State) -> tuple[Any, ...]:
            logits, state = self._steps.next(tokens, state)
            return (*self._chosen(logits, tokens, scores, ended, keys), state)

        def goes_on(tokens: tf.Tensor, scores: tf.Tensor, ended: tf.Tensor, state: State) -> tf.Tensor:
            return (tf.shape(tokens)[1] < self._most) & ~tf.reduce_all(ended)

        tokens, scores, ended, _ = _loop(goes_on, step, [tokens, scores, ended], state, self._steps.shapes())
        scores /= self._norm(_lengths(tokens, self._padding))
        shape = [sources, self._texts]
        return self._best(tf.reshape(tokens, [*shape, -1]), tf.reshape(scores, shape), ended)

    def _chosen(
        self, logits: tf.Tensor, tokens: tf.Tensor, scores: tf.Tensor, ended: tf.Tensor, keys: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Tokens with one more, int32[rows, tokens]; log-probabilities float32[rows]; and whether texts have ended."""
        found = self._log_probabilities(logits, tokens)
        token = tf.argmax(found, axis=1, output_type=tf.int32) if keys is None else self._drawn(found, tokens, keys)
        scores += tf.where(ended, 0.0, tf.gather(found, token, batch_dims=1))
        token = tf.where(ended, self._padding, token)
        return tf.concat([tokens, token[:, tf.newaxis]], axis=1), scores, ended | tf.equal(token, self._end)

    def _drawn(self, found: tf.Tensor, tokens: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        """A token of each row, int32[rows], by a number that follows from its key and its place alone."""
        settings = self._settings
        size = len(self._refused)
        most = min(settings.top_k or size, size)
        ordered, ids = tf.math.top_k(found / settings.temperature, most)
        shares = tf.nn.softmax(ordered)
        total = tf.cumsum(shares, axis=1)
        if settings.top_p is not None:
            shares = tf.where(total - shares < settings.top_p, shares, 0.0)
            total = tf.cumsum(shares, axis=1)
        named = tf.strings.join([keys, tf.strings.as_string(tf.shape(tokens)[1])], " ")
        number = tf.strings.to_hash_bucket_strong(named, _DRAWS, [settings.seed, 0])
        wanted = (tf.cast(number, tf.float32) + 0.5) / _DRAWS * total[:, -1]
        place = tf.reduce_sum(tf.cast(total <= wanted[:, tf.newaxis], tf.int32), axis=1)
        last = tf.reduce_sum(tf.cast(shares > 0, tf.int32), axis=1) - 1
        return tf.gather(ids, tf.minimum(place, last), batch_dims=1)

    def beam(self, sources: tf.Tensor) -> Written:
        """As many texts as there are beams are followed; a source is done once none of them can be among the best."""
        beams = self._texts
        logits, state = self._steps.first()
        # All beams are alike before the first token: one of them counts.
        alive = tf.tile([[0.0, *[NEVER] * (beams - 1)]], [sources, 1])
        tokens = tf.zeros([sources, beams, 0], tf.int32)
        none = tf.fill([sources, beams], NEVER)
        tokens, alive, texts, scores, parents = self._extended(logits, tokens, alive, tokens, none)
        state = _moved(state, parents, beams)

        def step(
            tokens: tf.Tensor, alive: tf.Tensor, texts: tf.Tensor, scores: tf.Tensor, state: State
        ) -> tuple[Any, ...]:
            rows = tf.reshape(tokens, [-1, tf.shape(tokens)[2]])
            logits, state = self._steps.next(rows, state)
            *found, parents = self._extended(logits, tokens, alive, texts, scores)
            return (*found, _moved(state, parents, beams))

        def goes_on(
            tokens: tf.Tensor, alive: tf.Tensor, texts: tf.Tensor, scores: tf.Tensor, state: State
        ) -> tf.Tensor:
            # A log-probability only falls, and the longest text has the greatest divisor.
            hoped = alive[:, 0] / self._norm(tf.constant(self._most))
            open_ones = (alive[:, 0] > NEVER / 2) & (hoped > scores[:, self._settings.best - 1])
            return (tf.shape(tokens)[2] < self._most) & tf.reduce_any(open_ones)

        tokens, alive, texts, scores, _ = _loop(
            goes_on, step, [tokens, alive, texts, scores], state, self._steps.shapes()
        )
        unended = tf.where(alive > NEVER / 2, alive / self._norm(tf.shape(tokens)[2]) + _CUT, NEVER)
        scores, places = tf.math.top_k(tf.concat([scores, unended], axis=1), beams)
        texts = tf.gather(tf.concat([texts, tokens], axis=1), places, batch_dims=1)
        cut = (scores < _CUT / 2) & (scores > NEVER / 2)
        return self._best(texts, tf.where(cut, scores - _CUT, scores), ~tf.reshape(cut, [-1]))

    def _extended(
        self, logits: tf.Tensor, tokens: tf.Tensor, alive: tf.Tensor, texts: tf.Tensor, scores: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """Texts with a token more.

        Args:
            logits: float32[n * beams, vocabulary].
            tokens: int32[n, beams, tokens], of texts without an end.
            alive: float32[n, beams], their log-probabilities, the greatest first.
            texts: int32[n, beams, tokens], of texts with an end.
            scores: float32[n, beams], theirs.

        Returns:
            The same four with a token more, and which of the rows each text without an end goes on, int32[n, beams].
        """
        beams, size, length = self._texts, len(self._refused), tf.shape(tokens)[2] + 1
        found = self._log_probabilities(logits, tf.reshape(tokens, [-1, length - 1]))
        sums = alive[:, :, tf.newaxis] + tf.reshape(found, [-1, beams, size])
        # Each text may end here, however probable it is that others go on.
        ending = sums[:, :, self._end]
        normed = tf.where(ending > NEVER / 2, ending / self._norm(length), NEVER)
        scores, kept = tf.math.top_k(tf.concat([scores, normed], axis=1), beams)
        end = tf.fill([tf.shape(tokens)[0], beams, 1], self._end)
        texts = tf.pad(texts, [[0, 0], [0, 0], [0, 1]], constant_values=self._padding)
        texts = tf.gather(tf.concat([texts, tf.concat([tokens, end], axis=2)], axis=1), kept, batch_dims=1)
        going_on = tf.where(tf.equal(tf.range(size), self._end), NEVER, tf.maximum(sums, NEVER))
        alive, places = tf.math.top_k(tf.reshape(going_on, [-1, beams * size]), beams)
        parents = places // size
        longer = tf.gather(tokens, parents, batch_dims=1)
        tokens = tf.concat([longer, (places % size)[:, :, tf.newaxis]], axis=2)
        return tokens, alive, texts, scores, parents

    def _log_probabilities(self, logits: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
        """Of the next token, float32[rows, vocabulary], `NEVER` or less for what the settings do not allow."""
        settings, count = self._settings, tf.shape(tokens)[1]
        found = tf.nn.log_softmax(logits + self._refused)
        if settings.min_tokens:
            is_end = tf.equal(tf.range(len(self._refused)), self._end)
            found = tf.where(is_end & (count < settings.min_tokens), NEVER, found)
        if settings.no_repeat_ngram is not None:
            # The end may always come.
            repeats = repeated(tokens, settings.no_repeat_ngram, len(self._refused))
            found = tf.where(repeats & tf.not_equal(tf.range(len(self._refused)), self._end), NEVER, found)
        if self._led_by is not None:
            follows = tf.reduce_all(tf.equal(self._led_by[:, :count], tokens), axis=1, keepdims=True)
            found += ROUNDING * tf.where(follows, tf.one_hot(self._led_by[:, count], len(self._refused)), 0.0)
        return found

    def _norm(self, length: tf.Tensor) -> tf.Tensor:
        return tf.pow(tf.cast(length, tf.float32), self._settings.length_penalty)

    def _best(self, texts: tf.Tensor, scores: tf.Tensor, ended: tf.Tensor) -> Written:
        """Of int32[n, texts, tokens], float32[n, texts] and bool[n * texts]."""
        best = self._settings.best
        scores, places = tf.math.top_k(scores, best)
        cut = tf.logical_not(tf.reshape(ended, [-1, self._texts]))
        texts = tf.gather(texts, places, batch_dims=1)
        if self._led_by is not None:
            there, led_by = tf.not_equal(texts, self._padding), self._led_by[:: self._texts, tf.newaxis]
            followed = tf.equal(texts, led_by[:, :, : tf.shape(texts)[2]]) & there
            count = tf.reduce_sum(tf.math.cumprod(tf.cast(followed, tf.float32), axis=2), axis=2)
            length = tf.reduce_sum(tf.cast(there, tf.int32), axis=2)
            scores -= ROUNDING * count / self._norm(tf.maximum(1, length))
        texts = tf.where(tf.equal(texts, self._end), self._padding, texts)
        return Written(texts, scores, tf.gather(cut, places, batch_dims=1))


_DRAWS = 1 << 24
"""As many numbers as float32 has between 1/2 and 1."""


def _keys(token_ids: tf.Tensor, padding_mask: tf.Tensor, texts: int) -> tf.Tensor:
    """What each text is drawn by, string[n * texts]: its source's token ids and its number, whatever else is in the
    batch."""
    ids = tf.where(padding_mask, tf.strings.as_string(token_ids), "")
    joined = tf.strings.reduce_join(ids, axis=1, separator=" ")
    sources = tf.repeat(tf.strings.regex_replace(joined, " +$", ""), texts)
    return tf.strings.join([sources, tf.strings.as_string(tf.range(tf.size(sources)) % texts)], " / ")


def repeated(tokens: tf.Tensor, size: int, vocabulary: int) -> tf.Tensor:
    """Tokens that would end a run of `size` tokens that a text has already, bool[rows, vocabulary].

    Args:
        tokens: int32[rows, tokens], of texts so far.
        size: of a run.
        vocabulary: number of tokens.
    """
    rows, count = tf.unstack(tf.shape(tokens))
    runs = tf.maximum(0, count - size + 1)
    # A column more, so that there is one before the first token.
    padded = tf.pad(tokens, [[0, 0], [0, 1]], constant_values=-1)
    same = tf.ones([rows, runs], tf.bool)
    for place in range(size - 1):
        last = tf.gather(padded, tf.maximum(0, count - size + 1 + place), axis=1)
        same &= tf.equal(tf.gather(padded, tf.range(runs) + place, axis=1), last[:, tf.newaxis])
    behind = tf.where(same, tf.gather(padded, tf.range(runs) + size - 1, axis=1), vocabulary)
    places = tf.stack([tf.repeat(tf.range(rows), runs), tf.reshape(behind, [-1])], axis=1)
    blank = tf.zeros([rows, vocabulary + 1], tf.int32)
    return tf.tensor_scatter_nd_update(blank, places, tf.ones([rows * runs], tf.int32))[:, :vocabulary] > 0


def _loop(goes_on: Any, step: Any, values: list[tf.Tensor], state: State, shapes: list[tf.TensorShape]) -> Any:
    """`tf.while_loop` over values that grow in their last axis, and a state."""
    grown = [value.shape[:-1].concatenate([None]) if value.dtype == tf.int32 else value.shape for value in values]
    loose = [tf.TensorShape([None, *shape[1:]]) for shape in grown]
    return tf.while_loop(goes_on, step, (*values, state), shape_invariants=(*loose, shapes), parallel_iterations=1)


def _moved(state: State, parents: tf.Tensor, beams: int) -> State:
    """The state of texts that go on those of these numbers, int32[n, beams]."""
    first = tf.range(tf.shape(parents)[0])[:, tf.newaxis] * beams
    rows = tf.reshape(first + parents, [-1])
    return [tf.gather(part, rows) for part in state]


def _lengths(tokens: tf.Tensor, padding: int) -> tf.Tensor:
    """Tokens of each text, its end among them: int32[rows]."""
    return tf.reduce_sum(tf.cast(tf.not_equal(tokens, padding), tf.int32), axis=1)

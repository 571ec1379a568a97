"""Which words an answer followed from: integrated gradients (Sundararajan, Taly & Yan 2017, arXiv:1703.01365).

On the way from a baseline to the text, every word's embedding grows from the baseline's to its own; a word's weight is
the sum over its embedding of the gradient's mean on the way times the difference. Weights add up to the difference of
the outputs (completeness, proposition 1), which is checked here each time. Control tokens stay as they are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.explanation.keras_model import KerasModel

STEPS = (32, 128, 512)
"""Points of the Gauss-Legendre quadrature on the way: more where the sum is too far off with fewer."""

BOUND = 0.02
"""How far the sum of the weights may be from the difference of the outputs, as a share of it, or where it is less than
1 of 1."""

_AT_A_TIME = 2048
"""Tokens that go through the model together, of all points on the way."""


class Word(NamedTuple):
    """A word of a row as the model sees it, and what it weighed."""

    text: str
    """Its pieces put together, as the tokenizer spells them."""
    weight: float
    """In the unit of what is explained: above 0 where it spoke for the answer."""


class Attributions(NamedTuple):
    """Of one row."""

    words: list[Word]
    """In the order of the row, of two texts one after the other."""
    output: float
    """What is explained, of the row."""
    baseline: float
    """The same of the row without its words."""

    @property
    def gap(self) -> float:
        """How far the sum of the weights is from the difference of the outputs."""
        return abs(sum(word.weight for word in self.words) - (self.output - self.baseline))

    @property
    def is_complete(self) -> bool:
        """Whether that is within `BOUND`."""
        return self.gap <= BOUND * max(1.0, abs(self.output - self.baseline))


def attributions(model: KerasModel, row: tuple[str, ...], factors: np.ndarray) -> Attributions:
    """The weight of each word of a row.

    Args:
        model: that answered.
        row: its texts, as training has them.
        factors: of the logits, as `contrast` gives them; what is explained is the sum of these products, the logits
            divided by the temperature.
    """
    ids, word_ids = model.token_ids(row)
    if word_ids is not None:
        factors = _of_tokens(factors, word_ids)
    path = _Path(model, ids, factors)
    for steps in STEPS:
        by_token = path.weights(steps)
        found = Attributions(_words(model, ids, by_token), path.output(1.0), path.output(0.0))
        if found.is_complete:
            break
    return found


class _Path:
    """The way from the baseline to a row.

    Args:
        model: the model.
        ids: int32[length], the row's token ids.
        factors: float32[units], or of tags [length, units].
    """

    def __init__(self, model: KerasModel, ids: np.ndarray, factors: np.ndarray) -> None:
        self._model, self._ids = model, ids
        self._factors = tf.constant(factors / model.temperature, tf.float32)
        self._table = model.model.encoder.embeddings.word_rows
        tokenizer = model.tokenizer
        self._is_word = ~np.isin(ids, [tokenizer.start_id, tokenizer.separator_id])
        rows = tf.gather(self._table, ids)
        # As where a word is left out; without a mask, as the unknown one.
        blank = tokenizer.unknown_id if tokenizer.mask_id is None else tokenizer.mask_id
        self._baseline = tf.where(self._is_word[:, np.newaxis], tf.gather(self._table, blank), rows)
        self._difference = rows - self._baseline

    def output(self, share: float) -> float:
        """What is explained, so far along the way."""
        return float(self._outputs(self._embedded(tf.constant([share], tf.float32)))[0])

    def weights(self, steps: int) -> np.ndarray:
        """float64[length], a weight each token."""
        points, of_points = np.polynomial.legendre.leggauss(steps)
        shares = (points + 1) / 2
        total = np.zeros(self._difference.shape, np.float64)
        at_once = max(1, _AT_A_TIME // len(self._ids))
        for begin in range(0, steps, at_once):
            part = slice(begin, begin + at_once)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                words = self._embedded(tf.constant(shares[part], tf.float32))
                tape.watch(words)
                outputs = self._outputs(words)
            gradients = tape.gradient(outputs, words).numpy().astype(np.float64)
            total += np.tensordot(of_points[part] / 2, gradients, axes=1)
        return (total * self._difference.numpy()).sum(axis=1)

    def _embedded(self, shares: tf.Tensor) -> tf.Tensor:
        """float32[points] -> the words' embeddings there, float32[points, length, hidden]."""
        return self._baseline + shares[:, tf.newaxis, tf.newaxis] * self._difference

    def _outputs(self, words: tf.Tensor) -> tf.Tensor:
        """float32[points, length, hidden] -> what is explained, float32[points]."""
        points, length = words.shape[0], len(self._ids)
        # Each token of each point has an id of its own behind the vocabulary, by which its embedding is found, wherever
        # the model puts it, as in windows; control tokens keep theirs, which say where texts and windows end.
        first = int(self._table.shape[0])
        ids = first + np.arange(points * length).reshape(points, length)
        ids = tf.constant(np.where(self._is_word, ids, self._ids), tf.int32)
        flat = tf.reshape(words, [points * length, -1])

        def lookup(token_ids: tf.Tensor) -> tf.Tensor:
            known = tf.gather(self._table, tf.minimum(token_ids, first - 1))
            own = tf.gather(flat, tf.maximum(0, token_ids - first))
            return tf.where((token_ids >= first)[..., tf.newaxis], own, known)

        with self._model.model.encoder.embeddings.looked_up_by(lookup):
            logits = self._model.model(ids, tf.ones_like(ids, tf.bool))
        return tf.reduce_sum(logits * self._factors, axis=list(range(1, len(logits.shape))))


def _of_tokens(factors: np.ndarray, word_ids: np.ndarray) -> np.ndarray:
    """float32[words, tags] -> float32[length, tags]: at the token that begins each word."""
    begins = word_ids >= 0
    found = np.zeros((len(word_ids), factors.shape[1]), np.float32)
    found[begins] = factors[word_ids[begins]]
    return found


def _words(model: KerasModel, ids: np.ndarray, weights: np.ndarray) -> list[Word]:
    """Pieces put together to words; control tokens weigh nothing and are left out."""
    tokens, tokenizer = model.tokenizer.tokens, model.tokenizer
    mark, found = tokenizer.settings.continuation, list[Word]()
    for token, weight in zip(map(int, ids), map(float, weights), strict=True):
        if token in (tokenizer.start_id, tokenizer.separator_id):
            continue
        if found and tokenizer.continues_word(token):
            found[-1] = Word(found[-1].text + tokens[token].removeprefix(mark), found[-1].weight + weight)
        else:
            found.append(Word(tokens[token], weight))
    return found

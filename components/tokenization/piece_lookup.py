"""Pieces of words looked up in a `PieceTable`, in the graph: many side by side.

For one text the number of ops is what counts, not what they compute: so a state is a matrix, not a tensor a column.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.tokenization.piece_table import CONTINUES, WORD_BYTES, PieceTable

_LENGTH_SHIFT = 32
"""A piece's length and its slot as one number, whose greatest is the longest piece's."""


_ALL = ~np.uint64(0)

_FIRST_BYTES = np.array([(1 << 8 * count) - 1 for count in range(1, WORD_BYTES + 1)], np.uint64)
"""Masks of the first bytes of a number, from one to all."""


class Cut(NamedTuple):
    """Words cut into pieces, in the order of their places in their words."""

    word: tf.Tensor
    """int64[pieces]: the number of the word; the first pieces are the first of each word."""
    ids: tf.Tensor
    """int64[pieces]: the token ids; -1 where a word goes on with no piece."""
    place: tf.Tensor
    """int64[pieces]: which of the word's pieces, from 0."""


class PieceLookup:
    """Finds the ids of pieces of a text.

    Args:
        table: of the vocabulary.
        text: uint8[...].
    """

    def __init__(self, table: PieceTable, text: tf.Tensor) -> None:
        self._table = table
        # Behind its end there is as much as the longest piece may reach over.
        padded = tf.pad(text, [[0, (len(table.factors) + 1) * WORD_BYTES + (-tf.size(text)) % WORD_BYTES]])
        self._text = tf.bitcast(tf.reshape(padded, [-1, WORD_BYTES]), tf.uint64)

    def ids(self, begins: tf.Tensor, ends: tf.Tensor) -> tf.Tensor:
        """The ids of pieces that begin a word, int64[pieces]; -1 where one is no token, or has more than 15 bytes.

        Args:
            begins: int64[pieces], the first byte of each piece.
            ends: int64[pieces], the byte behind its last.
        """
        lengths = ends - begins
        first, second = self._numbers(begins, 2)
        # All bits, and all but one, shifted by less than 64: by 64 a shift has no meaning.
        of_first = tf.cast(64 - 8 * tf.minimum(lengths, WORD_BYTES), tf.uint64)
        of_second = tf.cast(63 - 8 * tf.clip_by_value(lengths - WORD_BYTES, 0, WORD_BYTES - 1), tf.uint64)
        first &= tf.bitwise.right_shift(tf.constant(_ALL), of_first)
        second &= tf.bitwise.right_shift(tf.constant(_ALL >> np.uint64(1)), of_second)
        slots, found = self._slots(first * self._table.factors[0] + second * self._table.factors[1])
        found &= lengths < 2 * WORD_BYTES
        return tf.where(found, tf.cast(tf.gather(tf.constant(self._table.ids), slots), tf.int64), _of(-1))

    def cut(self, words: tf.Tensor) -> Cut:
        """Cut words into pieces, the longest token that fits first (Wu et al. 2016; BERT's `WordpieceTokenizer`).

        Args:
            words: int64[words, 3], the number of each, its first byte and the byte behind its last.
        """
        table = self._table
        lengths = np.arange(1, table.longest + 1)

        def cut_one(
            place: tf.Tensor, rest: tf.Tensor, found: tf.TensorArray
        ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
            word, begin, end = tf.unstack(rest, axis=1)
            left = end - begin
            hashes = self._hashes(begin, continues=place > 0)
            width = tf.minimum(tf.reduce_max(left), table.longest)
            slots, is_piece = self._slots(hashes[:, :width])
            is_piece &= tf.constant(lengths)[:width] <= left[:, None]
            packed = tf.constant(lengths << _LENGTH_SHIFT)[:width] + tf.cast(slots, tf.int64)
            longest = tf.reduce_max(tf.where(is_piece, packed, _of(-1)), axis=1)
            ids = tf.cast(tf.gather(tf.constant(table.ids), longest & (len(table.ids) - 1)), tf.int64)
            ids = tf.where(longest < 0, _of(-1), ids)
            # From -1 it is -1 again: a word without a piece here is at an end, too.
            after = begin + tf.bitwise.right_shift(longest, _of(_LENGTH_SHIFT))
            more = (after > begin) & (after < end)
            emitted = tf.stack([word, ids, tf.fill(tf.shape(word), place)], axis=1)
            return (
                place + 1,
                tf.gather_nd(tf.stack([word, after, end], axis=1), tf.where(more)),
                found.write(tf.cast(place, tf.int32) + 1, emitted),
            )

        found = tf.TensorArray(tf.int64, 1, dynamic_size=True, infer_shape=False, element_shape=[None, 3])
        found = found.write(0, tf.zeros([0, 3], tf.int64))
        shapes = tf.TensorShape([]), tf.TensorShape([None, 3]), tf.TensorShape(None)
        state = _of(0), words, found
        *_, found = tf.while_loop(lambda _, rest, __: tf.size(rest) > 0, cut_one, state, shape_invariants=shapes)
        return Cut(*tf.unstack(found.concat(), axis=1))

    def _numbers(self, begins: tf.Tensor, count: int) -> list[tf.Tensor]:
        """The bytes from a place on, int64[places], as numbers: uint64[places] each."""
        first, bits = tf.bitwise.right_shift(begins, _of(3)), tf.cast(begins & 7, tf.uint64) * 8
        found = [tf.gather(self._text, first + number) for number in range(count + 1)]
        return [_shifted(one, other, bits) for one, other in itertools.pairwise(found)]

    def _hashes(self, begins: tf.Tensor, continues: tf.Tensor) -> tf.Tensor:
        """The hashes of the first bytes from a place on, from one to all: int64[places] -> uint64[places, bytes]."""
        first, bits = tf.bitwise.right_shift(begins, _of(3)), (tf.cast(begins, tf.uint64) & 7)[:, None] * 8
        found = tf.gather(self._text, first[:, None] + np.arange(len(self._table.factors) + 1))
        numbers = _shifted(found[:, :-1], found[:, 1:], bits)
        whole = numbers * self._table.factors
        before = tf.cumsum(whole, axis=1, exclusive=True) + tf.cast(continues, tf.uint64) * CONTINUES
        parts = (numbers[:, :, None] & _FIRST_BYTES) * self._table.factors[:, None]
        return tf.reshape(before[:, :, None] + parts, [tf.size(begins), self._table.factors.size * WORD_BYTES])

    def _slots(self, hashes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Find hashes, uint64[...]: the slot of each, int32[...], and whether it is a token's, bool[...]."""
        table = self._table
        size = len(table.hashes)
        upper = tf.bitcast(hashes, tf.int32)[..., 1]
        displaced = tf.gather(tf.constant(table.displacements), upper & (len(table.displacements) - 1))
        slots = tf.bitwise.right_shift(upper, tf.constant(33 - size.bit_length())) + displaced & (size - 1)
        return slots, tf.equal(tf.gather(tf.constant(table.hashes), slots), hashes)


def _shifted(lower: tf.Tensor, upper: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """The 64 bits of two numbers side by side, uint64, that begin at a bit, 0 to 63, of the lower one."""
    # By a shift of 64, which has no meaning, nothing would be left of the upper one: so by 1, and then by the rest.
    return tf.bitwise.right_shift(lower, bits) | tf.bitwise.left_shift(upper * 2, 63 - bits)


def _of(number: int) -> tf.Tensor:
    return tf.constant(number, tf.int64)

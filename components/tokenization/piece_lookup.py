"""Pieces of words looked up in a `PieceTable`, in the graph: many side by side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.tokenization.piece_table import CONTINUES, MIX_FACTOR, MIX_SHIFT, WORD_BYTES, PieceTable

_LENGTH_SHIFT = 32
"""A piece's length and its slot as one number, whose greatest is the longest piece's."""


class Cut(NamedTuple):
    """Words cut into pieces."""

    first: tf.Tensor
    """int64[words]: the first piece's id; -1 of a word that no pieces make up."""
    counts: tf.Tensor
    """int64[words]: its pieces, 1 for such a word."""
    further: tf.Tensor
    """int64[...]: the ids of the pieces that are not the first of their word."""
    word: tf.Tensor
    """int64[...]: whose they are."""
    place: tf.Tensor
    """int64[...]: which of the word's pieces, from 1."""


class PieceLookup:
    """Finds the ids of pieces of a text.

    Args:
        table: of the vocabulary.
        text: uint8[...].
    """

    def __init__(self, table: PieceTable, text: tf.Tensor) -> None:
        self._table = table
        columns = len(table.factors) + 1
        whole = tf.pad(text, [[0, columns * WORD_BYTES + (-tf.size(text)) % WORD_BYTES]])
        numbers = tf.bitcast(tf.reshape(whole, [-1, WORD_BYTES]), tf.uint64)
        rows = tf.size(numbers) - columns + 1
        self._windows = tf.stack([numbers[column : column + rows] for column in range(columns)], axis=1)

    def ids(self, begins: tf.Tensor, ends: tf.Tensor) -> tf.Tensor:
        """The ids of pieces that begin a word, int64[pieces]; -1 where one is no token.

        Args:
            begins: int64[pieces], the first byte of each piece.
            ends: int64[pieces], the byte behind its last.
        """
        lengths = tf.minimum(ends - begins, self._table.longest + 1)
        numbers = self._numbers(begins) & tf.gather(tf.constant(self._table.masks), lengths)
        slots, found = self._slots(numbers, _of(0))
        return tf.where(found, tf.gather(tf.constant(self._table.ids), slots), _of(-1))

    def cut(self, begins: tf.Tensor, ends: tf.Tensor) -> Cut:
        """Cut words into pieces, the longest token that fits first (Wu et al. 2016; BERT's `WordpieceTokenizer`).

        Args:
            begins: int64[words], the first byte of each word.
            ends: int64[words], the byte behind its last.
        """
        words = tf.size(begins, tf.int64)

        def is_left(place: tf.Tensor, word: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
            return tf.equal(place, 0) | (tf.size(word) > 0)

        def cut_one(
            place: tf.Tensor, word: tf.Tensor, begin: tf.Tensor, end: tf.Tensor, *found: tf.TensorArray
        ) -> tuple[tf.Tensor | tf.TensorArray, ...]:
            width = tf.clip_by_value(tf.reduce_max(end - begin), 1, self._table.longest)
            masks = tf.constant(self._table.masks[1:])[:width]
            slots, is_piece = self._slots(self._numbers(begin)[:, None] & masks, tf.cast(place > 0, tf.int64))
            lengths = tf.range(1, width + 1)
            packed = tf.where(
                is_piece & (lengths <= (end - begin)[:, None]), lengths * (1 << _LENGTH_SHIFT) + slots, _of(-1)
            )
            longest = tf.reduce_max(packed, axis=1)
            ids = tf.gather(tf.constant(self._table.ids), longest & _of(len(self._table.ids) - 1))
            piece = tf.where(longest < 0, _of(-1), ids)
            after = begin + tf.bitwise.right_shift(longest, _of(_LENGTH_SHIFT))
            more = (longest >= 0) & (after < end)
            emitted = (word, piece, tf.fill(tf.shape(word), place))
            written = (
                array.write(tf.cast(place, tf.int32), value) for array, value in zip(found, emitted, strict=True)
            )
            return (place + 1, *(tf.boolean_mask(each, more) for each in (word, after, end)), *written)

        arrays = [
            tf.TensorArray(tf.int64, 0, dynamic_size=True, infer_shape=False, element_shape=[None]) for _ in "123"
        ]
        state = (_of(0), tf.range(words), begins, ends, *arrays)
        *_, word, piece, place = tf.while_loop(is_left, cut_one, state)
        word, piece, place = word.concat(), piece.concat(), place.concat()
        spoilt = tf.math.unsorted_segment_min(piece, word, words) < 0
        further = (place > 0) & ~tf.gather(spoilt, word)
        counts = tf.math.unsorted_segment_max(place, word, words) + 1
        return Cut(
            tf.where(spoilt, _of(-1), piece[:words]),
            tf.where(spoilt, _of(1), counts),
            *(tf.boolean_mask(each, further) for each in (piece, word, place)),
        )

    def _numbers(self, begins: tf.Tensor) -> tf.Tensor:
        """The bytes from a place on, int64[places], as numbers: uint64[places, numbers]."""
        found = tf.gather(self._windows, begins // WORD_BYTES)
        bits = tf.cast(begins % WORD_BYTES * 8, tf.uint64)[:, None]
        # By a shift of 64, which has no meaning, nothing would be left of the second: so by 1, and then by the rest.
        upper = tf.bitwise.left_shift(found[:, 1:] * tf.constant(2, tf.uint64), tf.constant(63, tf.uint64) - bits)
        return tf.bitwise.right_shift(found[:, :-1], bits) | upper

    def _slots(self, numbers: tf.Tensor, continues: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Find pieces in the table.

        Args:
            numbers: uint64[..., numbers].
            continues: int64, 1 if they go on with a word, 0 if they begin it.

        Returns:
            The slot of each, int64[...], and whether it is that of a token, bool[...].
        """
        table = self._table
        sums = tf.reduce_sum(tf.bitcast(numbers, tf.int64) * table.factors, axis=-1)
        sums += continues * CONTINUES.view(np.int64)
        hashes = _mixed(tf.bitcast(_mixed(sums) * MIX_FACTOR.view(np.int64), tf.int64))
        halves = tf.bitcast(hashes, tf.int32)
        groups = halves[..., 0] & (len(table.displacements) - 1)
        slots = halves[..., 1] + tf.gather(tf.constant(table.displacements), groups) & (len(table.hashes) - 1)
        return tf.cast(slots, tf.int64), tf.equal(tf.gather(tf.constant(table.hashes), slots), hashes)


def _mixed(values: tf.Tensor) -> tf.Tensor:
    """The upper bits of int64 values mixed into the lower ones."""
    bits = tf.bitcast(values, tf.uint64)
    return tf.bitcast(tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, tf.constant(MIX_SHIFT))), tf.int64)


def _of(number: int) -> tf.Tensor:
    return tf.constant(number, tf.int64)

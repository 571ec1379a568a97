"""Words of raw text with their offsets, in the graph: `Joins.cut` in TensorFlow's core ops.

Memory is linear in the text, which is decoded once. All that follows is arrays over its characters and then over its
basic words, see `joins`; the words' strings are made last, of those that can be seen alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.tokenization.joins import (
    ANY,
    EDGE,
    IDEOGRAPH,
    OF_LETTERS,
    SINGLE,
    SPACE,
    Joins,
    gap_key,
)
from components.tokenization.unicode_table import PAGE, Kind, character_kinds


class Words(NamedTuple):
    """The words of texts and where they are, each of n rows."""

    words: tf.RaggedTensor
    """string[n, (words)], without characters that BERT removes."""
    begins: tf.RaggedTensor
    """int32[n, (words)]: the first character of each."""
    ends: tf.RaggedTensor
    """int32[n, (words)]: the character behind the last."""
    first_bytes: tf.RaggedTensor
    """int32[n, (words)]: `begins` in bytes."""
    end_bytes: tf.RaggedTensor
    """int32[n, (words)]: `ends` in bytes."""


class _Characters(NamedTuple):
    """Those of all texts, one text after the other, without those that BERT removes."""

    codes: tf.Tensor
    kinds: tf.Tensor
    rows: tf.Tensor
    places: tf.Tensor
    """Which of its text's characters each is."""
    offsets: tf.Tensor
    """The same in bytes."""


def split(texts: tf.Tensor, joins: Joins, most: int | None = None) -> Words:
    """Cut texts into words as train's are.

    Args:
        texts: string[n], UTF-8. Bytes that are not UTF-8 count as a character and are in no word.
        joins: which basic words make up a word.
        most: how many words of each text are wanted; None: all.
    """
    characters = _decoded(texts)
    first, last = _basic_words(characters)
    rows = tf.gather(characters.rows, first)
    joined = _joined(characters, rows, first, last, joins)
    begins = tf.boolean_mask(first, ~joined[:-1])
    ends = tf.boolean_mask(last, ~joined[1:])
    if most is not None:
        rows = tf.gather(characters.rows, begins)
        kept = tf.range(tf.size(rows)) - tf.gather(_splits(rows, texts), rows) < most
        begins, ends = tf.boolean_mask(begins, kept), tf.boolean_mask(ends, kept)
    spelled = tf.raw_ops.RaggedRange(starts=begins, limits=ends + 1, deltas=1)
    last_codes = tf.gather(characters.codes, ends)
    size = 1 + tf.reduce_sum(tf.cast(last_codes[:, tf.newaxis] >= [0x80, 0x800, 0x10000], tf.int32), axis=1)
    values = [
        tf.raw_ops.UnicodeEncode(
            input_values=tf.gather(characters.codes, spelled.rt_dense_values),
            input_splits=spelled.rt_nested_splits,
            output_encoding="UTF-8",
        ),
        tf.gather(characters.places, begins),
        tf.gather(characters.places, ends) + 1,
        tf.gather(characters.offsets, begins),
        tf.gather(characters.offsets, ends) + size,
    ]
    splits = tf.cast(_splits(tf.gather(characters.rows, begins), texts), tf.int64)
    return Words(*(tf.RaggedTensor.from_row_splits(each, splits, validate=False) for each in values))


def _decoded(texts: tf.Tensor) -> _Characters:
    decoded = tf.raw_ops.UnicodeDecodeWithOffsets(input=texts, input_encoding="UTF-8")
    codes, splits = decoded.char_values, tf.cast(decoded.row_splits, tf.int32)
    pages, kinds = (tf.constant(each, tf.int32) for each in character_kinds())
    of_each = tf.gather(kinds, tf.gather(pages, codes // PAGE) * PAGE + codes % PAGE)
    kept = tf.cast(tf.where(tf.not_equal(of_each, int(Kind.REMOVED)))[:, 0], tf.int32)
    rows = tf.raw_ops.UpperBound(sorted_inputs=[splits], values=[kept])[0] - 1
    codes, of_each = tf.gather(codes, kept), tf.gather(of_each, kept)
    offsets = tf.cast(tf.gather(decoded.char_to_byte_starts, kept), tf.int32)
    return _Characters(codes, of_each, rows, kept - tf.gather(splits, rows), offsets)


def _splits(rows: tf.Tensor, texts: tf.Tensor) -> tf.Tensor:
    """Where the items of each text begin, whose rows are these, int32[items]; and the number of all: int32[n + 1]."""
    return tf.raw_ops.LowerBound(sorted_inputs=[rows], values=[tf.range(tf.size(texts) + 1)])[0]


def _basic_words(characters: _Characters) -> tuple[tf.Tensor, tf.Tensor]:
    """The first and the last character of each basic word, int32[basics] each, as indices of characters."""
    kinds = characters.kinds
    is_letter = (kinds >= int(Kind.DIGIT)) & (kinds < int(Kind.SIGN))
    alone = ~is_letter & tf.not_equal(kinds, int(Kind.SPACE))
    # Of letters alike where two characters belong together, and of no other.
    run = tf.pad(tf.where(is_letter, characters.rows, -1), [[1, 1]], constant_values=-1)
    first = alone | (is_letter & tf.not_equal(run[1:-1], run[:-2]))
    last = alone | (is_letter & tf.not_equal(run[1:-1], run[2:]))
    return tf.cast(tf.where(first)[:, 0], tf.int32), tf.cast(tf.where(last)[:, 0], tf.int32)


def _joined(characters: _Characters, rows: tf.Tensor, first: tf.Tensor, last: tf.Tensor, joins: Joins) -> tf.Tensor:
    """Whether each basic word is a part of the word before it, bool[basics + 1]; the last stands for none."""
    # A word of no text at each end.
    kinds = tf.pad(_kinds(characters, first, last), [[1, 1]], constant_values=EDGE)
    rows = tf.pad(rows, [[1, 1]], constant_values=-1)
    adjacent = tf.equal(tf.pad(last + 1, [[1, 0]], constant_values=-1), tf.pad(first, [[0, 1]], constant_values=-2))
    same_row = tf.equal(rows[1:], rows[:-1])
    adjacent &= same_row
    left, right = kinds[:-1], kinds[1:]
    apart = tf.where(same_row, tf.constant(SPACE, tf.int64), tf.constant(EDGE, tf.int64))
    before = tf.pad(tf.where(adjacent, left, apart)[:-1], [[1, 0]], constant_values=EDGE)
    after = tf.pad(tf.where(adjacent, right, apart)[1:], [[0, 1]], constant_values=EDGE)
    return adjacent & _is_joined(before, left, right, after, joins)


def _is_joined(before: tf.Tensor, left: tf.Tensor, right: tf.Tensor, after: tf.Tensor, joins: Joins) -> tf.Tensor:
    """What the narrowest kind of gaps says that is known, bool[gaps]; kinds are int64[gaps]."""
    table = np.array([(key, True) for key in joins.joined] + [(key, False) for key in joins.borders] or [(-1, False)])
    table = table[np.argsort(table[:, 0])]
    of_left = left >= int(Kind.SIGN)
    anything = tf.fill(tf.shape(left), tf.constant(ANY, tf.int64))
    one = tf.stack([before, tf.where(of_left, before, anything), anything])
    other = tf.stack([after, tf.where(of_left, anything, after), anything])
    keys = gap_key(one, left, right, other)
    sorted_keys = np.broadcast_to(table[:, 0], (3, len(table)))
    places = tf.minimum(tf.raw_ops.LowerBound(sorted_inputs=sorted_keys, values=keys), len(table) - 1)
    known = tf.equal(tf.gather(tf.constant(table[:, 0]), places), keys)
    says = tf.gather(tf.constant(table[:, 1].astype(bool)), places)
    return tf.where(known[0], says[0], tf.where(known[1], says[1], known[2] & says[2]))


def _kinds(characters: _Characters, first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """The kind of each basic word, int64[basics]."""
    of_first = tf.gather(characters.kinds, first)
    is_letter = (of_first >= int(Kind.DIGIT)) & (of_first < int(Kind.SIGN))
    alone = tf.where(tf.equal(of_first, int(Kind.IDEOGRAPH)), IDEOGRAPH, of_first)
    wanted = tf.constant(list(OF_LETTERS))[:, tf.newaxis]
    counts = tf.pad(tf.cumsum(tf.cast(tf.equal(characters.kinds, wanted), tf.int32), axis=1), [[0, 0], [1, 0]])
    has = tf.gather(counts, last + 1, axis=1) > tf.gather(counts, first, axis=1)
    values = tf.constant(list(OF_LETTERS.values()))[:, tf.newaxis]
    letters = tf.reduce_sum(tf.where(has, values, 0), axis=0) + tf.where(tf.equal(first, last), SINGLE, 0)
    return tf.cast(tf.where(is_letter, letters, alone), tf.int64)

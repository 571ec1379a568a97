"""Words of raw text with their offsets, in the graph: `Joins.cut` in TensorFlow's core ops.

Memory is linear in the text, which is decoded once. All that follows is arrays over its characters and then over its
basic words, see `joins`; the words' strings are made last, of those that can be seen alone.
"""

from __future__ import annotations

from typing import NamedTuple

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
    begins = tf.boolean_mask(first, ~tf.concat([[False], joined], axis=0)[: tf.size(first)])
    ends = tf.boolean_mask(last, ~tf.concat([joined, [False]], axis=0)[: tf.size(first)])
    counts = tf.math.bincount(tf.gather(characters.rows, begins), minlength=tf.size(texts), maxlength=tf.size(texts))
    if most is not None:
        kept = tf.ragged.range(counts).flat_values < most
        begins, ends = tf.boolean_mask(begins, kept), tf.boolean_mask(ends, kept)
        counts = tf.minimum(counts, most)
    spelled = tf.ragged.range(begins, ends + 1)
    codes = spelled.with_flat_values(tf.gather(characters.codes, spelled.flat_values))
    last_codes = tf.gather(characters.codes, ends)
    size = 1 + tf.add_n([tf.cast(last_codes >= least, tf.int32) for least in (0x80, 0x800, 0x10000)])
    values = [
        tf.strings.unicode_encode(codes, "UTF-8"),
        tf.gather(characters.places, begins),
        tf.gather(characters.places, ends) + 1,
        tf.gather(characters.offsets, begins),
        tf.gather(characters.offsets, ends) + size,
    ]
    return Words(*(tf.RaggedTensor.from_row_lengths(each, counts, validate=False) for each in values))


def _decoded(texts: tf.Tensor) -> _Characters:
    codes, offsets = tf.strings.unicode_decode_with_offsets(texts, "UTF-8")
    pages, kinds = (tf.constant(each, tf.int32) for each in character_kinds())
    of_each = tf.gather(kinds, tf.gather(pages, codes.flat_values // PAGE) * PAGE + codes.flat_values % PAGE)
    kept = tf.where(tf.not_equal(of_each, int(Kind.REMOVED)))[:, 0]
    places = tf.ragged.range(codes.row_lengths()).flat_values
    each = (codes.flat_values, of_each, codes.value_rowids(), places, offsets.flat_values)
    return _Characters(*(tf.cast(tf.gather(values, kept), tf.int32) for values in each))


def _basic_words(characters: _Characters) -> tuple[tf.Tensor, tf.Tensor]:
    """The first and the last character of each basic word, int32[basics] each, as indices of characters."""
    of_letters = (characters.kinds >= int(Kind.DIGIT)) & (characters.kinds < int(Kind.SIGN))
    alone = tf.equal(characters.kinds, int(Kind.IDEOGRAPH)) | (characters.kinds >= int(Kind.SIGN))
    goes_on = of_letters[1:] & of_letters[:-1] & tf.equal(characters.rows[1:], characters.rows[:-1])
    border = tf.fill([tf.minimum(1, tf.size(characters.kinds))], False)
    first = alone | (of_letters & ~tf.concat([border, goes_on], axis=0))
    last = alone | (of_letters & ~tf.concat([goes_on, border], axis=0))
    return tuple(tf.cast(tf.where(each)[:, 0], tf.int32) for each in (first, last))


def _joined(characters: _Characters, rows: tf.Tensor, first: tf.Tensor, last: tf.Tensor, joins: Joins) -> tf.Tensor:
    """Whether each basic word and the next are parts of one word, bool[basics - 1]."""
    kinds = _kinds(characters, first, last)
    same_row = tf.equal(rows[1:], rows[:-1])
    adjacent = same_row & tf.equal(last[:-1] + 1, first[1:])
    edge, space, anything = (tf.constant(kind, tf.int64) for kind in (EDGE, SPACE, ANY))
    apart = tf.where(same_row, space, edge)
    left, right = kinds[:-1], kinds[1:]
    before = tf.concat([[edge], tf.where(adjacent, left, apart)], axis=0)[: tf.size(left)]
    after = tf.concat([tf.where(adjacent, right, apart), [edge]], axis=0)[1:]
    of_left = left >= int(Kind.SIGN)
    found = tf.zeros_like(adjacent)
    # The widest kind of gaps first: a narrower one that is known has the last word.
    for one, other in (
        (anything, anything),
        (tf.where(of_left, before, anything), tf.where(of_left, anything, after)),
        (before, after),
    ):
        keys = gap_key(one, left, right, other)
        found = _among(keys, joins.joined) | (found & ~_among(keys, joins.borders))
    return adjacent & found


def _kinds(characters: _Characters, first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """The kind of each basic word, int64[basics]."""
    of_first = tf.gather(characters.kinds, first)
    letters = tf.zeros_like(first)
    for kind, value in OF_LETTERS.items():
        count = tf.cumsum(tf.cast(tf.equal(characters.kinds, int(kind)), tf.int32))
        before = tf.gather(tf.concat([[0], count], axis=0), first)
        letters += tf.where(tf.gather(count, last) > before, value, 0)
    letters += tf.where(tf.equal(first, last), SINGLE, 0)
    alone = tf.where(tf.equal(of_first, int(Kind.IDEOGRAPH)), IDEOGRAPH, of_first)
    is_alone = tf.equal(of_first, int(Kind.IDEOGRAPH)) | (of_first >= int(Kind.SIGN))
    return tf.cast(tf.where(is_alone, alone, letters), tf.int64)


def _among(keys: tf.Tensor, known: tuple[int, ...]) -> tf.Tensor:
    """Whether each key, int64[n], is one of those known, which are sorted."""
    if not known:
        return tf.zeros_like(keys, tf.bool)
    table = tf.constant(known, tf.int64)
    return tf.equal(tf.gather(table, tf.minimum(tf.searchsorted(table, keys), len(known) - 1)), keys)

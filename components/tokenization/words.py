"""Words of raw text with their offsets, in the graph."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_text as tf_text

_WHITE_SPACE = r"[\s\x{85}\p{Z}]+"

_OPENING = '^[\\(\\[\\{<"\u201c\u2018\u00ab\u00bf\u00a1]+'

_CLOSING = '[,;:!?\\)\\]\\}>"\u201d\u2019\u00bb\u2026]+$'

_FULL_STOP = r"^([^.]+)\.$"
"""Of the last word: one that ends in a full stop and has no other. `U.S.` and `Inc.` in a text stay as they are."""


def split(texts: tf.Tensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]:
    """Words between white space, and the punctuation at their ends apart, as data for tagging has them.

    Args:
        texts: string[n], UTF-8.

    Returns:
        The words, string[n, (words)], and the offsets in bytes of their begins and ends, int32[n, (words)] each.
    """
    # Not WhitespaceTokenizer, whose ends are wrong before white space of several bytes.
    words, begins, ends = tf_text.regex_split_with_offsets(texts, _WHITE_SPACE)
    flat = words.flat_values
    core = tf.strings.regex_replace(flat, _OPENING, "")
    opening = tf.strings.length(flat) - tf.strings.length(core)
    bare = tf.strings.regex_replace(core, _CLOSING, "")
    bare = tf.where(_last(words), tf.strings.regex_replace(bare, _FULL_STOP, r"\1"), bare)
    first = tf.cast(begins.flat_values, tf.int32)
    borders = tf.stack(
        [first, first + opening, first + opening + tf.strings.length(bare), tf.cast(ends.flat_values, tf.int32)], axis=1
    )
    starts, stops = tf.reshape(borders[:, :-1], [-1]), tf.reshape(borders[:, 1:], [-1])
    kept = stops > starts
    splits = tf.gather(
        tf.concat([[0], tf.cumsum(tf.cast(kept, tf.int64))], axis=0), tf.cast(words.row_splits, tf.int32) * 3
    )
    starts, stops = (
        tf.RaggedTensor.from_row_splits(tf.boolean_mask(offsets, kept), splits) for offsets in (starts, stops)
    )
    of_text = tf.gather(texts, starts.value_rowids())
    pieces = tf.strings.substr(of_text, starts.flat_values, stops.flat_values - starts.flat_values)
    return starts.with_flat_values(pieces), starts, stops


def _last(words: tf.RaggedTensor) -> tf.Tensor:
    """Whether a word is the last of its text, bool[words]."""
    rows = words.value_rowids()
    return tf.not_equal(rows, tf.concat([rows[1:], tf.constant([-1], rows.dtype)], axis=0))

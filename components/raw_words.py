"""Words of raw text with their places in it, and entities out of the words' tags, in the graph."""

from __future__ import annotations

from collections.abc import Sequence

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
        The words, string[n, (words)], and where they begin and end, int32[n, (words)], in bytes.
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
        tf.RaggedTensor.from_row_splits(tf.boolean_mask(places, kept), splits) for places in (starts, stops)
    )
    of_text = tf.gather(texts, starts.value_rowids())
    pieces = tf.strings.substr(of_text, starts.flat_values, stops.flat_values - starts.flat_values)
    return starts.with_flat_values(pieces), starts, stops


def _last(words: tf.RaggedTensor) -> tf.Tensor:
    """Whether a word is the last of its text, bool[words]."""
    rows = words.value_rowids()
    return tf.not_equal(rows, tf.concat([rows[1:], tf.constant([-1], rows.dtype)], axis=0))


def entities(
    texts: tf.Tensor,
    tags: tf.Tensor,
    scores: tf.Tensor,
    begins: tf.RaggedTensor,
    ends: tf.RaggedTensor,
    types: Sequence[str],
) -> dict[str, tf.Tensor]:
    """Entities of tagged words; an I- that goes on with no entity of its type begins one, as `tagging.entities` has it.

    Args:
        texts: string[n].
        tags: float32[n, words], ids as in `Tagging.tags`; -1 for a word that was not seen, which is outside.
        scores: float32[n, words], the tags' probabilities.
        begins: int32[n, (words)], in bytes.
        ends: int32[n, (words)].
        types: names of the types of entities.

    Returns:
        `type` string[n, e], `score` float32[n, e], `begin` and `end` int32[n, e] in characters, `count` int32[n].
    """
    rows = begins.value_rowids()
    places = tf.stack([rows, tf.ragged.range(begins.row_lengths()).flat_values], axis=1)
    tag, score = tf.cast(tf.gather_nd(tags, places), tf.int32), tf.gather_nd(scores, places)
    inside = tag > 0
    kind = (tag - 1) // 2
    none = tf.constant([-1])
    before_kind = tf.concat([none, tf.where(inside, kind, -1)[:-1]], axis=0)
    before_row = tf.concat([none, tf.cast(rows, tf.int32)[:-1]], axis=0)
    goes_on = tf.equal(tag % 2, 0) & tf.equal(kind, before_kind) & tf.equal(tf.cast(rows, tf.int32), before_row)
    number = tf.boolean_mask(tf.cumsum(tf.cast(inside & ~goes_on, tf.int32)) - 1, inside)
    count = tf.reduce_sum(tf.cast(inside & ~goes_on, tf.int32))

    def of_entity(merge: str, values: tf.Tensor) -> tf.Tensor:
        return getattr(tf.math, f"unsorted_segment_{merge}")(tf.boolean_mask(values, inside), number, count)

    of_row = of_entity("min", rows)
    texts = tf.gather(texts, of_row)
    begin, end = of_entity("min", begins.flat_values), of_entity("max", ends.flat_values)
    names = tf.constant(list(types) or [""])
    found = {
        "type": tf.gather(names, of_entity("min", kind)),
        "score": of_entity("mean", score),
        "begin": _characters(texts, begin),
        "end": _characters(texts, end),
    }
    counts = tf.math.bincount(tf.cast(of_row, tf.int32), minlength=tf.shape(tags)[0])
    return {
        **{name: tf.RaggedTensor.from_row_lengths(values, counts).to_tensor() for name, values in found.items()},
        "count": counts,
    }


def _characters(texts: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Places in bytes to places in characters, int32[n]."""
    return tf.strings.length(tf.strings.substr(texts, tf.zeros_like(places), places), unit="UTF8_CHAR")

"""Entities out of words' tags, in the graph."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def entities(
    tags: tf.Tensor,
    scores: tf.Tensor,
    begins: tf.RaggedTensor,
    ends: tf.RaggedTensor,
    types: Sequence[str],
    each_word: bool = False,
) -> dict[str, tf.Tensor]:
    """Entities of tagged words; an I- that goes on with no entity of its type begins one, as `tagging.entities` has it.

    Args:
        tags: float32[n, words], ids as in `Task.tags`; -1 for a word that was not seen, which is outside.
        scores: float32[n, words], the tags' probabilities.
        begins: int32[n, (words)]: where each begins, in whatever unit.
        ends: int32[n, (words)].
        types: names of the types of entities, or of the tags.
        each_word: whether each word that was seen is one by itself, of the type that is its tag.

    Returns:
        `type` string[n, e], `score` float32[n, e], `begin` and `end` int32[n, e], `count` int32[n].
    """
    rows = begins.value_rowids()
    places = tf.stack([rows, tf.ragged.range(begins.row_lengths()).flat_values], axis=1)
    tag, score = tf.cast(tf.gather_nd(tags, places), tf.int32), tf.gather_nd(scores, places)
    inside, kind = (tag >= 0, tag) if each_word else (tag > 0, (tag - 1) // 2)
    none = tf.constant([-1])
    before_kind = tf.concat([none, tf.where(inside, kind, -1)[:-1]], axis=0)
    before_row = tf.concat([none, tf.cast(rows, tf.int32)[:-1]], axis=0)
    continues = tf.zeros_like(inside) if each_word else tf.equal(tag % 2, 0)
    goes_on = continues & tf.equal(kind, before_kind) & tf.equal(tf.cast(rows, tf.int32), before_row)
    number = tf.boolean_mask(tf.cumsum(tf.cast(inside & ~goes_on, tf.int32)) - 1, inside)
    count = tf.reduce_sum(tf.cast(inside & ~goes_on, tf.int32))

    def of_entity(merge: str, values: tf.Tensor) -> tf.Tensor:
        return getattr(tf.math, f"unsorted_segment_{merge}")(tf.boolean_mask(values, inside), number, count)

    of_row = of_entity("min", rows)
    names = tf.constant(list(types) or [""])
    found = {
        "type": tf.gather(names, of_entity("min", kind)),
        "score": of_entity("mean", score),
        "begin": of_entity("min", begins.flat_values),
        "end": of_entity("max", ends.flat_values),
    }
    counts = tf.math.bincount(tf.cast(of_row, tf.int32), minlength=tf.shape(tags)[0])
    return {
        **{name: tf.RaggedTensor.from_row_lengths(values, counts).to_tensor() for name, values in found.items()},
        "count": counts,
    }

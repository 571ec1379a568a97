"""Of answers the best first, each once."""

from __future__ import annotations

import tensorflow as tf


def distinct(same: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Where answers go so that equals of better ones stand behind all others.

    Args:
        same: bool[n, k, k], which of k answers are equal.

    Returns:
        int32[n, k]: the old places in the new order; bool[n, k], true for an equal of a better one, likewise.
    """
    count = same.shape[1] or tf.shape(same)[1]
    is_earlier = tf.range(count) < tf.range(count)[:, tf.newaxis]
    again = tf.reduce_any(same & is_earlier, axis=2)
    # Of equal values the first one is the first.
    kept, places = tf.math.top_k(1 - tf.cast(again, tf.int32), count)
    return places, tf.equal(kept, 0)

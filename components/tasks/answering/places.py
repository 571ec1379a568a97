"""Where an answer stands: places of characters and of tokens, as TensorFlow's ops find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

_CUT = -1
"""In place of a token's number: the answer is beyond what the model sees, and nothing is learned from the row."""


def codes_of(texts: tf.Tensor) -> tf.RaggedTensor:
    """Code points of texts, int64[n, (characters)]."""
    import tensorflow as tf

    decoded = tf.raw_ops.UnicodeDecode(input=texts, input_encoding="UTF-8")
    return tf.RaggedTensor.from_row_splits(tf.cast(decoded.char_values, tf.int64), decoded.row_splits, validate=False)


def seen(codes: tf.RaggedTensor, offsets: tf.RaggedTensor) -> tf.RaggedTensor:
    """Characters of texts up to the last one that a token has: of a book with no more than an answer can be of."""
    import tensorflow as tf

    lengths = codes.row_lengths()
    kept = tf.clip_by_value(tf.reduce_max(offsets.to_tensor(-1), axis=1), 0, lengths)
    places = tf.ragged.range(lengths).flat_values
    return tf.RaggedTensor.from_row_lengths(
        tf.boolean_mask(codes.flat_values, places < tf.repeat(kept, lengths)), kept, validate=False
    )


def tokens_of(label: tf.Tensor, offsets: tf.RaggedTensor) -> tf.Tensor:
    """The first and the last token of the first answer, int64[n, 2]; 0 twice for none, -1 for one that is not seen."""
    import tensorflow as tf

    first = tf.strings.regex_replace(label, r"(?s)\|.*", "")
    start = tf.strings.regex_replace(first, r"(?s)^(\d{0,9}).*$", r"0\1")
    begin = tf.strings.to_number(start, tf.int64)[:, tf.newaxis]
    answer = tf.strings.regex_replace(first, r"(?s)^\d+:", "")
    end = begin + tf.cast(tf.strings.length(answer, "UTF8_CHAR"), tf.int64)[:, tf.newaxis]
    pairs = offsets.to_tensor(-1)
    begins, ends = pairs[:, 0::2], pairs[:, 1::2]
    inside = tf.cast((begins >= 0) & (ends > begin) & (begins < end), tf.int32)
    length = tf.cast(tf.shape(inside)[1], tf.int64)
    found = tf.stack([tf.argmax(inside, axis=1), length - 1 - tf.argmax(inside[:, ::-1], axis=1)], axis=1)
    # Up to its last character that is more than a space.
    seen = tf.reduce_max(ends, axis=1, keepdims=True) >= end
    none = tf.equal(label, "")[:, tf.newaxis]
    of_answer = tf.where(seen & (tf.reduce_max(inside, axis=1, keepdims=True) > 0), found, tf.constant(_CUT, tf.int64))
    return tf.ensure_shape(tf.where(none, tf.constant(0, tf.int64), of_answer), [None, 2])

"""What the encoder sees of rows that it does not see as they are: each text of a pair, long texts in windows."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from components.settings.model import Model


def split_pairs(
    token_ids: tf.Tensor, padding_mask: tf.Tensor, start: int, padding_id: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Two texts a row to one.

    Args:
        token_ids: int32[batch, length], `[CLS] a [SEP] [CLS] b [SEP]` and padding.
        padding_mask: bool[batch, length], true for a token.
        start: token id of [CLS], which no text can hold.
        padding_id: token id that fills rows up.

    Returns:
        int32[2 * batch, longest], all first texts and then all second ones, and the mask.
    """
    starts = tf.cast(tf.equal(token_ids, start) & padding_mask, tf.int32)
    first = padding_mask & tf.equal(tf.cumsum(starts, axis=1), 1)
    lengths, all_lengths = (tf.reduce_sum(tf.cast(mask, tf.int32), axis=1) for mask in (first, padding_mask))
    places = tf.range(tf.shape(token_ids)[1]) + lengths[:, tf.newaxis]
    second = places < all_lengths[:, tf.newaxis]
    shifted = tf.gather(token_ids, tf.where(second, places, 0), batch_dims=1)
    width = tf.maximum(1, tf.reduce_max(tf.maximum(lengths, all_lengths - lengths)))
    mask = tf.concat([first, second], axis=0)[:, :width]
    return tf.where(mask, tf.concat([token_ids, shifted], axis=0)[:, :width], padding_id), mask


class Windows(NamedTuple):
    """Rows cut into overlapping windows, `m` of them in all."""

    token_ids: tf.Tensor
    """int32[m, width], each [CLS] ... [SEP] and padding."""
    padding_mask: tf.Tensor
    """bool[m, width]."""
    rows: tf.Tensor
    """int32[m]: the row of each, in order."""
    places: tf.Tensor
    """int32[m, width]: where each token stands in its row; -1 for ends and padding."""
    shape: tf.Tensor
    """int32[2]: rows, and their length with padding."""

    def merged_rows(self, logits: tf.Tensor) -> tf.Tensor:
        """float[m, units] -> the mean over each row's windows, float[batch, units]."""
        return tf.math.unsorted_segment_mean(logits, self.rows, self.shape[0])

    def merged_tokens(self, logits: tf.Tensor) -> tf.Tensor:
        """float[m, width, units] -> the mean over the windows that hold a token, float[batch, length, units]."""
        units = logits.shape[-1]
        of_token = self.places >= 0
        numbers = self.rows[:, tf.newaxis] * self.shape[1] + self.places
        kept = tf.boolean_mask(logits, of_token)
        merged = tf.math.unsorted_segment_mean(kept, tf.boolean_mask(numbers, of_token), self.shape[0] * self.shape[1])
        return tf.reshape(merged, [self.shape[0], self.shape[1], units])


def windows(
    token_ids: tf.Tensor,
    padding_mask: tf.Tensor,
    settings: Model,
    separator: int,
    padding_id: int,
    question: tf.Tensor | None = None,
) -> Windows:
    """Long rows to several of at most `max_length` tokens.

    Where rows begin with a question, each window begins with it too, as far as it leaves half of the room. What is left
    of a window shares as great a part of it with the next one as a window without a question: a row has at most about
    twice as many windows as one without, however long its question is.

    Args:
        token_ids: int32[batch, length], [CLS] ... [SEP] and padding.
        padding_mask: bool[batch, length], true for a token.
        settings: `max_length` and `stride`.
        separator: token id of [SEP].
        padding_id: token id that fills windows up.
        question: int32[batch], tokens of the question between [CLS] and its [SEP]; None: there is none.
    """
    if question is not None:
        return _behind_questions(token_ids, padding_mask, settings, separator, padding_id, question)
    room, stride = settings.max_length - 2, settings.stride
    shape = tf.shape(token_ids)
    inner = tf.maximum(0, tf.reduce_sum(tf.cast(padding_mask, tf.int32), axis=1) - 2)
    counts = 1 + tf.maximum(0, inner - room + stride - 1) // stride
    rows = tf.repeat(tf.range(shape[0]), counts)
    begins = tf.ragged.range(counts).flat_values * stride
    lengths = tf.minimum(room, tf.gather(inner, rows) - begins)
    columns = tf.range(tf.minimum(shape[1], settings.max_length))[tf.newaxis]
    places = tf.where(columns > 0, columns + begins[:, tf.newaxis], 0)
    mask = columns < lengths[:, tf.newaxis] + 2
    seen = tf.gather(tf.gather(token_ids, rows), tf.where(mask, places, 0), batch_dims=1)
    seen = tf.where(tf.equal(columns, lengths[:, tf.newaxis] + 1), separator, tf.where(mask, seen, padding_id))
    inside = (columns > 0) & (columns < lengths[:, tf.newaxis] + 1)
    return Windows(seen, mask, rows, tf.where(inside, places, -1), shape)


def _behind_questions(
    token_ids: tf.Tensor,
    padding_mask: tf.Tensor,
    settings: Model,
    separator: int,
    padding_id: int,
    question: tf.Tensor,
) -> Windows:
    """`windows` of rows with a question in front; [CLS] has a place, too."""
    shape, most = tf.shape(token_ids), settings.max_length
    kept = tf.minimum(question, (most - 3) // 2)
    inner = tf.maximum(0, tf.reduce_sum(tf.cast(padding_mask, tf.int32), axis=1) - 3 - question)
    room = most - 3 - kept
    stride = tf.maximum(1, room * settings.stride // (most - 2))
    counts = 1 + tf.maximum(0, inner - room + stride - 1) // stride
    rows = tf.repeat(tf.range(shape[0]), counts)
    of_window = [tf.gather(each, rows)[:, tf.newaxis] for each in (kept, question, inner, room, stride)]
    kept, question, inner, room, stride = of_window
    begins = tf.ragged.range(counts).flat_values[:, tf.newaxis] * stride
    lengths = tf.minimum(room, inner - begins)
    columns = tf.range(tf.minimum(shape[1], most))[tf.newaxis]
    behind = columns - kept - 2
    inside = (behind >= 0) & (behind < lengths)
    ends = tf.equal(behind, -1) | tf.equal(behind, lengths)
    places = tf.where(inside, behind + question + 2 + begins, tf.where(columns <= kept, columns, 0))
    mask = behind <= lengths
    seen = tf.gather(tf.gather(token_ids, rows), places, batch_dims=1)
    seen = tf.where(ends, separator, tf.where(mask, seen, padding_id))
    return Windows(seen, mask, rows, tf.where(inside | tf.equal(columns, 0), places, -1), shape)

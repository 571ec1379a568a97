"""How rows are shown to the encoder: pairs apart, long texts in windows, all by hand."""

import numpy as np
import tensorflow as tf

from components.model.windows import split_pairs, windows
from components.settings.model import Model

CLS, SEP, PAD = 1, 2, 0


def test_two_texts_are_taken_apart_without_the_padding_of_the_other() -> None:
    pad = 4
    ids = tf.constant([[CLS, 7, SEP, CLS, 8, 9, SEP], [CLS, SEP, CLS, 5, SEP, pad, pad]])
    mask = tf.not_equal(ids, pad)
    both, seen = split_pairs(ids, mask, CLS, pad)
    assert both.numpy().tolist() == [[CLS, 7, SEP, pad], [CLS, SEP, pad, pad], [CLS, 8, 9, SEP], [CLS, 5, SEP, pad]]
    assert seen.numpy().tolist() == (both.numpy() != pad).tolist()


def test_a_long_row_is_seen_in_overlapping_windows() -> None:
    # Six tokens; windows of four between their ends, one shared with the next.
    ids = tf.constant([[CLS, 11, 12, 13, 14, 15, 16, SEP], [CLS, 21, SEP, 0, 0, 0, 0, 0]])
    seen = windows(
        ids, tf.not_equal(ids, 0), Model(base="b", max_length=6, long_texts="window", window_overlap=1), SEP, PAD
    )
    assert seen.token_ids.numpy().tolist() == [
        [CLS, 11, 12, 13, 14, SEP],
        [CLS, 14, 15, 16, SEP, 0],
        [CLS, 21, SEP, 0, 0, 0],
    ]
    assert seen.padding_mask.numpy().tolist() == (seen.token_ids.numpy() > 0).tolist()
    assert seen.rows.numpy().tolist() == [0, 0, 1]
    assert seen.places.numpy().tolist() == [[-1, 1, 2, 3, 4, -1], [-1, 4, 5, 6, -1, -1], [-1, 1, -1, -1, -1, -1]]


def test_logits_of_windows_are_averaged_by_row_and_by_token() -> None:
    ids = tf.constant([[CLS, 11, 12, 13, 14, 15, 16, SEP], [CLS, 21, SEP, 0, 0, 0, 0, 0]])
    seen = windows(
        ids, tf.not_equal(ids, 0), Model(base="b", max_length=6, long_texts="window", window_overlap=1), SEP, PAD
    )
    assert seen.merged_rows(tf.constant([[1.0], [3.0], [5.0]])).numpy().tolist() == [[2.0], [5.0]]
    of_tokens = tf.reshape(tf.range(18, dtype=tf.float32), [3, 6, 1])
    merged = seen.merged_tokens(of_tokens).numpy()[:, :, 0]
    # Token 4 of row 0 is in two windows, as number 4 and as number 7.
    assert merged[0].tolist() == [0, 1, 2, 3, 5.5, 8, 9, 0]
    assert merged[1].tolist() == [0, 13, 0, 0, 0, 0, 0, 0]


def test_rows_that_fit_are_seen_as_they_are() -> None:
    ids = tf.constant([[CLS, 3, 4, SEP], [CLS, 5, SEP, 0]])
    seen = windows(ids, tf.not_equal(ids, 0), Model(base="b", max_length=6, long_texts="window"), SEP, PAD)
    np.testing.assert_array_equal(seen.token_ids, ids)


def test_every_token_is_in_some_window() -> None:
    draws = np.random.default_rng(0)
    settings = Model(base="b", max_length=9, long_texts="window", window_overlap=3)
    for length in range(2, 40):
        ids = np.concatenate([[CLS], draws.integers(3, 99, length - 2), [SEP]])[np.newaxis]
        seen = windows(tf.constant(ids), tf.ones_like(ids, tf.bool), settings, SEP, PAD)
        places = seen.places.numpy()
        assert set(places[places >= 0]) == set(range(1, length - 1))
        inner = seen.token_ids.numpy()[places >= 0]
        np.testing.assert_array_equal(inner, ids[0][places[places >= 0]])


def test_each_window_of_a_context_begins_with_the_question() -> None:
    # A question of two tokens, of five; contexts of four; windows of eight.
    ids = tf.constant([[CLS, 7, 8, SEP, 11, 12, 13, 14, SEP, 0, 0], [CLS, 3, 4, 5, 6, 7, SEP, 21, 22, 23, SEP]])
    settings = Model(base="b", max_length=8, long_texts="window", window_overlap=1)
    seen = windows(ids, tf.not_equal(ids, 0), settings, SEP, PAD, tf.constant([2, 5]))
    assert seen.token_ids.numpy().tolist() == [
        [CLS, 7, 8, SEP, 11, 12, 13, SEP],
        [CLS, 7, 8, SEP, 13, 14, SEP, 0],
        # Of the question two tokens leave half of the room.
        [CLS, 3, 4, SEP, 21, 22, 23, SEP],
    ]
    assert seen.padding_mask.numpy().tolist() == (seen.token_ids.numpy() > 0).tolist()
    assert seen.rows.numpy().tolist() == [0, 0, 1]
    assert seen.places.numpy().tolist() == [
        [0, -1, -1, -1, 4, 5, 6, -1],
        [0, -1, -1, -1, 6, 7, -1, -1],
        [0, -1, -1, -1, 7, 8, 9, -1],
    ]
    logits = tf.reshape(tf.range(24.0), [3, 8, 1])
    merged = seen.merged_tokens(logits)[:, :, 0].numpy().tolist()
    # [CLS] is the mean of both windows, as is what both have.
    assert merged[0] == [4.0, 0.0, 0.0, 0.0, 4.0, 5.0, 9.0, 13.0, 0.0, 0.0, 0.0]
    assert merged[1] == [16.0, *[0.0] * 6, 20.0, 21.0, 22.0, 0.0]


def test_every_token_of_a_context_is_in_some_window_in_its_order() -> None:
    draws = np.random.default_rng(0)
    for _ in range(40):
        rows, most = int(draws.integers(1, 4)), int(draws.integers(8, 14))
        sizes = draws.integers(1, 30, (rows, 2))
        width = int(sizes.sum(axis=1).max()) + 3
        ids = np.zeros((rows, width), np.int32)
        for row, (asked, told) in enumerate(sizes):
            ids[row, : asked + told + 3] = [CLS, *[3] * asked, SEP, *range(10, 10 + told), SEP]
        settings = Model(base="b", max_length=most, long_texts="window", window_overlap=int(draws.integers(0, 3)))
        question = tf.constant(sizes[:, 0], tf.int32)
        seen = windows(tf.constant(ids), tf.constant(ids > 0), settings, SEP, PAD, question)
        cut, places = seen.token_ids.numpy(), seen.places.numpy()
        assert cut.shape[1] <= most
        for row, (asked, told) in enumerate(sizes):
            mine = seen.rows.numpy() == row
            assert set(places[mine][places[mine] > 0]) == set(range(asked + 2, asked + 2 + told))
            assert ((cut[mine] == SEP).sum(axis=1) == 2).all()
            for window, at in zip(cut[mine], places[mine], strict=True):
                assert window[at > 0].tolist() == ids[row, at[at > 0]].tolist()


def test_a_long_question_does_not_make_many_more_windows() -> None:
    # A window has room for 13 of the context's tokens behind it, fewer than the 20 that windows share.
    ids = tf.constant([[CLS, *[3] * 40, SEP, *range(10, 110), SEP]])
    settings = Model(base="b", max_length=30, long_texts="window", window_overlap=20)
    seen, alone = (windows(ids, ids > 0, settings, SEP, PAD, question) for question in (tf.constant([40]), None))
    assert len(alone.rows) < len(seen.rows) <= 2 * len(alone.rows)

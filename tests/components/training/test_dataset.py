from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.common import feature_names
from components.tasks.classification import Classification
from components.tasks.generation.task import Generation
from components.tasks.tagging import IGNORED, Tagging
from components.training.dataset import Batch, Rows

TASK = Classification(("bad", "good", "ugly"))

SPEC: dict[str, object] = {feature_names.TARGET: tf.io.FixedLenFeature([1], tf.int64)}

Content = Sequence[tuple[Sequence[int], int]]

Store = Callable[[Content], Rows]


def write_examples(path: Path, rows: Iterable[tuple[Sequence[int], Sequence[int]]]) -> None:
    """Token ids and targets, as the transform step leaves them."""
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for ids, targets in rows:
            example = tf.train.Example()
            example.features.feature[feature_names.TOKEN_IDS].int64_list.value.extend(ids)
            example.features.feature[feature_names.TARGET].int64_list.value.extend(targets)
            writer.write(example.SerializeToString())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    def write(rows: Content) -> Rows:
        write_examples(tmp_path / "rows.gz", ((ids, [label]) for ids, label in rows))
        return Rows.of_examples([str(tmp_path / "*.gz")], SPEC, TASK, tmp_path / "ids")

    return write


@pytest.fixture
def thousand(store: Store) -> Rows:
    """Rows of 3 to 60 tokens; the second token tells the row."""
    lengths = np.random.default_rng(0).integers(3, 61, 1000)
    return store([([2, row, *[7] * (length - 3), 3], row % 3) for row, length in enumerate(lengths)])


def plain(batches: list[Batch]) -> list[list[int]]:
    return [batch.rows.tolist() for batch in batches]


def test_a_batch_is_padded_to_its_longest_row(store: Store) -> None:
    batch = store([([2, 9, 3], 1), ([2, 8, 7, 6, 3], 0), ([2, 3], 2)]).batch(np.array([2, 0]))
    assert batch.rows.tolist() == [2, 0]
    assert batch.inputs.tolist() == [[2, 3, 0], [2, 9, 3]]
    assert batch.padding_mask.tolist() == [[True, True, False], [True, True, True]]
    assert batch.targets.tolist() == [2, 1]
    assert [str(values.dtype) for values in batch] == ["int64", "int32", "bool", "int32"]


def test_a_batch_is_filled_up_with_the_padding_id(store: Store, tmp_path: Path) -> None:
    store([([2, 0, 3], 1), ([2, 3], 0)])
    rows = Rows.of_examples([str(tmp_path / "*.gz")], SPEC, TASK, tmp_path / "others", padding_id=4)
    batch = rows.batch(np.array([0, 1]))
    assert batch.inputs.tolist() == [[2, 0, 3], [2, 3, 4]]
    assert batch.padding_mask.tolist() == [[True, True, True], [True, True, False]]


def test_the_rows_keep_the_order_of_the_files(thousand: Rows) -> None:
    assert len(thousand) == 1000
    assert thousand.targets.tolist() == [row % 3 for row in range(1000)]
    assert thousand.batch(np.arange(1000)).inputs[:, 1].tolist() == list(range(1000))


def test_an_epoch_holds_every_row_once(thousand: Rows) -> None:
    batches = list(thousand.epoch(32, 1, 0))
    assert sorted(row for batch in batches for row in batch.rows) == list(range(1000))
    assert sorted(len(batch.rows) for batch in batches) == [8, *[32] * 31]
    assert all(batch.inputs[:, 1].tolist() == batch.rows.tolist() for batch in batches)


def test_equal_seed_and_epoch_give_equal_batches_and_others_do_not(thousand: Rows) -> None:
    first, again, next_epoch, other_seed = (
        plain(list(thousand.epoch(32, seed, epoch))) for seed, epoch in [(1, 0), (1, 0), (1, 1), (2, 0)]
    )
    assert first == again
    assert sorted(map(sorted, first)) != sorted(map(sorted, next_epoch))
    assert sorted(map(sorted, first)) != sorted(map(sorted, other_seed))


def test_rows_of_a_batch_are_of_similar_length_and_the_batches_are_not_in_the_order_of_length(
    thousand: Rows,
) -> None:
    batches = list(thousand.epoch(32, 1, 0))
    spreads = [int(np.ptp(thousand.lengths[batch.rows])) for batch in batches]
    assert max(spreads) <= 5
    longest = [batch.inputs.shape[1] for batch in batches]
    assert longest not in (sorted(longest), sorted(longest, reverse=True))


def test_without_gradients_a_batch_is_a_budget_of_tokens_and_the_longest_come_first(thousand: Rows) -> None:
    batches = list(thousand.by_length())
    assert sorted(row for batch in batches for row in batch.rows) == list(range(1000))
    assert all(batch.inputs.size <= 8192 for batch in batches)
    assert all(batch.inputs.size > 8192 - 60 for batch in batches[:-1])
    lengths = [int(n) for batch in batches for n in thousand.lengths[batch.rows]]
    assert lengths == sorted(lengths, reverse=True)


def test_a_row_above_the_budget_is_a_batch_of_its_own(store: Store) -> None:
    rows = store([([2, 3], 0), ([2, 5, 5, 5, 5, 3], 0), ([2, 3], 0), ([2, 5, 5, 3], 0)])
    rows.inference_tokens = 4
    assert plain(list(rows.by_length())) == [[1], [3], [0, 2]]


def test_what_is_written_counts_twice_where_rows_are_put_together(tmp_path: Path) -> None:
    lengths = [(3, 1), (4, 3), (5, 1), (3, 4)]
    written = (([7] * source, [8] * target + [IGNORED] * (4 - target)) for source, target in lengths)
    write_examples(tmp_path / "rows.gz", written)
    spec: dict[str, object] = {feature_names.TARGET: tf.io.FixedLenFeature([4], tf.int64)}
    rows = Rows.of_examples([str(tmp_path / "*.gz")], spec, Generation(), tmp_path / "ids")
    rows.inference_tokens = 14
    # 5, 10, 7 and 11 tokens with the targets and their [MASK].
    assert plain(list(rows.by_length())) == [[3], [1], [2, 0]]
    assert sorted(map(sorted, plain(list(rows.epoch(2, 1, 0))))) == [[0, 2], [1, 3]]


def test_a_split_without_rows_has_no_batches(store: Store) -> None:
    rows = store([])
    assert len(rows) == 0
    assert list(rows.epoch(8, 1, 0)) == []
    assert list(rows.by_length()) == []


def test_states_stand_in_the_place_of_the_tokens_they_were_made_from(store: Store, tmp_path: Path) -> None:
    tokens = store([([2, 9, 3], 1), ([2, 8, 7, 6, 3], 0), ([2, 3], 2), ([2, 5, 4, 3], 1)])
    tokens.inference_tokens = 6
    batches: list[list[int]] = []

    def states(batch: Batch) -> np.ndarray:
        batches.append(batch.rows.tolist())
        return np.stack([batch.inputs, 10 * batch.inputs], axis=-1).astype(np.float32)

    rows = tokens.mapped(states, tmp_path / "states", hidden=2, pooled=False)
    assert batches == [[1], [3], [0, 2]]
    assert (tmp_path / "states").stat().st_size == tokens.states_bytes(2, pooled=False) == 4 * 2 * (3 + 5 + 2 + 4)
    batch = rows.batch(np.array([2, 0, 3]))
    assert (batch.inputs.shape, str(batch.inputs.dtype)) == ((3, 4, 2), "float32")
    assert batch.inputs[:, :, 0].tolist() == [[2, 3, 0, 0], [2, 9, 3, 0], [2, 5, 4, 3]]
    assert batch.inputs[:, :, 1].tolist() == [[20, 30, 0, 0], [20, 90, 30, 0], [20, 50, 40, 30]]
    np.testing.assert_array_equal(batch.padding_mask, batch.inputs[:, :, 0] != 0)
    assert batch.targets.tolist() == [2, 1, 1]
    assert rows.batch(np.array([1])).inputs[0, :, 0].tolist() == [2, 8, 7, 6, 3]


def test_a_pooled_row_is_one_state_whatever_its_length(store: Store, tmp_path: Path) -> None:
    tokens = store([([2, 9, 3], 1), ([2, 8, 7, 6, 3], 0), ([2, 3], 2)])

    def states(batch: Batch) -> np.ndarray:
        return batch.inputs.sum(axis=1).astype(np.float32)[:, np.newaxis, np.newaxis]

    rows = tokens.mapped(states, tmp_path / "states", hidden=1, pooled=True)
    assert (tmp_path / "states").stat().st_size == tokens.states_bytes(1, pooled=True) == 4 * 3
    batch = rows.batch(np.arange(3))
    assert batch.inputs.tolist() == [[[14.0]], [[26.0]], [[5.0]]]
    assert batch.padding_mask.tolist() == [[True], [True], [True]]
    assert (batch.targets.tolist(), len(rows)) == ([1, 0, 2], 3)


def test_of_the_rows_only_places_and_labels_are_in_memory(thousand: Rows, tmp_path: Path) -> None:
    assert (tmp_path / "ids").stat().st_size == 4 * thousand.lengths.sum()
    held = [
        value for value in vars(thousand).values() if not isinstance(value, int | None) and not hasattr(value, "fileno")
    ]
    assert all(isinstance(value, np.ndarray) for value in held)
    # One of them may have two names.
    assert sum(value.nbytes for value in {id(value): value for value in held}.values()) == 16 * 1000 + 8


def test_there_is_no_split_without_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no file matches"):
        Rows.of_examples([str(tmp_path / "*.gz")], SPEC, TASK, tmp_path / "ids")


def tagged(folder: Path, rows: Sequence[tuple[list[int], list[int]]]) -> Rows:
    """Rows of the word that each token begins, or -1, and the tag of each word."""
    with tf.io.TFRecordWriter(str(folder / "rows.gz"), "GZIP") as writer:
        for words, tags in rows:
            example = tf.train.Example()
            for name, values in {"token_ids": words, "word_ids": words, "label_target": tags}.items():
                example.features.feature[name].int64_list.value.extend(values)
            writer.write(example.SerializeToString())
    spec: dict[str, object] = {feature_names.TARGET: tf.io.VarLenFeature(tf.int64)}
    return Rows.of_examples([str(folder / "*.gz")], spec, Tagging(("X", "Y")), folder / "ids")


def test_tags_of_words_beyond_the_last_token_count_where_all_targets_do(tmp_path: Path) -> None:
    """Words a b c of which c was cut, and of the second row all were seen."""
    found = tagged(tmp_path, [([-1, 0, -1, 1, -1], [1, 0, 3]), ([-1, 0, -1], [2])])
    assert found.words_cut == 1
    assert found.all_targets().tolist() == [[-1, 1, -1, 0, -1, 3], [-1, 2, -1, -1, -1, -1]]
    assert found.batch(np.array([0])).targets.tolist() == [[-1, 1, -1, 0, -1]]


def test_no_word_is_cut_where_every_word_begins_a_token(tmp_path: Path) -> None:
    found = tagged(tmp_path, [([-1, 0, 1, -1], [3, 0]), ([-1, 0, -1], [2])])
    assert found.words_cut == 0
    assert found.all_targets().tolist() == [[-1, 3, 0, -1], [-1, 2, -1, -1]]


def test_of_rows_with_one_label_no_word_is_cut(store: Store) -> None:
    assert store([([2, 9, 3], 1)]).words_cut == 0


def test_a_sentence_of_which_no_word_is_seen_is_cut_whole(tmp_path: Path) -> None:
    found = tagged(tmp_path, [([-1, -1], [1, 2]), ([-1, 0, -1], [2])])
    assert found.words_cut == 2
    assert found.all_targets().tolist() == [[-1, -1, 1, 2], [-1, 2, -1, -1]]


def test_an_epoch_can_begin_at_a_later_batch(thousand: Rows) -> None:
    whole = plain(list(thousand.epoch(32, 1, 0)))
    assert plain(list(thousand.epoch(32, 1, 0, first=30))) == whole[30:]


def test_rows_are_equal_by_hash_if_their_tokens_and_targets_are(store: Store) -> None:
    first = store([([2, 9, 3], 1)]).sha256()
    assert store([([2, 9, 3], 1)]).sha256() == first
    assert store([([2, 8, 3], 1)]).sha256() != first
    assert store([([2, 9, 3], 0)]).sha256() != first

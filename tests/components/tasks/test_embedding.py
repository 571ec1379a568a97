"""A vector a text: the loss, retrieval and outputs by hand."""

import numpy as np
import pytest

from components.settings.model import Model
from components.tasks.embedding import Embedding


def test_an_embedding_is_not_scaled_by_trains_labels() -> None:
    assert Embedding().fitted(Model(base="b"), np.array([0.25, 0.75])) == Embedding()


def test_retrieval_ranks_each_match_among_the_second_texts_of_all_rows() -> None:
    x, y, z = np.eye(3, dtype=np.float32)
    between = (x + z) / np.sqrt(2)
    # The query of row 0 is nearest to its own text; that of row 1 (x) to row 0's before its own (between).
    predictions = np.stack([np.concatenate(pair) for pair in ((x, x), (x, between), (y, z))])
    found = Embedding().compute_metrics(np.array([1.0, 0.9, 0.0]), predictions)
    assert found["mrr_at_10"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["spearman"] == pytest.approx(1.0)


def test_the_last_rank_that_counts_is_the_tenth() -> None:
    # Two numbers a vector; the query of row 0 is at an angle to its own text, and `nearer` others are between them.
    def reciprocal(nearer: int) -> float:
        angles = np.array([0.5, *np.linspace(0.1, 0.4, nearer), 1.0])
        second = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        first = np.tile([1.0, 0.0], (len(angles), 1))
        scores = np.array([1.0, *[0.0] * (len(angles) - 1)])
        return Embedding().compute_metrics(scores, np.concatenate([first, second], axis=1))["mrr_at_10"]

    assert reciprocal(9) == pytest.approx(1 / 10)
    assert reciprocal(10) == 0.0


def test_a_match_has_a_score_above_the_fifth_fifth_of_the_range() -> None:
    x, y = np.eye(2, dtype=np.float32)
    predictions = np.stack([np.concatenate(pair) for pair in ((x, x), (y, x))])
    # 4 of 0 to 5 is no match, 4.5 is one: the first query ranks in the middle of two equal texts.
    task = Embedding(range=(0.0, 5.0))
    assert task.compute_metrics(np.array([4.0, 1.0]), predictions)["mrr_at_10"] == 0.0
    assert task.compute_metrics(np.array([4.5, 1.0]), predictions)["mrr_at_10"] == pytest.approx(1 / 1.5)


def test_each_of_many_queries_finds_itself_whatever_part_it_is_in() -> None:
    vectors = np.random.default_rng(0).normal(size=(1500, 16))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = Embedding().compute_metrics(np.ones(1500), np.concatenate([units, units], axis=1))
    assert found["mrr_at_10"] == 1.0


def test_vectors_are_those_of_the_first_text_and_one_field() -> None:
    import tensorflow as tf

    task = Embedding()
    assert task.outputs(tf.constant([[1.0, 0.0, 0.6, 0.8]]))["vector"].numpy().tolist() == [[1.0, 0.0]]
    assert task.to_json({"vector": np.array([1.0, 0.5])}) == {"vector": [1.0, 0.5]}
    assert (task.output_columns, task.to_row({"vector": [1.0, 0.5]})) == (["vector"], ["1.000000 0.500000"])


def test_texts_that_all_have_one_vector_find_nothing() -> None:
    found = Embedding().compute_metrics(np.ones(50), np.tile(np.array([0.6, 0.8, 0.6, 0.8], np.float32), (50, 1)))
    # In the middle of 50 equal ones.
    assert found == {"spearman": 0.0, "mrr_at_10": 0.0}


def test_the_cosine_learns_the_score_as_a_share_of_its_range() -> None:
    import tensorflow as tf

    pair = tf.constant([[1.0, 0.0, 0.6, 0.8]])
    assert Embedding(range=(0.0, 5.0)).loss(pair, tf.constant([5.0]), 0.0).numpy() == pytest.approx([0.16])

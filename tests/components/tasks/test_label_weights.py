"""What rare labels weigh, and how a loss is weighed."""

import math

import numpy as np
import pytest

from components.tasks.classification import Classification
from components.tasks.multilabel import Multilabel
from components.tasks.tagging import IGNORED, Tagging

TAGGER = Tagging(("LOC",))
"""Tags O, B-LOC, I-LOC."""


def test_balanced_weights_of_labels_are_the_root_of_rows_without_to_rows_with_them() -> None:
    # Of 10 rows 1, 2, all and none have it.
    targets = np.array([[row == 0, row < 2, True, False] for row in range(10)], np.float32)
    weights = Multilabel(("a", "b", "c", "d")).balanced_weights(targets)
    assert weights.dtype == np.float32
    assert weights.tolist() == pytest.approx([3, 2, 1, 1])


def test_balanced_weights_of_tags_count_the_words_that_the_model_sees() -> None:
    targets = np.array([0, IGNORED, 0, 0, 1, IGNORED], np.int32)
    assert TAGGER.balanced_weights(targets).tolist() == pytest.approx([4 / 9, 4 / 3, 1])


def test_of_several_labels_a_row_the_part_of_a_label_that_a_row_has_counts_by_its_weight() -> None:
    logits, targets = np.zeros((1, 2), np.float32), np.array([[1, 0]], np.float32)
    loss = Multilabel(("a", "b")).weighted_loss(logits, targets, 0.0, np.array([3, 5], np.float32))
    assert loss.numpy().tolist() == pytest.approx([(3 + 1) / 2 * math.log(2)], rel=1e-6)


def test_of_tags_each_word_counts_by_its_tags_weight_and_the_mean_is_still_over_the_words() -> None:
    logits, targets = np.zeros((2, 2, 3), np.float32), np.array([[0, 1], [2, IGNORED]], np.int32)
    loss = TAGGER.weighted_loss(logits, targets, 0.0, np.array([0.5, 2, 4], np.float32))
    # Three words in two rows, whose mean is that over the words.
    assert loss.numpy().tolist() == pytest.approx([2.5 * 2 / 3 * math.log(3), 4 * 2 / 3 * math.log(3)], rel=1e-6)


@pytest.mark.parametrize("task", [Classification(("a", "b")), Multilabel(("a", "b")), TAGGER])
def test_weights_of_1_change_nothing(task: Classification | Multilabel | Tagging) -> None:
    draws = np.random.default_rng(0)
    logits = draws.normal(size=(4, 3, 3) if task.per_token else (4, 2)).astype(np.float32)
    targets = {
        "classification": np.array([0, 1, 1, 0]),
        "multilabel": draws.integers(0, 2, (4, 2)).astype(np.float32),
        "tagging": draws.integers(-1, 3, (4, 3)),
    }[task.name]
    ones = np.ones(len(task.weight_names), np.float32)
    weighted = task.weighted_loss(logits, targets, 0.1, ones).numpy()
    np.testing.assert_allclose(weighted, task.loss(logits, targets, 0.1).numpy(), rtol=1e-6)


def test_names_that_weights_are_for_are_labels_and_of_entities_the_tags() -> None:
    assert list(Multilabel(("a", "b")).weight_names) == ["a", "b"]
    assert list(TAGGER.weight_names) == ["O", "B-LOC", "I-LOC"]

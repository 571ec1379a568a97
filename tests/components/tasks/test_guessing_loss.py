import math

import numpy as np
import pytest

from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.multilabel import Multilabel
from components.tasks.regression import Regression
from components.tasks.tagging import Tagging


def test_of_classes_it_is_the_entropy_of_their_shares() -> None:
    task, train = Classification(("a", "b")), np.array([0, 0, 0, 1])
    assert task.guessing_loss(train, train) == pytest.approx(-(3 * math.log(3 / 4) + math.log(1 / 4)) / 4)
    assert task.guessing_loss(np.array([0, 1]), np.array([1])) == pytest.approx(math.log(2))


def test_a_class_that_train_lacks_has_a_share_all_the_same() -> None:
    assert Classification(("a", "b")).guessing_loss(np.array([0, 0]), np.array([1])) == pytest.approx(math.log(5))


def test_of_several_labels_it_is_the_mean_over_them() -> None:
    train = np.array([[1, 0], [1, 1], [0, 0], [0, 0]], np.float32)
    # Label 1 has half of the rows, label 2 a quarter.
    assert Multilabel(("a", "b")).guessing_loss(train, np.array([[1, 0]])) == pytest.approx(
        -(math.log(1 / 2) + math.log(3 / 4)) / 2
    )


def test_of_numbers_it_is_the_squared_distance_from_their_mean() -> None:
    train = np.array([1.0, 3.0])
    task = Regression(mean=2.0, deviation=1.0)
    assert task.guessing_loss(train, train) == pytest.approx(1)
    assert task.guessing_loss(train, np.array([5.0])) == pytest.approx(9)


def test_of_vectors_and_of_tags_it_is_not_known() -> None:
    some = np.array([0.0, 1.0])
    assert Embedding().guessing_loss(some, some) is None
    assert Tagging(("O", "B-X")).guessing_loss(some, some) is None

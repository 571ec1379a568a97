import numpy as np
import pytest

from components.explanation.contrast import contrast
from components.explanation.neighbours import nearest
from tests.exported_models import TASKS


def test_a_wrong_class_is_explained_beside_the_row_s_and_a_right_one_beside_the_next() -> None:
    task, predictions = TASKS["classification"], np.array([0.1, 0.6, 0.3])
    assert contrast(task, predictions, np.array(0)).tolist() == [-1, 1, 0]  # type: ignore[union-attr]
    assert contrast(task, predictions, np.array(1)).tolist() == [0, 1, -1]  # type: ignore[union-attr]


def test_of_several_labels_those_are_explained_that_are_wrong() -> None:
    found = contrast(TASKS["multilabel"], np.array([0.9, 0.2, 0.7]), np.array([1.0, 1.0, 0.0]))
    assert found.tolist() == [0, -1, 1]  # type: ignore[union-attr]


def test_of_tags_the_word_is_explained_whose_true_tag_surprises_most() -> None:
    predictions = np.array([[0.9, 0.05, 0.05], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    found = contrast(TASKS["word_tags"], predictions, np.array([0, 1, 2, 0]))
    assert found.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, -1]]  # type: ignore[union-attr]
    assert contrast(TASKS["word_tags"], predictions, np.array([0, 0, 1])) is None


def test_a_number_is_explained_in_the_label_s_unit_and_a_vector_is_not() -> None:
    assert contrast(TASKS["regression"], np.array([1.0]), np.array(0.0)).tolist() == [7.0]  # type: ignore[union-attr]
    assert contrast(TASKS["embedding"], np.ones(4), np.array(0.0)) is None


def test_the_nearest_rows_come_first_and_of_equal_ones_the_first() -> None:
    vectors = np.array([[0, 1], [1, 0], [0.6, 0.8], [1, 0]], np.float32)
    ((first, second, third),) = nearest(np.array([[1, 0]], np.float32), vectors, 3)
    assert [first[0], second[0], third[0]] == [1, 3, 2]
    assert third[1] == pytest.approx(0.6)
    assert [len(found) for found in nearest(vectors, vectors, 9)] == [4] * 4

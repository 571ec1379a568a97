"""Confident learning on tables that can be read."""

import numpy as np

from components.label_errors import suspects

ALL = np.ones(6, bool)


def test_a_row_that_is_surely_of_another_class_is_suspected() -> None:
    targets = np.array([0, 0, 0, 1, 1, 1])
    sure = np.array([0.9, 0.9, 0.1, 0.1, 0.1, 0.1])
    found = suspects.of_classes(targets, np.stack([sure, 1 - sure], axis=1), ALL)
    assert found.places.tolist() == [2]
    assert found.quality.tolist() == [0.1]


def test_a_row_of_the_other_class_that_is_less_sure_than_its_rows_are_is_not() -> None:
    targets = np.array([0, 0, 0, 1, 1, 1])
    sure = np.array([0.9, 0.9, 0.45, 0.1, 0.1, 0.1])
    assert suspects.of_classes(targets, np.stack([sure, 1 - sure], axis=1), ALL).places.size == 0


def test_the_least_probable_label_comes_first() -> None:
    targets = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    sure = np.array([0.9, 0.9, 0.2, 0.05, 0.1, 0.1, 0.1, 0.99])
    found = suspects.of_classes(targets, np.stack([sure, 1 - sure], axis=1), np.ones(8, bool))
    assert found.places.tolist() == [7, 3, 2]


def test_what_was_not_judged_is_not_suspected() -> None:
    targets = np.array([0, 0, 0, 1, 1, 1])
    sure = np.array([0.9, 0.9, 0.1, 0.1, 0.1, 0.1])
    judged = np.array([True, True, False, True, True, True])
    assert suspects.of_classes(targets, np.stack([sure, 1 - sure], axis=1), judged).places.size == 0


def test_one_class_alone_has_no_suspects() -> None:
    predicted = np.array([[0.1, 0.9], [0.9, 0.1]])
    assert suspects.of_classes(np.array([0, 0]), predicted, np.ones(2, bool)).places.size == 0


def test_numbers_are_suspected_by_three_usual_deviations() -> None:
    predicted = np.zeros(7)
    targets = np.array([0.0, 1.0, -1.0, 1.0, -1.0, 4.0, -9.0])
    # The median of the residuals is 0, their usual deviation 1.4826.
    found = suspects.of_numbers(targets, predicted)
    assert found.places.tolist() == [6]
    assert found.quality.tolist() == [9.0]

"""Heads judge rows that they have not seen."""

import numpy as np
import pytest

from components.common.errors import InputError
from components.label_errors import held_out, suspects

ROWS = 120


def clouds(flipped: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """States of three classes far apart, float32[n, 6], and classes, of which these are another's."""
    draws = np.random.default_rng(0)
    targets = np.arange(ROWS) % 3
    states = np.eye(6)[targets] + draws.normal(0, 0.15, (ROWS, 6))
    for place in flipped:
        targets[place] = (targets[place] + 1) % 3
    return states.astype(np.float32), targets


def test_equal_texts_are_in_one_fold_and_classes_in_all() -> None:
    targets = np.arange(ROWS) % 3
    groups = np.arange(ROWS) // 6
    fold = held_out.folds(targets, groups, seed=1)
    assert all(len(set(fold[groups == group])) == 1 for group in set(groups))
    assert set(fold) == set(range(held_out.FOLDS))
    assert all(set(targets[fold == number]) == {0, 1, 2} for number in range(held_out.FOLDS))


def test_folds_follow_from_the_seed() -> None:
    strata, groups = np.zeros(ROWS, np.int64), np.arange(ROWS)
    assert np.array_equal(held_out.folds(strata, groups, 1), held_out.folds(strata, groups, 1))
    assert not np.array_equal(held_out.folds(strata, groups, 1), held_out.folds(strata, groups, 2))


def test_fewer_texts_than_folds_are_refused() -> None:
    with pytest.raises(InputError, match=r"train has 2 different texts, at least 5 are needed"):
        held_out.folds(np.zeros(40, np.int64), np.arange(40) % 2, 1)


def test_flipped_labels_are_found_and_no_others() -> None:
    flipped = (7, 31, 64, 100)
    states, targets = clouds(flipped)
    fold = held_out.folds(targets, np.arange(ROWS), 1)
    found = held_out.of_classes(states, targets, 3, fold, 1)
    assert found.judged.all()
    assert np.allclose(found.values.sum(axis=1), 1)
    suspected = suspects.of_classes(targets, found.values, found.judged)
    assert set(suspected.places) == set(flipped)
    assert (np.diff(suspected.quality) >= 0).all()


def test_a_head_has_not_seen_the_row_that_it_judges() -> None:
    # Each row has a direction of its own: who has seen it knows it, nobody else can.
    states = np.eye(40, dtype=np.float32)
    targets = np.random.default_rng(0).integers(0, 2, 40)
    fold = held_out.folds(targets, np.arange(40), 1)
    found = held_out.of_classes(states, targets, 2, fold, 1).values
    own = found[np.arange(40), targets]
    assert own.mean() < 0.55


def test_a_label_that_no_other_row_has_is_not_judged() -> None:
    states, targets = clouds()
    targets[5] = 3
    fold = held_out.folds(targets, np.arange(ROWS), 1)
    found = held_out.of_classes(states, targets, 4, fold, 1)
    assert list(np.flatnonzero(~found.judged)) == [5]
    assert 5 not in suspects.of_classes(targets, found.values, found.judged).places


def test_wrong_decisions_of_several_labels_are_found() -> None:
    draws = np.random.default_rng(0)
    targets = draws.integers(0, 2, (200, 2))
    ideal = np.concatenate([targets, 1 - targets], axis=1)
    states = (ideal + draws.normal(0, 0.15, (200, 4))).astype(np.float32)
    # As surely of their classes as can be: confident learning wants them surer than the average row.
    states[[3, 90]] = 1.5 * ideal[[3, 90]] - 0.5
    targets[3, 1] = 1 - targets[3, 1]
    targets[90, 0] = 1 - targets[90, 0]
    fold = held_out.folds(targets[:, 0], np.arange(200), 1)
    found = held_out.of_labels(states, targets, fold, 1)
    assert found.values.shape == found.judged.shape == (200, 2)
    assert set(suspects.of_labels(targets, found.values, found.judged).places) == {3 * 2 + 1, 90 * 2 + 0}


def test_a_number_that_is_far_off_is_found() -> None:
    draws = np.random.default_rng(0)
    states = draws.normal(0, 1, (200, 4)).astype(np.float32)
    targets = states[:, 0].astype(float) / np.linalg.norm(states, axis=1) + draws.normal(0, 0.01, 200)
    targets[17] += 2
    fold = held_out.folds(np.zeros(200, np.int64), np.arange(200), 1)
    found = suspects.of_numbers(targets, held_out.of_numbers(states, targets, fold, 1).values)
    assert found.places[0] == 17
    assert found.quality[0] == pytest.approx(2, abs=0.1)


def test_a_head_of_a_sample_judges_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "_MOST_FITTED", 60)
    monkeypatch.setattr(held_out, "_ROWS", 7)
    states, targets = clouds((7,))
    states[7] = 1.5 * np.eye(6)[7 % 3] - 0.5
    fold = held_out.folds(targets, np.arange(ROWS), 1)
    found = held_out.of_classes(states, targets, 3, fold, 1)
    assert list(suspects.of_classes(targets, found.values, found.judged).places) == [7]


def test_of_classes_of_fewer_rows_than_folds_each_fold_gets_some() -> None:
    fold = held_out.folds(np.arange(40) % 10, np.arange(40), 1)
    assert np.bincount(fold).tolist() == [8] * held_out.FOLDS

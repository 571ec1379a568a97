from pathlib import Path

import numpy as np
import pytest

from components.drift.word_labels import MOST_LABELS, WordLabels

ROWS = [[0, 1], [0, 1, 1], [0, 2], [0, 2, 2], [0, 3]]
"""Token 0 is in all of them, 1 tells "bad", 2 tells "good"."""

LABELS = ["bad", "bad", "good", "good", "good"]


def flat(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([token for row in rows for token in row]), np.array([len(row) for row in rows])


def learned(labels: list[str] = LABELS) -> WordLabels:
    found = WordLabels.learned(*flat(ROWS), labels, vocabulary=5)
    assert found is not None
    return found


def test_tokens_are_counted_by_label() -> None:
    words = learned()
    assert words.labels == ("bad", "good")
    assert words.rows.tolist() == [2, 3]
    assert words.counts.tolist() == [[2, 3, 0, 0, 0], [3, 0, 3, 1, 0]]


def test_a_label_agrees_if_its_words_make_it_the_most_likely() -> None:
    rows = flat([[1], [1], [2], [2], [1]])
    assert learned().agreement(*rows, ["bad", "good", "good", "bad", "new"]).tolist() == [
        True,
        False,
        True,
        False,
        False,
    ]


def test_swapped_labels_do_not_agree() -> None:
    assert learned().agreement(*flat(ROWS), LABELS).tolist() == [True] * 5
    assert learned().agreement(*flat(ROWS), ["good", "good", "bad", "bad", "bad"]).tolist() == [False] * 5


def test_a_row_left_out_is_judged_by_the_others_alone() -> None:
    words = learned()
    left_out = words.agreement(*flat(ROWS), LABELS, left_out=True)
    by_hand = []
    for index, (row, label) in enumerate(zip(ROWS, LABELS, strict=True)):
        others = [other for place, other in enumerate(ROWS) if place != index]
        labels = [other for place, other in enumerate(LABELS) if place != index]
        without = WordLabels.learned(*flat(others), labels, vocabulary=5)
        assert without is not None
        by_hand += without.agreement(*flat([row]), [label]).tolist()
    assert left_out.tolist() == by_hand


def test_what_was_learned_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert WordLabels.read(tmp_path) is None
    (tmp_path / "assets.extra").mkdir()
    learned().write(tmp_path)
    again = WordLabels.read(tmp_path)
    assert again is not None
    assert again.labels == ("bad", "good")
    assert again.counts.tolist() == learned().counts.tolist()


@pytest.mark.parametrize(("labels", "kept"), [(MOST_LABELS, True), (MOST_LABELS + 1, False)])
def test_of_very_many_labels_nothing_is_kept(labels: int, kept: bool) -> None:
    rows = flat([[0]] * labels)
    assert (WordLabels.learned(*rows, [str(label) for label in range(labels)], vocabulary=1) is not None) is kept

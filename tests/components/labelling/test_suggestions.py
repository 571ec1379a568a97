import numpy as np

from components.labelling import suggestions
from components.labelling.suggestions import PRESELECTED, Candidate, Candidates, spread


def candidate(
    number: int, uncertainty: float | None, vector: tuple[float, float], text_hash: int | None = None
) -> Candidate:
    return Candidate(
        number, [], number if text_hash is None else text_hash, "", uncertainty, np.array(vector, np.float32)
    )


def lines(found: list[Candidate]) -> list[int]:
    return [one.line for one in found]


def test_the_least_sure_rows_are_kept_and_of_these_such_as_lie_apart() -> None:
    found = Candidates(2)
    # Ten for each: of 40 rows the 20 least sure, half of which point this way and half that way.
    for number in range(40):
        angle = np.pi / 2 * (number % 2)
        found.add(candidate(number, number / 40, (float(np.cos(angle)), float(np.sin(angle)))))
    chosen = found.chosen()
    assert len(chosen) == 2
    assert min(lines(chosen)) >= 40 - 2 * PRESELECTED
    assert {number % 2 for number in lines(chosen)} == {0, 1}
    # The least sure first.
    assert lines(chosen) == sorted(lines(chosen), reverse=True)


def test_memory_does_not_grow_with_the_rows() -> None:
    found = Candidates(3)
    for number in range(1000):
        found.add(candidate(number, (number * 7919 % 1000) / 1000, (1.0, 0.0)))
        assert len(found._kept) == len(found._heap) <= 3 * PRESELECTED


def test_a_text_is_suggested_once_and_the_order_of_rows_makes_no_difference() -> None:
    draws = np.random.default_rng(0)
    rows = [candidate(n, float(draws.random()), tuple(draws.normal(size=2)), n % 50) for n in range(50)]
    one, other = Candidates(4), Candidates(4)
    for row in [*rows, *rows]:
        one.add(row)
    for row in reversed(rows):
        other.add(row)
    assert lines(one.chosen()) == lines(other.chosen())
    assert len({row.text_hash for row in one.chosen()}) == 4


def test_without_uncertainty_rows_are_drawn_by_their_texts_and_lie_apart() -> None:
    found = Candidates(2)
    for number in range(100):
        vector = (1.0, 0.0) if number else (0.0, 1.0)
        # Of the greatest hash: it is among those that are kept.
        found.add(candidate(number, None, vector, 1000 - number))
    assert 0 in lines(found.chosen())


def test_fewer_rows_than_are_wanted_are_all_suggested() -> None:
    found = Candidates(5)
    assert found.chosen() == []
    for number in range(3):
        found.add(candidate(number, number / 10, (1.0, 0.0)))
    assert lines(found.chosen()) == [2, 1, 0]


def test_rows_of_equal_vectors_are_told_apart_all_the_same() -> None:
    picked = spread(np.ones((8, 2), np.float32), None, 5)
    assert len(set(picked)) == len(picked) == 5
    assert set(suggestions.spread(np.eye(3, dtype=np.float32), [0.0, 0.0, 0.0], 2)) <= {0, 1, 2}

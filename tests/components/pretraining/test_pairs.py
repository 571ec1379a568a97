from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pretraining.pairs import Example, Units, pairs, texts
from tests.conftest import fuzz_cases

MOST = 12

DOCUMENTS = st.lists(st.lists(st.integers(1, 40), max_size=9), min_size=2, max_size=8).filter(
    lambda found: sum(map(bool, found)) > 1
)
"""The tokens of each sentence, document by document."""


def units(documents: list[list[int]], longest: int = MOST // 2) -> Units:
    sentences = np.array([length for document in documents for length in document], np.int64)
    return Units.of(sentences, np.array(list(map(len, documents))), longest)


def document_of(found: Units, place: tuple[int, int]) -> int:
    """The number of the document that all of some places are of."""
    begins = found.borders[found.documents]
    first, last = (int(np.searchsorted(begins, one, side="right")) - 1 for one in (place[0], place[1] - 1))
    assert first == last, "a text of two documents"
    return first


def size(place: tuple[int, int]) -> int:
    return place[1] - place[0]


def test_a_sentence_that_is_too_long_is_cut_into_equal_parts() -> None:
    found = units([[3, 13], [], [6, 7]])
    assert np.diff(found.borders).tolist() == [3, 5, 4, 4, 6, 4, 3]
    assert found.documents.tolist() == [0, 4, 4, 7]


def test_two_documents_by_hand() -> None:
    found = list(pairs(units([[2, 3], [4, 1]]), MOST, seed=3))
    # Each document is one example where its second sentence follows, or two where another's stands there.
    assert [example.first[0] for example in found] == sorted(example.first[0] for example in found)
    for example in found:
        if example.is_random:
            continue
        assert example in (Example((0, 2), (2, 5), False), Example((5, 9), (9, 10), False))


@settings(max_examples=fuzz_cases(200), deadline=None)
@given(DOCUMENTS, st.integers(0, 5))
def test_every_token_stands_in_exactly_one_example_as_its_own(documents: list[list[int]], seed: int) -> None:
    cut = units(documents)
    own: Counter[int] = Counter()
    for example in pairs(cut, MOST, seed):
        own.update(range(*example.first))
        own.update(() if example.is_random else range(*example.second))
        assert size(example.first) > 0
        assert size(example.second) > 0
        assert size(example.first) + size(example.second) <= MOST
        ours, theirs = document_of(cut, example.first), document_of(cut, example.second)
        assert (ours != theirs) == example.is_random
        assert example.is_random or example.second[0] == example.first[1]
    assert own == Counter(range(sum(map(sum, documents))))


@settings(max_examples=fuzz_cases(200), deadline=None)
@given(DOCUMENTS, st.integers(0, 5))
def test_texts_hold_every_token_once_and_mix_no_documents(documents: list[list[int]], seed: int) -> None:
    cut = units(documents, MOST)
    own: Counter[int] = Counter()
    for example in texts(cut, MOST, seed):
        own.update(range(*example.first))
        assert 0 < size(example.first) <= MOST
        document_of(cut, example.first)
    assert own == Counter(range(sum(map(sum, documents))))


def test_half_of_the_pairs_are_random_and_most_are_full() -> None:
    draws = np.random.default_rng(0)
    cut = Units.of(draws.integers(3, 40, 6000), np.full(300, 20), 62)
    found = list(pairs(cut, 125, seed=1))
    assert abs(sum(2 * example.is_random - 1 for example in found)) <= 1
    lengths = np.array([size(example.first) + size(example.second) for example in found])
    assert np.mean(lengths > 80) > 0.8
    # Neither kind of pair is told by the length of its texts.
    random = np.array([example.is_random for example in found])
    of_second = np.array([size(example.second) for example in found])
    assert abs(of_second[random].mean() - of_second[~random].mean()) < 12
    others = {document_of(cut, example.second) for example in found if example.is_random}
    assert len(others) > 250


def test_documents_of_one_sentence_have_another_documents_behind_it() -> None:
    found = list(pairs(units([[3], [4], [5]]), MOST, seed=0))
    assert [example.first for example in found] == [(0, 3), (3, 7), (7, 12)]
    assert all(example.is_random for example in found)


def test_the_same_seed_gives_the_same_examples_and_another_one_others() -> None:
    cut = units([[3, 4, 5, 2]] * 10)
    assert list(pairs(cut, MOST, 1)) == list(pairs(cut, MOST, 1)) != list(pairs(cut, MOST, 2))


def test_one_document_is_refused() -> None:
    with pytest.raises(ValueError, match="a second document"):
        list(pairs(units([[3, 4], []]), MOST, 0))

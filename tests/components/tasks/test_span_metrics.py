"""Exact match and F1 beside the evaluation script of SQuAD 2.0."""

import re
import string
from collections import Counter

import pytest

from components.tasks.answering import span_metrics

PAIRS = [
    # Answer, right answer, exact match, F1.
    ("Denver Broncos", "Denver Broncos", 1, 1),
    ("Denver Broncos", "denver broncos", 1, 1),
    ("the Denver Broncos", "Denver Broncos", 1, 1),
    ("Denver Broncos.", "Denver Broncos", 1, 1),
    ("The  Denver   Broncos!", "a Denver Broncos", 1, 1),
    ("Broncos", "Denver Broncos", 0, 2 / 3),
    ("Denver", "the Denver Broncos", 0, 2 / 3),
    ("Denver Broncos won", "Denver Broncos", 0, 0.8),
    ("Carolina Panthers", "Denver Broncos", 0, 0),
    ("", "", 1, 1),
    ("", "Denver", 0, 0),
    ("Denver", "", 0, 0),
    ("the", "", 1, 1),
    ("the", "a", 1, 1),
    ("...", "", 1, 1),
    ("...", "!", 1, 1),
    ("the cat", "the", 0, 0),
    ("A", "an", 1, 1),
    ("Anna", "na", 0, 0),
    ("another", "other", 0, 0),
    ("theatre", "atre", 0, 0),
    ("U.S.", "US", 1, 1),
    ("U.S.A.", "the USA", 1, 1),
    ("a.m.", "am", 1, 1),
    ("A.M.", "m", 0, 0),
    ("don't", "dont", 1, 1),
    ("it's a dog", "its dog", 1, 1),
    ("rock-and-roll", "rock and roll", 0, 0),
    ("rock-and-roll", "rockandroll", 1, 1),
    ("$1,200.50", "120050", 1, 1),
    ("1,200", "1200", 1, 1),
    ("5 million", "5 million dollars", 0, 0.8),
    ("50%", "50", 1, 1),
    ("50 per cent", "50 percent", 0, 0.4),
    ("10–12", "10-12", 0, 0),
    ("“quoted”", "quoted", 0, 0),
    ('"quoted"', "quoted", 1, 1),
    ("Zürich", "zürich", 1, 1),
    ("ZÜRICH", "zürich", 1, 1),
    ("Straße", "STRASSE", 0, 0),
    ("北京", "北京", 1, 1),
    ("北京市", "北京", 0, 0),
    ("a\tb\n c", "b c", 1, 1),
    ("b c", "c b", 0, 1),
    ("b b c", "b c", 0, 0.8),
    ("b b", "b b b", 0, 0.8),
    ("one two three four", "three four five six", 0, 0.5),
    ("22 August 1996", "August 22, 1996", 0, 1),
    ("on Thursday", "Thursday", 0, 2 / 3),
    ("the man and the boy", "man, boy", 0, 0.8),
]


def official_normalisation(text: str) -> str:
    """As the script's `normalize_answer` has it."""

    def remove_articles(text: str) -> str:
        return re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text)

    def remove_punctuation(text: str) -> str:
        exclude = set(string.punctuation)
        return "".join(character for character in text if character not in exclude)

    return " ".join(remove_articles(remove_punctuation(text.lower())).split())


def official_f1(gold: str, answer: str) -> float:
    """As its `compute_f1` has it."""
    golds, answers = official_normalisation(gold).split(), official_normalisation(answer).split()
    same = sum((Counter(golds) & Counter(answers)).values())
    if len(golds) == 0 or len(answers) == 0:
        return int(golds == answers)
    if same == 0:
        return 0
    precision, recall = 1.0 * same / len(answers), 1.0 * same / len(golds)
    return (2 * precision * recall) / (precision + recall)


@pytest.mark.parametrize(("answer", "gold", "exact", "f1"), PAIRS)
def test_fifty_pairs_score_as_by_hand_and_as_by_the_script(answer: str, gold: str, exact: float, f1: float) -> None:
    assert span_metrics.normalized(answer) == official_normalisation(answer)
    assert span_metrics.normalized(gold) == official_normalisation(gold)
    assert span_metrics.exact_match(answer, gold) == exact
    assert span_metrics.f1(answer, gold) == pytest.approx(f1) == pytest.approx(official_f1(gold, answer))


def test_there_are_fifty_pairs() -> None:
    assert len(PAIRS) == 50


def test_the_nearest_of_several_right_answers_counts_in_each_metric() -> None:
    assert span_metrics.best("b c", ["c b", "b"]) == (0.0, 1.0)
    assert span_metrics.best("b", ["c", "the b"]) == (1.0, 1.0)


def test_without_a_right_answer_or_with_one_of_which_nothing_is_left_none_is_right() -> None:
    assert span_metrics.best("", []) == (1.0, 1.0)
    assert span_metrics.best("b", []) == (0.0, 0.0)
    assert span_metrics.best("", ["the"]) == (1.0, 1.0)
    # As the script leaves such out where there are others.
    assert span_metrics.best("", ["the", "b"]) == (0.0, 0.0)

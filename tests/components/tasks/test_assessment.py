"""How each task holds an answer against a row's label."""

import math

import pytest

from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.metrics import Assessment
from components.tasks.multilabel import Multilabel
from components.tasks.regression import Regression
from components.tasks.similarity import Similarity
from components.tasks.tagging import Tagging
from components.tasks.word_tags import WordTags


def test_of_a_class_the_loss_is_how_little_its_label_was_expected() -> None:
    answer = {"label": "bad", "probabilities": {"bad": 0.75, "good": 0.25}}
    wrong = Classification(("bad", "good")).assess(["x"], "good", answer)
    assert wrong._replace(loss=0.0) == Assessment("good", "bad", 0.0, False, 0.75)
    assert wrong.loss == pytest.approx(math.log(4))
    right = Classification(("bad", "good")).assess(["x"], "bad", answer)
    assert right._replace(loss=0.0) == Assessment("bad", "bad", 0.0, True, 0.75)
    assert right.loss == pytest.approx(math.log(4 / 3))


def test_a_probability_of_zero_has_a_loss_that_is_a_number() -> None:
    answer = {"label": "bad", "probabilities": {"bad": 1.0, "good": 0.0}}
    assert Classification(("bad", "good")).assess(["x"], "good", answer).loss == pytest.approx(7 * math.log(10))


def test_of_several_labels_every_decision_counts_and_the_least_sure_one_is_told() -> None:
    answer = {"labels": ["a", "b"], "scores": {"a": 0.9, "b": 0.6, "c": 0.2}}
    found = Multilabel(("a", "b", "c")).assess(["x"], "a|c", answer)
    assert found._replace(loss=0.0) == Assessment("a|c", "a|b", 0.0, False, 0.6)
    assert found.loss == pytest.approx(-math.log(0.9 * 0.4 * 0.2))
    assert Multilabel(("a", "b", "c")).assess(["x"], "b|a", answer).right
    nothing = {"labels": [], "scores": {"a": 0.1, "b": 0.1}}
    assert Multilabel(("a", "b")).assess(["x"], "", nothing)[:2] == ("-", "-")


def test_a_number_is_neither_right_nor_wrong_but_near_or_far() -> None:
    assert Regression().assess(["x"], "3.5", {"value": 5.0}) == ("3.5", "5", 1.5, None, None)
    assert Similarity().assess(["x", "y"], "1.0", {"score": 0.25}) == ("1", "0.25", 0.75, None, None)
    assert Embedding(range=(0.0, 5.0)).assess(["x", "y"], "2.0", {"score": 4.5}) == ("2", "4.5", 2.5, None, None)


def test_the_score_of_two_vectors_is_on_the_scale_of_the_labels() -> None:
    import numpy as np

    first, second = np.array([1.0, 0.0]), np.array([0.6, 0.8])
    assert Embedding(range=(1.0, 5.0)).score_of(first, second) == pytest.approx(1 + 4 * 0.6)


def test_of_entities_those_missed_and_those_invented_count() -> None:
    task = Tagging(("LOC", "PER"))
    text, tags = "Ann Lee saw Rome", "B-PER I-PER O B-LOC"
    right = [
        {"type": "PER", "score": 0.9, "begin": 0, "end": 7},
        {"type": "LOC", "score": 0.8, "begin": 12, "end": 16},
    ]
    named = "Ann Lee PER; Rome LOC"
    assert task.assess([text], tags, {"entities": right}) == (named, named, 0.0, True, None)
    short = [{"type": "PER", "score": 0.7, "begin": 0, "end": 3}, right[1]]
    assert task.assess([text], tags, {"entities": short}) == (named, "Ann PER; Rome LOC", 2.7, False, 0.7)
    assert task.assess([text], tags, {"entities": []}) == (named, "-", 2.0, False, None)


def test_of_words_each_has_its_tag() -> None:
    words = [{"tag": "NOUN", "score": 0.6, "begin": 0, "end": 4}, {"tag": "VERB", "score": 0.5, "begin": 5, "end": 8}]
    found = WordTags(("NOUN", "VERB")).assess(["film ran"], "NOUN NOUN", {"words": words})
    assert found == ("film NOUN; ran NOUN", "film NOUN; ran VERB", 2.5, False, 0.5)

"""Tags in the BIO scheme: rules, entities as seqeval counts them, metrics by hand."""

from typing import Any

import numpy as np
import pytest

from components.tasks.tagging import IGNORED, Tagging, entities

TASK = Tagging(("LOC", "PER"))
O, B_LOC, I_LOC, B_PER, I_PER = range(5)  # noqa: E741


def test_a_tag_for_outside_and_two_for_each_type() -> None:
    assert TASK.tags == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert TASK.head_units == 5


@pytest.mark.parametrize(
    ("tokens", "tags", "problem"),
    [
        ("a b", "O O O", "2 tokens and 3 tags"),
        ("a  b", "O O", "token 2 of 3 is empty"),
        ("a b", "O ", "tag 2 of 2 is empty"),
        ("a b", "O X-LOC", "tag 2 is 'X-LOC', expected O, B-TYPE or I-TYPE"),
        ("a b", "O B-", "tag 2 is 'B-', expected O, B-TYPE or I-TYPE"),
        ("a b", "O I-LOC", "tag 2 is 'I-LOC' after 'O', without its B-LOC"),
        ("a b", "B-PER I-LOC", "tag 2 is 'I-LOC' after 'B-PER', without its B-LOC"),
        ("a", "I-LOC", "tag 1 is 'I-LOC' after 'O', without its B-LOC"),
        ("a b", "O B-ORG", "tag 2 is 'B-ORG', the types are LOC, PER"),
    ],
)
def test_a_broken_row_is_told(tokens: str, tags: str, problem: str) -> None:
    found = TASK.check_row([tokens], tags)
    assert found is not None
    assert found[0] == problem


def test_types_with_a_dash_and_entities_side_by_side_are_fine() -> None:
    assert Tagging().check_row(["a b c d"], "B-A-B I-A-B B-A-B B-X") is None


# As seqeval 1.2.2's `get_entities` gives them by default; the ends here are one further.
@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["B-PER", "I-PER", "O", "B-LOC"], [("PER", 0, 2), ("LOC", 3, 4)]),
        (["B-PER", "B-PER"], [("PER", 0, 1), ("PER", 1, 2)]),
        (["I-PER", "I-PER", "O"], [("PER", 0, 2)]),
        (["B-PER", "I-LOC", "I-LOC"], [("PER", 0, 1), ("LOC", 1, 3)]),
        (["O", "O"], []),
        ([], []),
    ],
)
def test_entities(tags: list[str], expected: list[Any]) -> None:
    assert list(entities(tags)) == expected


def test_an_entity_is_right_if_type_and_both_ends_are() -> None:
    gold = np.array([[B_PER, I_PER, O, B_LOC], [B_LOC, O, IGNORED, IGNORED]])
    guess = np.array([[B_PER, I_PER, O, B_PER], [B_LOC, I_LOC, IGNORED, IGNORED]], np.float32)
    found = TASK.compute_metrics(gold, guess)
    # Three there are, three are given, one is right: PER of words 0 and 1.
    assert found["precision"] == found["recall"] == found["f1"] == pytest.approx(1 / 3)
    assert [found["precision/PER"], found["recall/PER"], found["f1/PER"]] == pytest.approx([0.5, 1.0, 2 / 3])
    assert found["f1/LOC"] == 0.0
    assert found["token_accuracy"] == pytest.approx(4 / 6)


def test_words_the_model_did_not_see_are_outside() -> None:
    found = TASK.compute_metrics(np.array([[B_LOC, O, O, B_LOC]]), np.array([[B_LOC, O]], np.float32))
    assert [found["precision"], found["recall"], found["token_accuracy"]] == pytest.approx([1.0, 0.5, 3 / 4])


def test_the_loss_is_the_mean_over_the_words() -> None:
    import tensorflow as tf

    targets = tf.constant([[IGNORED, 1, 0], [IGNORED, 2, IGNORED]])
    losses = TASK.loss(tf.zeros([2, 3, 5]), targets, 0.0)
    assert float(tf.reduce_mean(losses)) == pytest.approx(np.log(5))
    assert losses.numpy()[0] == pytest.approx(2 * losses.numpy()[1])

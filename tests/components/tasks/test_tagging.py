"""Tags in the BIO scheme: rules of rows, entities as conlleval counts them, metrics by hand."""

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
def test_a_broken_row_has_a_problem(tokens: str, tags: str, problem: str) -> None:
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
        (["B-PER", "I-PER"], [("PER", 0, 2)]),
        (["B-A-B", "I-A-B", "B-A"], [("A-B", 0, 2), ("A", 2, 3)]),
    ],
)
def test_entities(tags: list[str], expected: list[Any]) -> None:
    assert list(entities(tags)) == expected


# `startOfChunk` and `endOfChunk` of the CoNLL-2000 script conlleval, for each tag after each other.
@pytest.mark.parametrize(
    ("before", "tag", "expected"),
    [
        ("O", "O", []),
        ("O", "B-X", [("X", 1, 2)]),
        ("O", "I-X", [("X", 1, 2)]),
        ("B-X", "O", [("X", 0, 1)]),
        ("B-X", "B-X", [("X", 0, 1), ("X", 1, 2)]),
        ("B-X", "B-Y", [("X", 0, 1), ("Y", 1, 2)]),
        ("B-X", "I-X", [("X", 0, 2)]),
        ("B-X", "I-Y", [("X", 0, 1), ("Y", 1, 2)]),
        ("I-X", "O", [("X", 0, 1)]),
        ("I-X", "B-X", [("X", 0, 1), ("X", 1, 2)]),
        ("I-X", "B-Y", [("X", 0, 1), ("Y", 1, 2)]),
        ("I-X", "I-X", [("X", 0, 2)]),
        ("I-X", "I-Y", [("X", 0, 1), ("Y", 1, 2)]),
    ],
)
def test_an_entity_begins_and_ends_where_conlleval_has_it(before: str, tag: str, expected: list[Any]) -> None:
    assert list(entities([before, tag])) == expected


@pytest.mark.parametrize(
    ("guess", "hits", "predicted"),
    [
        # Gold: an entity of two words, LOC, and one of one word, PER.
        ([B_LOC, I_LOC, O, B_PER], 2, 2),
        ([I_LOC, I_LOC, O, I_PER], 2, 2),  # begun by an I-: as good as a B-
        ([B_LOC, B_LOC, O, B_PER], 1, 3),  # too short, and one that is none
        ([B_LOC, I_LOC, I_LOC, B_PER], 1, 2),  # too long
        ([B_LOC, O, O, B_PER], 1, 2),  # too short
        ([O, I_LOC, O, B_PER], 1, 2),  # begun too late
        ([B_PER, I_PER, O, B_PER], 1, 2),  # of another type
        ([B_LOC, I_PER, O, B_PER], 1, 3),  # of two types
        ([O, O, O, O], 0, 0),
    ],
)
def test_a_part_of_an_entity_counts_nothing(guess: list[int], hits: int, predicted: int) -> None:
    found = TASK.compute_metrics(np.array([[B_LOC, I_LOC, O, B_PER]]), np.array([guess], np.float32))
    assert found["recall"] == hits / 2
    assert found["precision"] == (hits / predicted if predicted else 0.0)
    assert found["f1"] == pytest.approx(2 * hits / (2 + predicted))


def test_an_entity_does_not_go_on_in_the_next_row() -> None:
    found = TASK.compute_metrics(np.array([[B_LOC], [I_LOC]]), np.array([[B_LOC], [B_LOC]], np.float32))
    assert found["f1"] == 1.0
    assert found["token_accuracy"] == 0.5


def test_a_sentence_may_have_as_many_words_as_are_seen_and_no_more() -> None:
    task = Tagging(("LOC",), most_words=2)
    assert task.check_row(["a b"], "O O") is None
    assert task.check_row(["a b c"], "O O O") == (
        "3 tokens, at most 2 are seen",
        'Split the sentence, raise model.max_length or data.most_words, or set long_texts = "window"',
    )


def test_an_entity_goes_on_after_its_own_inside_tag() -> None:
    assert TASK.check_row(["a b c d"], "B-LOC I-LOC I-LOC O") is None


def test_rows_are_counted_by_their_set_of_tags_and_name_the_types_of_them() -> None:
    assert TASK.count_key("O B-PER O B-LOC I-LOC") == "B-LOC B-PER I-LOC O"
    assert TASK.label_names("O B-PER O B-LOC I-LOC") == ["LOC", "PER"]
    assert TASK.label_names("O O") == []


def test_an_unknown_tag_becomes_the_id_of_outside() -> None:
    import tensorflow as tf

    found = TASK.to_target(tf.constant(["B-LOC O I-PER", "B-ORG"]))
    assert found.to_list() == [[B_LOC, O, I_PER], [O]]


def test_the_weight_of_a_loss_is_the_number_of_words() -> None:
    assert TASK.loss_weight(np.array([[IGNORED, 1, 0], [IGNORED, 2, IGNORED]])) == 3


def test_smoothing_gives_every_tag_its_share_of_the_target() -> None:
    import tensorflow as tf

    logits = tf.constant([[[2.0, 0.0, 0.0, 0.0, 0.0]]])
    log_sum = np.log(np.exp(2) + 4)
    plain, smoothed = (float(TASK.loss(logits, tf.constant([[0]]), smoothing)[0]) for smoothing in (0.0, 0.5))
    assert plain == pytest.approx(log_sum - 2)
    assert smoothed == pytest.approx(log_sum - 2 * 0.6)


def test_entities_of_a_row_end_with_their_count_and_are_json_in_a_tsv() -> None:
    output = {
        "count": np.int32(1),
        "type": np.array([b"LOC", b"PER"]),
        "score": np.array([0.25, 0.5], np.float32),
        "begin": np.array([3, 0]),
        "end": np.array([7, 0]),
    }
    values = TASK.to_json(output)
    assert values == {"entities": [{"type": "LOC", "score": 0.25, "begin": 3, "end": 7}]}
    assert TASK.output_columns == ["entities"]
    assert TASK.to_row({"entities": [{"type": "ÖRT", "score": 1 / 3, "begin": 3, "end": 7}]}) == [
        '[{"type": "ÖRT", "score": 0.333333, "begin": 3, "end": 7}]'
    ]


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

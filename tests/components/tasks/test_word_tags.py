"""A tag for each word that is no part of an entity."""

import json

import numpy as np
import pytest

from components.tasks.word_tags import WordTags

TASK = WordTags(("ADJ", "DET", "NOUN"))
ADJ, DET, NOUN = range(3)


def test_there_is_an_output_for_each_tag() -> None:
    assert (TASK.tags, TASK.head_units) == (["ADJ", "DET", "NOUN"], 3)


def test_any_tag_is_a_name_until_the_names_are_known() -> None:
    assert WordTags().check_row(["a b"], "B-X -LRB-") is None
    assert WordTags().label_names("NOUN DET NOUN") == ["DET", "NOUN"]
    assert TASK.check_row(["a b"], "DET VERB") == (
        "tag 2 is 'VERB', expected one of ADJ, DET, NOUN",
        "Correct it, or list it in data.labels",
    )
    assert TASK.check_row(["a b"], "DET") == (
        "2 tokens and 1 tags",
        "Give each token its tag; a token cannot hold a space",
    )


def test_a_tag_in_lower_case_is_another_one() -> None:
    assert WordTags.clean_label("o b-x\u00a0") == "o b-x"


def test_the_ids_of_tags_are_targets() -> None:
    import tensorflow as tf

    assert TASK.to_target(tf.constant(["DET NOUN", "ADJ"])).to_list() == [[1, 2], [0]]


def test_metrics_by_hand_where_an_unseen_word_is_wrong() -> None:
    targets = np.array([[DET, NOUN, NOUN], [DET, NOUN, -1]])
    # The model saw two words of each sentence; the first word of the second one has no token.
    found = TASK.compute_metrics(targets, np.array([[DET, ADJ], [-1, NOUN]], np.float32))
    assert found["token_accuracy"] == 2 / 5
    assert (found["precision/NOUN"], found["recall/NOUN"], found["f1/NOUN"]) == (1, 1 / 3, 1 / 2)
    assert (found["precision/DET"], found["recall/DET"]) == (1, 1 / 2)
    assert found["f1/ADJ"] == 0
    assert found["macro_f1"] == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)


def test_a_tag_that_never_occurs_is_not_in_the_mean() -> None:
    assert TASK.compute_metrics(np.array([[DET, NOUN]]), np.array([[DET, NOUN]]))["macro_f1"] == 1


def test_answers_have_each_word_with_its_tag() -> None:
    columns = {"type": [b"DET", b"NOUN"], "score": [0.5, 0.25], "begin": [0, 4], "end": [3, 8]}
    found = TASK.to_json({"count": 2, **{name: np.array(values) for name, values in columns.items()}})
    assert found == {
        "words": [
            {"tag": "DET", "score": 0.5, "begin": 0, "end": 3},
            {"tag": "NOUN", "score": 0.25, "begin": 4, "end": 8},
        ]
    }
    assert json.loads(TASK.to_row(found)[0]) == found["words"]
    assert TASK.to_line(found, ["The film"]) == "The DET 0.500000\tfilm NOUN 0.250000"
    assert TASK.to_line({"words": []}, [" "]) == "-"

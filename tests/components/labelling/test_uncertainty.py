import dataclasses
import math

import numpy as np
import pytest

from components import tasks
from components.labelling.uncertainty import answer_field, uncertainty
from tests.exported_models import TASKS

LABELS = ("bad", "good", "mixed")


def test_a_class_is_unsure_by_its_margin_over_the_next() -> None:
    task = TASKS["classification"]
    assert uncertainty(task, np.array([0.1, 0.6, 0.3])) == pytest.approx(0.7)
    assert uncertainty(task, np.array([0.0, 1.0, 0.0])) == 0
    assert uncertainty(task, np.array([0.5, 0.5, 0.0])) == 1
    assert uncertainty(TASKS["pair"], np.array([0.1, 0.6, 0.3])) == pytest.approx(0.7)


def test_of_several_labels_the_one_nearest_to_its_threshold_counts() -> None:
    task = dataclasses.replace(TASKS["multilabel"], threshold=(0.5, 0.2, 0.5))  # type: ignore[call-arg]
    # 0.9 is 4/5 of the way from 0.5 to 1, 0.6 half of that from 0.2 to 1, 0.05 is 9/10 of the way from 0.5 to 0.
    assert uncertainty(task, np.array([0.9, 0.6, 0.05])) == pytest.approx(0.5)
    assert uncertainty(task, np.array([0.9, 0.2, 0.05])) == pytest.approx(1)
    assert answer_field(task, np.array([0.9, 0.6, 0.05])) == "bad|good"
    assert answer_field(task, np.array([0.1, 0.1, 0.1])) == ""


def test_tags_are_unsure_by_the_word_however_long_the_sentence_is() -> None:
    task = TASKS["word_tags"]
    short, long = (np.array([[0.5, 0.3, 0.2], [0.25, 0.6, 0.15]] * times) for times in (1, 3))
    assert uncertainty(task, short) == pytest.approx(-(math.log(0.5) + math.log(0.6)) / 2)
    assert uncertainty(task, long) == pytest.approx(uncertainty(task, short))
    assert uncertainty(task, np.zeros((0, 3))) == 0
    assert answer_field(task, short) == "ADJ DET"
    assert answer_field(TASKS["tagging"], np.eye(5)[[0, 1, 2]]) == "O B-ART I-ART"


@pytest.mark.parametrize("name", ["regression", "similarity", "embedding"])
def test_numbers_say_nothing_of_how_sure_they_are(name: str) -> None:
    assert uncertainty(TASKS[name], np.array([1.5])) is None


def test_a_number_is_the_answer_in_the_label_s_unit() -> None:
    assert answer_field(TASKS["regression"], np.array([3.14159])) == "3.142"
    assert answer_field(tasks.BUILT_IN["embedding"](), np.array([1.0, 0.0, 0.6, 0.8])) == "0.6"
    assert answer_field(TASKS["classification"], np.array([0.1, 0.6, 0.3])) == "good"

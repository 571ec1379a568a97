"""What all tasks have in common: the registry, how they travel, how they differ."""

import json
from pathlib import Path
from typing import Any

import pytest

from components import tasks
from components.settings.data import Data
from components.tasks import TASKS, Task
from components.tasks.answering.task import Answering
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.generation.task import Generation
from components.tasks.multilabel import Multilabel
from components.tasks.pair import Pair
from components.tasks.regression import Regression
from components.tasks.similarity import Similarity
from components.tasks.tagging import Tagging


def data(**settings: Any) -> Data:
    return Data(train=("t.tsv",), dev=("d.tsv",), **settings)


def test_ten_tasks_are_registered() -> None:
    assert list(TASKS) == [
        "classification",
        "multilabel",
        "pair",
        "similarity",
        "regression",
        "tagging",
        "word_tags",
        "embedding",
        "answering",
        "generation",
    ]


@pytest.mark.parametrize(
    ("name", "text", "label"),
    [
        ("classification", ("text",), "label"),
        ("multilabel", ("text",), "label"),
        ("pair", ("text_a", "text_b"), "label"),
        ("similarity", ("text_a", "text_b"), "score"),
        ("regression", ("text",), "value"),
        ("tagging", ("tokens",), "tags"),
        ("word_tags", ("tokens",), "tags"),
        ("embedding", ("text_a", "text_b"), "score"),
        ("answering", ("question", "context"), "answer"),
        ("generation", ("source",), "target"),
    ],
)
def test_columns_that_are_not_named_are_the_tasks(name: str, text: tuple[str, ...], label: str) -> None:
    resolved = data(task=name)
    assert (resolved.text, resolved.label) == (text, label)


@pytest.mark.parametrize(
    ("property_of_tasks", "names"),
    [
        ("has_label_names", {"classification", "multilabel", "pair", "tagging", "word_tags"}),
        ("single_label", {"classification", "pair"}),
        ("numeric", {"similarity", "regression", "embedding"}),
        ("per_token", {"tagging", "word_tags"}),
        ("bi_encoder", {"embedding"}),
        ("finds_span", {"answering"}),
        ("has_token_head", {"tagging", "word_tags", "answering"}),
        ("writes", {"generation"}),
    ],
)
def test_what_tasks_differ_in(property_of_tasks: str, names: set[str]) -> None:
    assert {name for name, task in TASKS.items() if getattr(task(), property_of_tasks)} == names


def test_classes_need_two_names_and_types_of_entities_one() -> None:
    needed = {name: task.min_labels for name, task in TASKS.items() if task.has_label_names}
    assert needed == {"classification": 2, "multilabel": 2, "pair": 2, "tagging": 1, "word_tags": 2}


def test_labels_have_names_unless_they_are_numbers() -> None:
    assert Classification().label_names("a|b") == ["a|b"]
    assert Multilabel().label_names("a|b") == ["a", "b"]
    assert Regression().label_names("3.5") == []


def test_rows_are_counted_by_label_unless_it_is_a_number() -> None:
    assert Classification().count_key("good") == "good"
    assert Regression().count_key("3.5") == Regression().count_key("4") == ""


def test_label_names_and_the_limits_of_rows_are_the_settings() -> None:
    assert tasks.from_settings(data(task="pair", labels=("0", "1"))) == Pair(("0", "1"))
    assert tasks.from_settings(data(task="classification")) == Classification()
    assert tasks.from_settings(data(task="tagging", labels=("LOC",), most_words=9)) == Tagging(("LOC",), most_words=9)
    assert tasks.from_settings(data(task="regression", range=(1.0, 5.0))) == Regression(range=(1.0, 5.0))
    assert tasks.from_settings(data(task="regression")) == Regression(range=None)
    assert tasks.from_settings(data(task="embedding", range=(1.0, 5.0))) == Embedding(range=(1.0, 5.0))
    assert tasks.from_settings(data(task="embedding")) == Embedding(range=(0.0, 1.0))


@pytest.mark.parametrize(
    "task",
    [
        Classification(("a", "b")),
        Multilabel(("a", "b"), threshold=0.3),
        Pair(("0", "1")),
        Similarity(range=(0.0, 5.0), mean=2.0, deviation=0.5),
        Tagging(("LOC",), scheme="bioes"),
        Embedding(),
        Answering(starts_given=True, null_threshold=-0.5, longest_answer=7),
    ],
)
def test_a_task_is_read_as_it_was_written(task: Task, tmp_path: Path) -> None:
    tasks.write(tmp_path, task)
    assert tasks.read(tmp_path) == task
    assert tasks.from_card(json.loads(json.dumps({"task": tasks.to_dict(task)}))) == task


def test_the_fields_of_a_task_as_json() -> None:
    assert tasks.to_dict(Regression()) == {
        "name": "regression",
        "labels": (),
        "range": None,
        "mean": 0.0,
        "deviation": 1.0,
    }
    assert tasks.to_dict(Tagging(("LOC",))) == {
        "name": "tagging",
        "labels": ("LOC",),
        "most_words": None,
        "scheme": "bio",
    }


class Letters:
    """A tokenizer whose tokens are letters; 0 stands between two texts."""

    def __call__(self, texts: Any, /) -> Any:
        import tensorflow as tf

        return tf.strings.unicode_decode(texts, "UTF-8") - ord("a") + 1

    def pairs(self, first: Any, second: Any, /) -> Any:
        import tensorflow as tf

        return tf.concat([self(first), tf.zeros([2, 1], tf.int32), self(second)], axis=1)

    def contexts(self, first: Any, second: Any, /) -> Any:
        return self.pairs(first, second), None

    def pieces(self, texts: Any, /) -> Any:
        import tensorflow as tf

        return tf.cast(self(texts), tf.int64)

    separator_id = 0

    def words(self, words: Any, /) -> Any:
        letters = self(words.flat_values)
        return letters.merge_dims(0, 1), words.row_lengths()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("classification", [[1, 2], [3]]),
        ("multilabel", [[1, 2], [3]]),
        ("regression", [[1, 2], [3]]),
        ("pair", [[1, 2, 0, 4], [3, 0, 5, 6]]),
        ("similarity", [[1, 2, 0, 4], [3, 0, 5, 6]]),
        ("embedding", [[1, 2, 4], [3, 5, 6]]),
        ("answering", [[1, 2, 0, 4], [3, 0, 5, 6]]),
    ],
)
def test_texts_become_tokens_alone_as_a_pair_or_one_after_the_other(name: str, expected: list[list[int]]) -> None:
    import tensorflow as tf

    texts = [tf.constant(["ab", "c"]), tf.constant(["d", "ef"])][: len(TASKS[name].texts)]
    assert TASKS[name]().tokenize(Letters(), texts).to_list() == expected


def test_a_target_ends_where_there_is_room_and_is_cut_where_there_is_none() -> None:
    import tensorflow as tf

    made = Generation(target_length=3).preprocess(
        Letters(), [tf.constant(["a", "b", "c"])], tf.constant(["d", "de", "def"])
    )
    assert made["label_target"].numpy().tolist() == [[4, 0, -1], [4, 5, 0], [4, 5, 6]]
    assert made["token_ids"].to_list() == [[1], [2], [3]]


def test_words_become_tokens_with_the_word_that_each_begins() -> None:
    import tensorflow as tf

    task, texts = Tagging(("LOC",)), [tf.constant(["ab c"])]
    found = task.preprocess(Letters(), texts, tf.constant(["B-LOC O"]))
    assert set(found) == {"token_ids", "word_ids", "label_target"}
    assert found["token_ids"].numpy().tolist() == [1, 2, 3]
    assert found["word_ids"].numpy().tolist() == [2]
    assert found["label_target"].to_list() == [[1, 0]]
    assert task.tokenize(Letters(), texts).numpy().tolist() == [1, 2, 3]


def test_a_score_out_of_range_is_a_problem() -> None:
    task = Similarity.from_settings(data(task="similarity", range=(0.0, 5.0)))
    assert task.check_row(["a", "b"], "5") is None
    assert task.check_row(["a", "b"], "0") is None
    assert task.check_row(["a", "b"], "-0.01") is not None
    assert task.check_row(["a", "b"], "5.01") == ("the score is 5.01, out of range 0 to 5", "Correct it, or data.range")


def test_predictions_score_differently_with_another_threshold_or_range() -> None:
    # Each model of labels is measured by its own thresholds.
    assert not Multilabel(("a", "b"), threshold=0.3).scores_differently(Multilabel(("a", "b")))
    assert not Multilabel(("a", "b")).scores_differently(Multilabel(("a", "b")))
    assert Embedding(range=(0.0, 5.0)).scores_differently(Embedding())
    assert not Embedding(range=(0.0, 1.0)).scores_differently(Embedding())
    assert not Regression(range=(0.0, 5.0)).scores_differently(Regression())


def test_a_line_for_a_person_has_the_surfaces_of_entities_or_a_dash() -> None:
    found = {"type": "LOC", "score": 0.5, "begin": 3, "end": 7}
    assert Tagging(("LOC",)).to_line({"entities": [found]}, ["in Rome."]) == "Rome LOC 0.500000"
    assert Tagging(("LOC",)).to_line({"entities": []}, ["in Rome."]) == "-"


@pytest.mark.parametrize(
    ("task", "prediction", "expected"),
    [
        (Classification(("no", "yes")), [[0.25, 0.75]], ("no", "yes", False, 0.75)),
        (Pair(("no", "yes")), [[0.75, 0.25]], ("no", "no", True, 0.75)),
        (Multilabel(("a", "b"), threshold=0.5), [[0.75, 0.5]], ("a", "a|b", False, 0.5)),
        (Regression(), [[2.5]], ("2", "2.5", None, None)),
        (Similarity(range=(0.0, 5.0)), [[2.5]], ("2", "2.5", None, None)),
        (Embedding(range=(0.0, 4.0)), [[1.0, 0.0, 0.6, 0.8]], ("2", "2.4", None, None)),
    ],
    ids=lambda value: value.name if isinstance(value, Task) else "",
)
def test_what_an_evaluation_predicts_is_an_answer(task: Task, prediction: Any, expected: tuple[Any, ...]) -> None:
    import numpy as np

    values = task.evaluated(np.array(prediction, np.float32))
    assert values is not None
    label = {"multilabel": "a"}.get(task.name, "no" if task.has_label_names else "2.0")
    (found,) = (task.assess(("one", "two")[: len(task.texts)], label, one) for one in values)
    assert (found.truth, found.answer, found.right, found.confidence) == expected


def test_an_evaluation_of_tags_has_less_than_an_answer() -> None:
    import numpy as np

    task: Task = Tagging(("LOC",))
    assert task.evaluated(np.zeros((1, 2), np.float32)) is None

"""What all tasks have in common: the registry, how they travel, the rules of their rows, their metrics by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import tasks
from components.settings.data import Data
from components.settings.model import Model
from components.tasks import TASKS, Task
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.multilabel import Multilabel
from components.tasks.pair import Pair
from components.tasks.regression import Regression
from components.tasks.similarity import Similarity
from components.tasks.tagging import Tagging


def data(**settings: Any) -> Data:
    return Data(train=("t.tsv",), dev=("d.tsv",), **settings)


def test_seven_tasks_are_registered() -> None:
    assert list(TASKS) == [
        "classification",
        "multilabel",
        "pair",
        "similarity",
        "regression",
        "tagging",
        "embedding",
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
        ("embedding", ("text_a", "text_b"), "score"),
    ],
)
def test_columns_that_are_not_named_are_the_tasks(name: str, text: tuple[str, ...], label: str) -> None:
    resolved = data(task=name)
    assert (resolved.text, resolved.label) == (text, label)


@pytest.mark.parametrize(
    ("property_of_tasks", "names"),
    [
        ("has_label_names", {"classification", "multilabel", "pair", "tagging"}),
        ("single_label", {"classification", "pair"}),
        ("numeric", {"similarity", "regression", "embedding"}),
        ("per_token", {"tagging"}),
        ("bi_encoder", {"embedding"}),
    ],
)
def test_what_tasks_differ_in(property_of_tasks: str, names: set[str]) -> None:
    assert {name for name, task in TASKS.items() if getattr(task, property_of_tasks)} == names


def test_classes_need_two_names_and_types_of_entities_one() -> None:
    needed = {name: task.min_labels for name, task in TASKS.items() if task.has_label_names}
    assert needed == {"classification": 2, "multilabel": 2, "pair": 2, "tagging": 1}


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
        tasks.TASKS["tagging"](("LOC",)),
        Embedding(),
    ],
)
def test_a_task_is_read_as_it_was_written(task: Task, tmp_path: Path) -> None:
    tasks.write(tmp_path, task)
    assert tasks.read(tmp_path) == task
    assert tasks.from_card(json.loads(json.dumps({"task": tasks.to_dict(task)}))) == task


def test_a_regression_takes_numbers_alone() -> None:
    assert Regression().check_row(["t"], "-3.5e2") is None
    for label in ("three", "nan", "inf", "1,5"):
        assert Regression().check_row(["t"], label) == (
            f"the value is {label!r}, expected a number",
            "Give one with a decimal point, say 3.5",
        )


def test_a_score_out_of_range_is_a_problem() -> None:
    task = Similarity.from_settings(data(task="similarity", range=(0.0, 5.0)))
    assert task.check_row(["a", "b"], "5") is None
    assert task.check_row(["a", "b"], "0") is None
    assert task.check_row(["a", "b"], "-0.01") is not None
    assert task.check_row(["a", "b"], "5.01") == ("the score is 5.01, out of range 0 to 5", "Correct it, or data.range")


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ("a|", "the labels 'a|' have an empty one"),
        ("a||b", "the labels 'a||b' have an empty one"),
        ("a|a", "the labels 'a|a' have one twice"),
        ("a|c", "the label is 'c', expected one of a, b"),
    ],
)
def test_labels_between_separators_are_checked(label: str, problem: str) -> None:
    found = Multilabel(("a", "b")).check_row(["t"], label)
    assert found is not None
    assert found[0] == problem


def test_multilabel_metrics() -> None:
    targets = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], np.float32)
    scores = np.array([[0.9, 0.2], [0.4, 0.8], [0.6, 0.1], [0.1, 0.3]], np.float32)
    found = Multilabel(("a", "b"), threshold=0.5).compute_metrics(targets, scores)
    # a: given to rows 0 and 2, right for 0 and 1. b: given to row 1, right for 1 and 3.
    assert found["precision/a"] == found["recall/a"] == found["f1/a"] == 0.5
    assert [found["precision/b"], found["recall/b"], found["f1/b"]] == pytest.approx([1.0, 0.5, 2 / 3])
    assert found["micro_f1"] == pytest.approx(2 * 2 / (3 + 4))
    assert found["macro_f1"] == pytest.approx((0.5 + 2 / 3) / 2)
    # Ranked by a: rows 0 (right), 2, 1 (right): (1 + 2/3) / 2. By b: 1, 3: both right.
    assert found["ap/a"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["ap/b"] == found["mean_ap"] * 2 - found["ap/a"] == 1.0


def test_a_label_without_rows_has_an_average_precision_of_zero() -> None:
    found = Multilabel(("a", "b")).compute_metrics(np.array([[1.0, 0.0]]), np.array([[0.9, 0.9]]))
    assert found["ap/b"] == 0.0


def test_the_threshold_is_the_models() -> None:
    task = Multilabel(("a",)).fitted(Model(base="b", threshold=0.2), np.zeros((1, 1)))
    assert task.compute_metrics(np.array([[1.0]]), np.array([[0.3]]))["micro_f1"] == 1.0
    assert task.to_json({"given": np.array([True]), "scores": np.array([0.3])})["labels"] == ["a"]


def test_a_score_at_the_threshold_is_a_label() -> None:
    import tensorflow as tf

    task = Multilabel(("a", "b"), threshold=0.25)
    scores = np.array([[0.25, 0.125]], np.float32)
    assert task.compute_metrics(np.array([[1.0, 0.0]]), scores)["micro_f1"] == 1.0
    assert task.outputs(tf.constant(scores))["given"].numpy().tolist() == [[True, False]]


def test_the_default_threshold_is_the_same_in_task_and_settings() -> None:
    assert Multilabel().threshold == Model(base="b").threshold == 0.5


def test_targets_of_several_labels_are_multi_hot_and_back() -> None:
    import tensorflow as tf

    task = Multilabel(("a", "b", "c"))
    found = task.to_target(tf.constant(["c|a", "b"])).numpy()
    assert found.tolist() == [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    assert task.label_fields(found) == ["a|c", "b"]
    assert task.drift_values(["c|a", "b"]) == ["a|c", "b"]


def test_the_loss_of_several_labels_is_the_mean_of_theirs_and_smoothing_draws_to_the_middle() -> None:
    import tensorflow as tf

    task, logits, targets = Multilabel(("a", "b")), tf.math.log([[3.0, 1.0]]), tf.constant([[1.0, 0.0]])
    # Scores are 3/4 and 1/2.
    plain, smoothed = (float(task.loss(logits, targets, smoothing)[0]) for smoothing in (0.0, 0.5))
    assert plain == pytest.approx(-(np.log(0.75) + np.log(0.5)) / 2)
    assert smoothed == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25) + np.log(0.5)) / 2)


def test_labels_and_scores_are_fields_of_a_row() -> None:
    task = Multilabel(("a", "b"))
    values = task.to_json({"given": np.array([True, True]), "scores": np.array([0.5, 0.75])})
    assert values == {"labels": ["a", "b"], "scores": {"a": 0.5, "b": 0.75}}
    assert task.output_columns == ["labels", "score_a", "score_b"]
    assert task.to_row(values) == ["a|b", "0.500000", "0.750000"]


def test_r2_of_two_rows_and_of_one() -> None:
    two = Regression().compute_metrics(np.array([1.0, 3.0]), np.array([[1.0], [2.0]]))
    assert two == {"spearman": pytest.approx(1.0), "pearson": pytest.approx(1.0), "mae": 0.5, "r2": 0.5}
    one = Regression().compute_metrics(np.array([1.0]), np.array([[2.0]]))
    assert one == {"spearman": 0.0, "pearson": 0.0, "mae": 1.0, "r2": 0.0}


def test_a_number_is_an_output_and_a_field() -> None:
    import tensorflow as tf

    task = Similarity()
    assert task.outputs(tf.constant([[1.5], [2.0]]))["score"].numpy().tolist() == [1.5, 2.0]
    assert task.to_json({"score": np.float32(1.5)}) == {"score": 1.5}
    assert (task.output_columns, task.to_row({"score": 1.5})) == (["score"], ["1.500000"])


def test_regression_metrics() -> None:
    found = Regression().compute_metrics(np.array([1.0, 2.0, 3.0, 4.0]), np.array([[1.0], [3.0], [2.0], [5.0]]))
    assert found["mae"] == 0.75
    assert found["r2"] == pytest.approx(1 - 3 / 5)
    assert found["spearman"] == pytest.approx(0.8)
    assert found["pearson"] == pytest.approx(5.5 / np.sqrt(5 * 8.75))


def test_constant_labels_are_learned_unscaled() -> None:
    assert Regression().fitted(Model(base="b"), np.array([3.0, 3.0])) == Regression(mean=3.0, deviation=1.0)


def test_an_embedding_is_not_scaled_by_trains_labels() -> None:
    assert Embedding().fitted(Model(base="b"), np.array([0.25, 0.75])) == Embedding()


def test_a_regression_learns_labels_of_deviation_one() -> None:
    import tensorflow as tf

    task = Regression().fitted(Model(base="b"), np.array([10.0, 30.0]))
    logits = tf.constant([[0.5], [-1.0]])
    assert task.predictions(logits).numpy().tolist() == [[25.0], [10.0]]
    assert task.loss(logits, tf.constant([30.0, 10.0]), 0.0).numpy().tolist() == [0.25, 0.0]


def test_retrieval_ranks_each_match_among_the_second_texts_of_all_rows() -> None:
    x, y, z = np.eye(3, dtype=np.float32)
    between = (x + z) / np.sqrt(2)
    # The query of row 0 is nearest to its own text; that of row 1 (x) to row 0's before its own (between).
    predictions = np.stack([np.concatenate(pair) for pair in ((x, x), (x, between), (y, z))])
    found = Embedding().compute_metrics(np.array([1.0, 0.9, 0.0]), predictions)
    assert found["mrr_at_10"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["spearman"] == pytest.approx(1.0)


def test_the_last_rank_that_counts_is_the_tenth() -> None:
    # Two numbers a vector; the query of row 0 is at an angle to its own text, and `nearer` others are between them.
    def reciprocal(nearer: int) -> float:
        angles = np.array([0.5, *np.linspace(0.1, 0.4, nearer), 1.0])
        second = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        first = np.tile([1.0, 0.0], (len(angles), 1))
        scores = np.array([1.0, *[0.0] * (len(angles) - 1)])
        return Embedding().compute_metrics(scores, np.concatenate([first, second], axis=1))["mrr_at_10"]

    assert reciprocal(9) == pytest.approx(1 / 10)
    assert reciprocal(10) == 0.0


def test_a_match_has_a_score_above_the_fifth_fifth_of_the_range() -> None:
    x, y = np.eye(2, dtype=np.float32)
    predictions = np.stack([np.concatenate(pair) for pair in ((x, x), (y, x))])
    # 4 of 0 to 5 is no match, 4.5 is one: the first query ranks in the middle of two equal texts.
    task = Embedding(range=(0.0, 5.0))
    assert task.compute_metrics(np.array([4.0, 1.0]), predictions)["mrr_at_10"] == 0.0
    assert task.compute_metrics(np.array([4.5, 1.0]), predictions)["mrr_at_10"] == pytest.approx(1 / 1.5)


def test_each_of_many_queries_finds_itself_whatever_part_it_is_in() -> None:
    vectors = np.random.default_rng(0).normal(size=(1500, 16))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = Embedding().compute_metrics(np.ones(1500), np.concatenate([units, units], axis=1))
    assert found["mrr_at_10"] == 1.0


def test_vectors_are_those_of_the_first_text_and_one_field() -> None:
    import tensorflow as tf

    task = Embedding()
    assert task.outputs(tf.constant([[1.0, 0.0, 0.6, 0.8]]))["vector"].numpy().tolist() == [[1.0, 0.0]]
    assert task.to_json({"vector": np.array([1.0, 0.5])}) == {"vector": [1.0, 0.5]}
    assert (task.output_columns, task.to_row({"vector": [1.0, 0.5]})) == (["vector"], ["1.000000 0.500000"])


def test_texts_that_all_have_one_vector_find_nothing() -> None:
    found = Embedding().compute_metrics(np.ones(50), np.tile(np.array([0.6, 0.8, 0.6, 0.8], np.float32), (50, 1)))
    # In the middle of 50 equal ones.
    assert found == {"spearman": 0.0, "mrr_at_10": 0.0}


def test_equal_numbers_are_in_the_same_share_as_text_and_as_float32() -> None:
    task = Regression(range=(0.0, 1.0))
    texts = ["0", "0.1", "0.3", "0.6", "0.7", "0.9", "1"]
    assert task.drift_values(texts) == task.drift_values(task.label_fields(np.array(texts, np.float32)))
    assert task.drift_values(["0.7"]) == ["0.7 to 0.8"]


def test_numbers_are_compared_by_tenths_of_their_range() -> None:
    assert Regression().drift_values(["1"]) is None
    assert Regression(range=(-5.0, 15.0)).drift_values(["-5", "-3.1", "-3", "14.9", "15"]) == [
        "-5 to -3",
        "-5 to -3",
        "-3 to -1",
        "13 to 15",
        "13 to 15",
    ]


@pytest.mark.parametrize("label", ["1e39", "nan", "inf", "1_000", "٣", "0x1", "1,5", "-", "e5"])
def test_what_float32_cannot_hold_is_no_number(label: str) -> None:
    problem = Regression().check_row(["a"], label)
    assert problem is not None
    assert problem[0] == f"the value is {label!r}, expected a number"


@pytest.mark.parametrize("label", ["1", "-1.5", "+.5", "2.", "3e-4"])
def test_decimals_and_exponents_are_numbers(label: str) -> None:
    assert Regression().check_row(["a"], label) is None


def test_a_training_that_goes_on_keeps_the_scale_of_the_pushed_head() -> None:
    pushed, fresh = Regression(mean=2.0, deviation=0.5), Regression(range=(0.0, 9.0), mean=3.0, deviation=1.0)
    assert fresh.warm_started_from(pushed) == Regression(range=(0.0, 9.0), mean=2.0, deviation=0.5)


def test_predictions_score_differently_with_another_threshold_or_range() -> None:
    assert Multilabel(("a", "b"), threshold=0.3).scores_differently(Multilabel(("a", "b")))
    assert not Multilabel(("a", "b")).scores_differently(Multilabel(("a", "b")))
    assert Embedding(range=(0.0, 5.0)).scores_differently(Embedding())
    assert not Embedding(range=(0.0, 1.0)).scores_differently(Embedding())
    assert not Regression(range=(0.0, 5.0)).scores_differently(Regression())


def test_the_cosine_learns_the_score_as_a_share_of_its_range() -> None:
    import tensorflow as tf

    pair = tf.constant([[1.0, 0.0, 0.6, 0.8]])
    assert Embedding(range=(0.0, 5.0)).loss(pair, tf.constant([5.0]), 0.0).numpy() == pytest.approx([0.16])


def test_a_line_for_a_person_has_the_labels_or_a_dash() -> None:
    task, scores = Multilabel(("a", "b")), {"a": 0.5, "b": 0.25}
    assert task.to_line({"labels": ["a"], "scores": scores}, ["x"]) == "a\ta 0.500000\tb 0.250000"
    assert task.to_line({"labels": [], "scores": scores}, ["x"]) == "-\ta 0.500000\tb 0.250000"


def test_a_line_for_a_person_has_the_surfaces_of_entities_or_a_dash() -> None:
    found = {"type": "LOC", "score": 0.5, "begin": 3, "end": 7}
    assert Tagging(("LOC",)).to_line({"entities": [found]}, ["in Rome."]) == "Rome LOC 0.500000"
    assert Tagging(("LOC",)).to_line({"entities": []}, ["in Rome."]) == "-"

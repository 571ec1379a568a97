"""Several labels a text: rules of rows, targets, loss, metrics and outputs by hand."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from components.settings.model import Model
from components.tasks.multilabel import Multilabel


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


def test_an_empty_field_is_a_row_without_labels() -> None:
    import tensorflow as tf

    task = Multilabel(("a", "b"))
    assert (task.label_names(""), task.check_row(["t"], ""), task.drift_values([""])) == ([], None, [""])
    assert task.to_target(tf.constant(["", "b"])).numpy().tolist() == [[0, 0], [0, 1]]
    assert task.label_fields(np.array([[0.0, 0.0], [1.0, 1.0]])) == ["", "a|b"]


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


@pytest.mark.parametrize("decimals", [1, 7], ids=["with ties", "without"])
def test_average_precision_is_scikit_learns_to_the_last_bit(decimals: int) -> None:
    chance = np.random.default_rng(decimals)
    actual, scores = chance.random((99, 20)) < 0.3, np.round(chance.random((99, 20)), decimals).astype(np.float32)
    task = Multilabel(tuple(map(str, range(20))))
    found = task.compute_metrics(actual.astype(np.float32), scores)
    expected = [float(average_precision_score(actual[:, label], scores[:, label])) for label in range(20)]
    assert [found[f"ap/{label}"] for label in task.labels] == expected


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


def test_a_line_for_a_person_has_the_labels_or_a_dash() -> None:
    task, scores = Multilabel(("a", "b")), {"a": 0.5, "b": 0.25}
    assert task.to_line({"labels": ["a"], "scores": scores}, ["x"]) == "a\ta 0.500000\tb 0.250000"
    assert task.to_line({"labels": [], "scores": scores}, ["x"]) == "-\ta 0.500000\tb 0.250000"

"""The metrics of one class a row, from a confusion matrix: by hand and beside scikit-learn."""

import warnings

import numpy as np
import pytest
from sklearn.metrics import classification_report, confusion_matrix, f1_score, matthews_corrcoef

from components.tasks.classification import Classification

LABELS = ("bad", "good", "ugly", "none")


@pytest.mark.parametrize(
    ("actual", "predicted"),
    [([0, 1, 2, 3], [0, 1, 2, 3]), ([0, 1, 2], [0, 1, 2, 3]), ([0, 1, 3], [0, 1, 3]), ([0, 1, 2, 3], [1])],
    ids=["all classes", "one never actual", "one never seen", "only one predicted"],
)
def test_the_metrics_are_scikit_learns(actual: list[int], predicted: list[int]) -> None:
    draws = np.random.default_rng(0)
    true, guess = draws.choice(actual, 200), draws.choice(predicted, 200)
    matrix = confusion_matrix(true, guess, labels=range(4))
    counts = {(row, column): float(matrix[row, column]) for row in range(4) for column in range(4)}
    found = Classification(LABELS).metrics_from_counts({key: count for key, count in counts.items() if count})
    report = classification_report(
        true, guess, labels=range(4), target_names=LABELS, output_dict=True, zero_division=0.0
    )
    for label in LABELS:
        of_label = report[label]
        expected = [of_label["precision"], of_label["recall"], of_label["f1-score"]]
        assert [found[f"{name}/{label}"] for name in ("precision", "recall", "f1")] == pytest.approx(expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found["macro_f1"] == pytest.approx(f1_score(true, guess, average="macro"))
        assert found["mcc"] == pytest.approx(matthews_corrcoef(true, guess))


def test_two_right_and_one_wrong_by_hand() -> None:
    found = Classification(("no", "yes")).metrics_from_counts({(0, 0): 1, (1, 1): 1, (1, 0): 1})
    assert found == {
        "macro_f1": pytest.approx(2 / 3),
        "mcc": pytest.approx(0.5),
        "precision/no": 0.5,
        "recall/no": 1.0,
        "f1/no": pytest.approx(2 / 3),
        "precision/yes": 1.0,
        "recall/yes": 0.5,
        "f1/yes": pytest.approx(2 / 3),
    }


def test_everything_right_is_one_everywhere() -> None:
    found = Classification(("no", "yes")).metrics_from_counts({(0, 0): 2, (1, 1): 3})
    assert set(found.values()) == {1.0}


def test_a_class_that_is_predicted_and_never_there_counts_in_the_macro_average() -> None:
    found = Classification(("a", "b", "c")).metrics_from_counts({(0, 0): 3, (0, 1): 1})
    # F1 of a is 6/7, of b 0; c does not occur.
    assert found["macro_f1"] == pytest.approx((6 / 7 + 0) / 2)


def test_everything_wrong_has_a_correlation_of_minus_one() -> None:
    found = Classification(("no", "yes")).metrics_from_counts({(0, 1): 2, (1, 0): 3})
    assert found["mcc"] == -1.0
    assert found["macro_f1"] == 0.0


def test_without_rows_everything_is_zero() -> None:
    assert set(Classification(LABELS).metrics_from_counts({}).values()) == {0.0}


def test_counts_give_every_metric_but_those_of_tfma() -> None:
    task = Classification(("no", "yes"))
    assert {*task.metrics_from_counts({}), "accuracy", "auc", "loss"} == set(task.metric_names)


def test_accuracy_is_the_share_of_rows_whose_most_probable_class_is_theirs() -> None:
    probabilities = np.array([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1]], np.float32)
    assert Classification(("no", "yes")).compute_metrics(np.array([0, 1, 1]), probabilities) == {"accuracy": 2 / 3}


def test_a_label_of_another_name_is_told_the_names_and_the_nearest_one() -> None:
    names = ("bad", "good")
    assert Classification(names).check_row(["text"], "good") is None
    assert Classification(names).check_row(["text"], "goood") == (
        "the label is 'goood', expected one of bad, good",
        "Did you mean 'good'? Correct the row, or list it in data.labels",
    )


@pytest.mark.parametrize(("count", "listed"), [(8, "a, b, c, d, e, f, g, h"), (9, "a, b, c, d, e, f, g, h, ...")])
def test_of_many_names_the_first_eight_are_listed(count: int, listed: str) -> None:
    problem = Classification(tuple("abcdefghi"[:count])).check_row(["text"], "x" * 5)
    assert problem == (f"the label is 'xxxxx', expected one of {listed}", "Correct the row, or list it in data.labels")


def test_a_target_is_the_index_of_the_name_and_minus_one_without_one() -> None:
    import tensorflow as tf

    found = Classification(("bad", "good")).to_target(tf.constant(["good", "bad", "ugly"]))
    assert found.dtype == tf.int64
    assert found.numpy().tolist() == [1, 0, -1]


def test_smoothing_gives_every_class_its_share_of_the_target() -> None:
    import tensorflow as tf

    task, logits = Classification(("bad", "good")), tf.math.log([[0.25, 0.75]])
    plain, smoothed = (float(task.loss(logits, tf.constant([1]), smoothing)[0]) for smoothing in (0.0, 0.2))
    assert plain == pytest.approx(-np.log(0.75), abs=1e-6)
    assert smoothed == pytest.approx(-0.9 * np.log(0.75) - 0.1 * np.log(0.25), abs=1e-6)


def test_a_prediction_is_the_most_probable_class_with_the_probability_of_each() -> None:
    task = Classification(("bad", "good"))
    values = task.to_json({"label": b"good", "probabilities": np.array([0.25, 0.75], np.float32)})
    assert values == {"label": "good", "probabilities": {"bad": 0.25, "good": 0.75}}
    assert task.output_columns == ["label", "probability_bad", "probability_good"]
    assert task.to_row(values) == ["good", "0.250000", "0.750000"]
    assert task.to_line(values, ["text"]) == "good\tbad 0.250000\tgood 0.750000"

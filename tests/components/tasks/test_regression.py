"""A number a text: rules of rows, scale, metrics and outputs by hand."""

import numpy as np
import pytest

from components.settings.model import Model
from components.tasks.regression import Regression
from components.tasks.similarity import Similarity


def test_a_regression_takes_numbers_alone() -> None:
    assert Regression().check_row(["t"], "-3.5e2") is None
    for label in ("three", "nan", "inf", "1,5"):
        assert Regression().check_row(["t"], label) == (
            f"the value is {label!r}, expected a number",
            "Give one with a decimal point, say 3.5",
        )


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


def test_a_regression_learns_labels_of_deviation_one() -> None:
    import tensorflow as tf

    task = Regression().fitted(Model(base="b"), np.array([10.0, 30.0]))
    logits = tf.constant([[0.5], [-1.0]])
    assert task.predictions(logits).numpy().tolist() == [[25.0], [10.0]]
    assert task.loss(logits, tf.constant([30.0, 10.0]), 0.0).numpy().tolist() == [0.25, 0.0]


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


@pytest.mark.parametrize("label", ["nan", "inf", "1_000", "٣", "0x1", "1,5", "-", "e5"])
def test_what_is_not_decimal_is_no_number(label: str) -> None:
    problem = Regression().check_row(["a"], label)
    assert problem is not None
    assert problem[0] == f"the value is {label!r}, expected a number"


@pytest.mark.parametrize("label", ["1", "-1.5", "+.5", "2.", "3e-4"])
def test_decimals_and_exponents_are_numbers(label: str) -> None:
    assert Regression().check_row(["a"], label) is None


def test_a_training_that_goes_on_keeps_the_scale_of_the_pushed_head() -> None:
    pushed, fresh = Regression(mean=2.0, deviation=0.5), Regression(range=(0.0, 9.0), mean=3.0, deviation=1.0)
    assert fresh.warm_started_from(pushed) == Regression(range=(0.0, 9.0), mean=2.0, deviation=0.5)


@pytest.mark.parametrize("label", ["1e16", "-1e38", "1e400"])
def test_a_number_whose_square_leaves_float32_is_refused(label: str) -> None:
    assert Regression().check_row(["a"], label) == (
        f"the value is {label}, expected one from -1e+15 to 1e+15",
        "Give all in another unit, say divided by 1e12",
    )


@pytest.mark.parametrize(
    ("least", "greatest"), [(1.7e9, 1.7e9 + 100), (-1e15, -1e15 + 1e9), (0.0, 1e-30), (100.0, 100.0001)]
)
def test_numbers_that_float32_hardly_tells_apart_are_refused(least: float, greatest: float) -> None:
    between = np.unique(np.linspace(least, greatest, 1000).astype(np.float32))
    assert len(between) < 100 or np.square(between - between.mean()).sum() == 0
    problem = Similarity().check_extremes(least, greatest)
    assert problem is not None
    assert problem[0] == f"the scores of train lie between {least!r} and {greatest!r}, which float32 hardly tells apart"


@pytest.mark.parametrize(
    ("least", "greatest"), [(0.0, 5.0), (1e9, 1.7e9), (1.7e9, 1.7e9), (-1e15, 1e15), (0.0, 1e-9), (2000.0, 2025.0)]
)
def test_numbers_that_float32_tells_apart_are_taken(least: float, greatest: float) -> None:
    assert Regression().check_extremes(least, greatest) is None

"""Temperature, thresholds and abstention on generated predictions, whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from components.calibration import fitting
from components.calibration.of_task import calibrated
from components.settings.calibration import Calibration
from components.tasks.classification import Classification
from components.tasks.multilabel import Multilabel
from components.tasks.tagging import Tagging


def overconfident(rows: int, seed: int, by: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of three classes, and classes drawn from them as they are with logits divided by `by`."""
    draws = np.random.default_rng(seed)
    logits = draws.normal(size=(rows, 3)) * 2 * by
    told, true = (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) for z in (logits, logits / by))
    return told.astype(np.float32), (true.cumsum(axis=1) < draws.random((rows, 1))).sum(axis=1)


def test_a_model_that_is_three_times_too_sure_gets_the_temperature_3() -> None:
    told, targets = overconfident(20_000, 0)
    assert fitting.temperature(told, targets) == pytest.approx(3, abs=0.1)
    after = fitting.tempered(told, 3.0)
    assert fitting.calibration_error(told, targets) > 0.1
    assert fitting.calibration_error(after, targets) < 0.015
    np.testing.assert_array_equal(after.argmax(axis=1), told.argmax(axis=1))
    np.testing.assert_allclose(fitting.tempered(told, 1.0), told, atol=1e-6)


def test_a_few_rows_that_are_all_right_make_no_model_certain() -> None:
    told = np.tile(np.array([[0.8, 0.2]], np.float32), (8, 1))
    assert 0.25 < fitting.temperature(told, np.zeros(8, int)) < 1
    assert fitting.temperature(told[:0], np.zeros(0, int)) == 1.0


def test_the_calibration_error_of_two_bins_is_their_mean_by_rows() -> None:
    told = np.array([[0.9, 0.1]] * 3 + [[0.4, 0.6]])
    # Three rows of 0.9, two of them right; one of 0.6, which is right.
    assert fitting.calibration_error(told, np.array([0, 0, 1, 1])) == pytest.approx(0.75 * (0.9 - 2 / 3) + 0.25 * 0.4)
    assert [one["rows"] for one in fitting.reliability(told, np.array([0, 0, 1, 1]))] == [1, 3]


def test_rows_are_given_what_the_rows_of_the_other_parts_found() -> None:
    values, parts = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0, 0, 1, 1])
    made = fitting.cross_fitted(lambda which: values[which].sum(), lambda found, which: values[which] + found, parts)
    assert made.tolist() == [13, 14, 7, 11]
    assert fitting.folds(np.array([0, 0, 7, 7])).tolist() == [0, 0, 2, 2]


def test_a_threshold_is_the_one_of_the_highest_f1_between_two_scores() -> None:
    scores = np.repeat([0.9, 0.4, 0.2, 0.1], 100)
    actual = np.repeat([True, True, False, False], 100)
    assert fitting.threshold(scores, actual, 0.5) == pytest.approx(0.3)
    # Of a label without rows, and where all is right already, it stays.
    assert fitting.threshold(scores, np.zeros(400, bool), 0.5) == 0.5
    assert fitting.threshold(np.where(actual, 0.9, 0.1), actual, 0.5) == 0.5


def test_one_row_moves_the_threshold_of_a_rare_label_little() -> None:
    scores, actual = np.append(np.full(99, 0.01), 0.02), np.arange(100) == 99
    assert fitting.threshold(scores, actual, 0.5) == 0.5


def labels(rows: int, seed: int, shares: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Scores that say how probable a label is, for labels of these shares, and labels drawn from them."""
    draws = np.random.default_rng(seed)
    prior = np.log(np.array(shares) / (1 - np.array(shares)))
    scores = 1 / (1 + np.exp(-(prior - 1 + 2.0 * draws.normal(size=(rows, len(shares))))))
    return scores, (draws.random(scores.shape) < scores).astype(np.float32)


def test_thresholds_of_labels_that_are_rare_gain_on_other_rows_and_what_is_told_is_no_more() -> None:
    shares = [0.3, 0.1, 0.05, 0.03, 0.02]
    task = Multilabel(tuple("abcde"))
    gains, told = [], []
    for seed in range(20):
        scores, targets = labels(400, seed, shares)
        found = calibrated(task, scores, targets, np.arange(400), Calibration())
        assert isinstance(found.task, Multilabel)
        new_scores, new_targets = labels(4000, 1000 + seed, shares)
        before, after = (one.compute_metrics(new_targets, new_scores)["macro_f1"] for one in (task, found.task))
        gains.append(after - before)
        told.append(found.summary["cross_fitted"]["macro_f1"] - after)
    assert np.mean(gains) > 0.03
    assert min(gains) > -0.01
    # What is told of dev is as good on other rows, in the mean.
    assert abs(np.mean(told)) < 0.02


def test_metrics_that_follow_from_the_order_of_scores_are_not_told_anew() -> None:
    scores, targets = labels(200, 0, [0.3, 0.2])
    found = calibrated(Multilabel(("a", "b")), scores, targets, np.arange(200), Calibration())
    assert set(found.summary["cross_fitted"]) == {
        *("micro_f1", "macro_f1"),
        *(f"{metric}/{label}" for metric in ("precision", "recall", "f1") for label in "ab"),
    }


def test_a_tagger_s_words_go_with_their_sentence_and_it_has_a_temperature() -> None:
    told, targets = overconfident(3000, 0)
    sentences = np.repeat(np.arange(300), 10)
    found = calibrated(Tagging(("PER",)), told, targets, sentences, Calibration())
    assert found.temperature == pytest.approx(3, abs=0.3)
    assert (found.task, found.summary["cross_fitted"]) == (Tagging(("PER",)), {})
    assert found.summary["after"]["ece"] < found.summary["before"]["ece"] / 3


def most_errors(errors: int, answered: int) -> float:
    return float(fitting.most_errors(np.array(errors), np.array(answered), 0.95))


def test_the_bound_of_clopper_and_pearson_is_that_of_scipy() -> None:
    for errors, answered in ((0, 59), (3, 100), (17, 400)):
        of_scipy = stats.binomtest(errors, answered, alternative="less").proportion_ci(0.95, "exact").high
        assert most_errors(errors, answered) == pytest.approx(of_scipy)
    assert most_errors(0, 0) == most_errors(5, 5) == 1.0


def test_answered_rows_err_at_most_so_often_in_19_of_20_samples() -> None:
    """Of 60 samples: the share of errors among 100,000 rows above the bound."""
    broken, coverages = 0, []
    every, true = overconfident(100_000, 7, by=1.0)
    right = every.argmax(axis=1) == true
    for seed in range(60):
        told, targets = overconfident(600, seed, by=1.0)
        parts = fitting.folds(np.arange(600))
        found = fitting.abstention(told, targets, parts, 0.1, 0.95)
        above = every.max(axis=1) >= found.answered_from
        broken += bool(above.any() and (~right[above]).mean() > 0.1)
        coverages.append(found.coverage)
        assert found.bound == pytest.approx(most_errors(found.errors, found.answered))
    assert broken <= 3
    assert np.mean(coverages) > 0.15


def test_where_nothing_can_be_shown_nothing_is_answered() -> None:
    told, targets = overconfident(50, 0)
    found = calibrated(Classification(tuple("abc")), told, targets, np.arange(50), Calibration(abstain={"error": 0.01}))
    assert found.summary["abstention"]["coverage"] == 0
    assert found.task == Classification(tuple("abc"), answered_from=fitting.NOTHING)

"""Intervals and claims held against formulas, SciPy's own tests and simulated rows whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from bench import verdict as simulated
from components.statistics import shares
from components.tasks import Task
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.multilabel import Multilabel
from components.tasks.regression import Regression
from components.tasks.tagging import Tagging
from components.tasks.word_tags import WordTags
from components.verdict import estimates, intervals, paired
from components.verdict.calibration_error import calibration_error

RANDOM = np.random.default_rng(0)

ROWS = 40


def unit(rows: int) -> np.ndarray:
    found = RANDOM.normal(size=(rows, 8)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


PROBABILITIES = RANDOM.dirichlet([1, 1, 1], ROWS).astype(np.float32)
TAGS = RANDOM.integers(0, 3, (ROWS, 5))
MEASURED: list[tuple[Task, np.ndarray, np.ndarray]] = [
    (Classification(("a", "b", "c")), RANDOM.integers(0, 3, ROWS), PROBABILITIES),
    (Multilabel(("a", "b", "c")), (RANDOM.random((ROWS, 3)) < 0.4).astype(np.float32), PROBABILITIES),
    (Regression(), RANDOM.normal(size=ROWS), RANDOM.normal(size=(ROWS, 1))),
    (Tagging(("a",)), TAGS, RANDOM.permutation(TAGS).astype(np.float32)),
    (WordTags(("a", "b", "c")), TAGS, RANDOM.permutation(TAGS).astype(np.float32)),
    (Embedding(), RANDOM.random(ROWS), np.concatenate([unit(ROWS), unit(ROWS)], axis=1)),
]


@pytest.mark.parametrize(("task", "targets", "predictions"), MEASURED, ids=lambda one: getattr(one, "name", ""))
def test_equal_weights_give_the_metrics_themselves(task: Task, targets: np.ndarray, predictions: np.ndarray) -> None:
    from components.statistics.resampling import Draws

    nothing = np.zeros((2, len(task.labels)))
    found = task.resampled_metrics(targets, predictions, Draws(np.ones((2, ROWS)), nothing, nothing, nothing))
    names = [name for name in task.metric_names if name not in task.served_metrics]
    assert set(found) == set(names)
    for name in names:
        assert found[name] == pytest.approx([task.metric_value(name, targets, predictions)] * 2, abs=1e-6), name


def test_a_task_of_another_package_has_intervals_by_taking_rows_several_times() -> None:
    class Own(Regression):
        resampled_metrics = Task.resampled_metrics

    _, targets, predictions = MEASURED[2]
    ours, theirs = (intervals.resampled(targets, [(task, predictions)])[0] for task in (Regression(), Own()))
    for name in ours:
        assert ours[name].std() == pytest.approx(theirs[name].std(), rel=0.2)


def test_rows_in_any_order_have_equal_intervals() -> None:
    task, targets, predictions = MEASURED[0]
    other = RANDOM.permutation(ROWS)
    models = {"candidate": predictions, "baseline": np.roll(predictions, 1, axis=0)}
    moved = {name: found[other] for name, found in models.items()}
    of_each = dict.fromkeys(models, task)
    found = estimates.estimates(of_each, targets, models, 0.95)
    assert found == estimates.estimates(of_each, targets[other], moved, 0.95)


def test_a_metric_at_its_bound_is_not_sure() -> None:
    targets = np.arange(ROWS) % 2
    predictions = np.eye(2, dtype=np.float32)[targets]
    task = Classification(("a", "b"))
    drawn = intervals.resampled(targets, [(task, predictions)])[0]
    found = intervals.intervals(task, targets, predictions, drawn, 0.95)
    low, _ = stats.binomtest(ROWS, ROWS).proportion_ci(0.95, method="wilson")
    assert found["accuracy"] == pytest.approx((low, 1.0), abs=1e-6)
    assert found["auc"] == pytest.approx((low, 1.0), abs=1e-6)
    assert 0.8 < found["macro_f1"][0] < 0.99


@pytest.mark.parametrize(("better", "worse"), [(30, 12), (5, 9), (0, 4), (1, 0)])
def test_without_a_margin_the_paired_test_is_mcnemars(better: int, worse: int) -> None:
    chi_squared = (better - worse) ** 2 / (better + worse)
    assert shares.tango(better, worse, 200, 0.0) ** 2 == pytest.approx(chi_squared)
    ours = 2 * stats.norm.sf(abs(shares.tango(better, worse, 200, 0.0)))
    assert ours == pytest.approx(stats.chi2.sf(chi_squared, 1))
    # The exact test of the same counts says less, where they are small by much.
    assert ours <= stats.binomtest(better, better + worse).pvalue + 1e-12


def test_an_end_of_the_interval_is_where_the_test_rejects() -> None:
    # A confidence of one half asks for the value itself.
    assert shares.difference(0, 1, 49, 0.5) == pytest.approx((-1 / 49, -1 / 49), abs=1e-6)
    low, high = shares.difference(30, 12, 500, 0.95)
    quantile = stats.norm.ppf(0.95)
    assert shares.tango(30, 12, 500, low) == pytest.approx(quantile, abs=1e-3)
    assert shares.tango(30, 12, 500, high) == pytest.approx(-quantile, abs=1e-3)
    assert shares.difference(0, 0, 38, 0.95) == pytest.approx((-0.0665, 0.0665), abs=1e-3)


def test_the_paired_bootstrap_is_scipys_where_rows_are_many() -> None:
    random = np.random.default_rng(5)
    targets = random.normal(size=400)
    models = [targets + random.normal(size=400) * error for error in (0.5, 0.6)]
    ours, theirs = (one[:, np.newaxis] for one in models)
    of_ours, of_theirs = intervals.resampled(targets, [(Regression(), ours), (Regression(), theirs)])
    low, high = paired.differences(Regression(), targets, (ours, theirs), (of_ours, of_theirs), 0.95)["mae"]

    def better(rows: np.ndarray) -> float:
        errors = [float(np.abs(one[rows] - targets[rows]).mean()) for one in models]
        return errors[1] - errors[0]

    known = stats.bootstrap(
        (np.arange(400),), better, n_resamples=2000, confidence_level=0.9, method="percentile", vectorized=False, rng=1
    ).confidence_interval
    assert (low, high) == pytest.approx((known.low, known.high), abs=0.01)


def test_answers_that_differ_are_counted() -> None:
    task = Classification(("a", "b"))
    ours, theirs = np.array([[0.6, 0.4], [0.3, 0.7]]), np.array([[0.9, 0.1], [0.6, 0.4]])
    assert paired.flips(task.answers(ours), task.answers(theirs)) == (1, 2)
    assert paired.flips(Regression().answers(ours), Regression().answers(theirs)) is None


def test_of_taggers_one_may_have_read_more_words_than_the_other() -> None:
    ours, theirs = np.array([[1.0, 2.0, -1.0], [1.0, 0.0, 0.0]]), np.array([[1.0, 2.0], [1.0, 0.0]])
    assert paired.flips(ours, theirs) == (1, 2)


def test_each_model_decides_from_its_own_thresholds_on() -> None:
    ours, theirs = Multilabel(("a", "b"), threshold=(0.2, 0.6)), Multilabel(("a", "b"))
    targets = np.tile([[1.0, 0.0]], (30, 1))
    scores = np.tile(np.array([[0.3, 0.55]], np.float32), (30, 1))
    found = estimates.estimates(
        {"candidate": ours, "baseline": theirs}, targets, {"candidate": scores, "baseline": scores}, 0.95
    )
    assert found["flips"] == (30, 30)
    # Of a the candidate finds every row, of b it gives none; production the other way round.
    assert found["intervals"]["candidate"]["f1/a"][0] > 0.8
    assert found["intervals"]["baseline"]["f1/a"][1] < 0.2
    assert found["differences"]["micro_f1"][0] > 0.8


@pytest.mark.parametrize(
    ("ends", "answer"), [((-0.01, 0.1), "no worse"), ((-0.02, 0.1), "undecided"), ((-0.05, -0.02), "worse")]
)
def test_a_claim_needs_its_end_of_the_interval(ends: tuple[float, float], answer: str) -> None:
    assert paired.answer(ends, 0.01) == answer


@pytest.mark.parametrize(("kind", "rarest"), [("classification", 0.02), ("classification", 0.2), ("regression", 0.02)])
def test_of_simulated_dev_sets_most_have_an_interval_that_holds_the_truth(kind: str, rarest: float) -> None:
    # Of 60, at 0.95, fewer than 52 would be chance in one of a hundred; `make bench-verdict` has the figures.
    assert min(simulated.coverage(kind, 100, rarest, 60).values()) >= 52 / 60


def test_of_simulated_pairs_few_are_said_to_be_what_they_are_not() -> None:
    worse, equal = (simulated.claims(by, 1044, 0.01, 25)["accuracy"] for by in (0.04, 0.0))
    assert worse["no worse"] == 0
    assert worse["worse"] >= 15
    assert equal["worse"] <= 2


def test_the_calibration_error_is_the_distance_by_bins() -> None:
    # Of four rows answered with 0.9 three are right, of two with 0.6 none.
    probabilities = np.array([0.9] * 4 + [0.6] * 2)
    predictions = np.stack([1 - probabilities, probabilities], axis=1)
    targets = np.array([1, 1, 1, 0, 0, 0])
    found = calibration_error(Classification(("a", "b")), targets, predictions, 0.95)
    assert found is not None
    assert found["value"] == pytest.approx(4 / 6 * (0.9 - 0.75) + 2 / 6 * 0.6)
    assert found["interval"][0] <= found["value"] <= found["interval"][1]
    assert calibration_error(Regression(), targets, predictions, 0.95) is None

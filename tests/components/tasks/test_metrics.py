"""The catalogue of metrics: what each task lists, that it computes no other, and docs/metrics.md.

python -m tests.components.tasks.test_metrics > docs/metrics.md
"""

from typing import Any

import numpy as np
import pytest

from components.tasks import TASKS, Task
from components.tasks.answering.task import Answering
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.generation.task import Generation, encoded
from components.tasks.metrics import Metric, correlation, precision_recall_f1, ratio
from components.tasks.multilabel import Multilabel
from components.tasks.regression import Regression
from components.tasks.similarity import Similarity
from components.tasks.tagging import IGNORED, Tagging
from tests.checkout import ROOT

METRICS = ROOT / "docs" / "metrics.md"

WRITTEN = ["exact_match", "chrf", "bleu", "rouge_1", "rouge_2", "rouge_l"]

CLASSES = ["accuracy", "macro_f1", "auc", "mcc", "loss"]


@pytest.mark.parametrize(
    ("name", "of_rows", "of_labels"),
    [
        ("classification", CLASSES, ["precision", "recall", "f1"]),
        ("pair", CLASSES, ["precision", "recall", "f1"]),
        ("multilabel", ["micro_f1", "macro_f1", "mean_ap"], ["ap", "precision", "recall", "f1"]),
        ("similarity", ["spearman", "pearson", "mae"], []),
        ("regression", ["spearman", "pearson", "mae", "r2"], []),
        ("tagging", ["f1", "precision", "recall", "token_accuracy", "raw_text_f1"], ["precision", "recall", "f1"]),
        ("embedding", ["spearman", "mrr_at_10"], []),
        (
            "answering",
            [f"{name}{of}" for of in ("", "_with_answer", "_without_answer") for name in ("f1", "exact_match")],
            [],
        ),
        (
            "generation",
            [
                *WRITTEN,
                *("token_accuracy", "length_ratio", "empty_share", "cut_share"),
                *(f"copy_{name}" for name in WRITTEN),
            ],
            [],
        ),
    ],
)
def test_the_metrics_of_a_task(name: str, of_rows: list[str], of_labels: list[str]) -> None:
    task = TASKS[name](("x", "y/z") if TASKS[name].has_label_names else ())
    assert [metric.name for metric in task.metrics] == of_rows
    assert [metric.name for metric in task.label_metrics] == of_labels
    assert task.metric_names == [*of_rows, *(f"{metric}/{label}" for label in task.labels for metric in of_labels)]


def all_metrics() -> list[Metric]:
    return [metric for task in TASKS.values() for metric in (*task.metrics, *task.label_metrics)]


def test_only_errors_and_a_loss_are_better_when_lower() -> None:
    lower = {metric.name for metric in all_metrics() if not metric.higher_is_better}
    assert lower == {"loss", "mae", "empty_share", "cut_share"}


def test_bounds_are_those_of_shares_but_for_correlations_errors_and_r2() -> None:
    others = {(m.name, m.lower_bound, m.upper_bound) for m in all_metrics() if (m.lower_bound, m.upper_bound) != (0, 1)}
    assert others == {
        ("mcc", -1.0, 1.0),
        ("spearman", -1.0, 1.0),
        ("pearson", -1.0, 1.0),
        ("loss", 0.0, None),
        ("mae", 0.0, None),
        ("r2", None, 1.0),
        ("length_ratio", 0.0, None),
    }


def test_a_checkpoint_is_chosen_by_a_metric_that_is_better_when_higher() -> None:
    assert {name: task().primary_metric.name for name, task in TASKS.items()} == {
        "classification": "accuracy",
        "multilabel": "micro_f1",
        "pair": "accuracy",
        "similarity": "spearman",
        "regression": "spearman",
        "tagging": "f1",
        "word_tags": "token_accuracy",
        "embedding": "spearman",
        "answering": "f1",
        "generation": "token_accuracy",
    }
    assert all(task().primary_metric.higher_is_better for task in TASKS.values())


@pytest.mark.parametrize("name", sorted(TASKS.keys() - {"generation"}))
def test_a_checkpoint_can_be_chosen_by_every_metric_that_rows_give(name: str) -> None:
    task = TASKS[name](("x", "y/z") if TASKS[name].has_label_names else ())
    served = set(task.served_metrics)
    rows = rows_of(task, np.random.default_rng(3))
    for full_name in set(task.metric_names) - served:
        assert task.check_metric(full_name) is None
        assert np.isfinite(task.metric_value(full_name, *rows))
    for full_name in (*served, "accuracy/", "macro-f1", "f1/z" if task.labels else "f1/x"):
        assert task.check_metric(full_name) is not None


def test_the_metrics_of_classes_that_are_computed_elsewhere_in_evaluation_are_these() -> None:
    from sklearn import metrics

    task, draws = TASKS["classification"](("a", "b", "c")), np.random.default_rng(0)
    targets = draws.integers(0, 3, 60)
    logits = draws.normal(size=(60, 3)).round(1) + 2 * np.eye(3)[targets]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    predicted = probabilities.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(targets, predicted),
        "macro_f1": metrics.f1_score(targets, predicted, average="macro"),
        "mcc": metrics.matthews_corrcoef(targets, predicted),
        "auc": metrics.roc_auc_score(targets, probabilities, multi_class="ovr", average="macro"),
        "loss": metrics.log_loss(targets, probabilities),
        "recall/b": metrics.recall_score(targets, predicted, average=None)[1],
    }
    found = {name: task.metric_value(name, targets, probabilities) for name in expected}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("full_name", "name"),
    [
        ("loss", "loss"),
        ("f1/good", "f1"),
        ("f1/and/or", "f1"),
        ("f1", None),
        ("f1/", None),
        ("loss/", None),
        ("loss/good", None),
        ("rank", None),
        ("", None),
    ],
)
def test_a_full_name_is_a_metrics_or_a_metrics_with_a_label(full_name: str, name: str | None) -> None:
    found = Classification.metric_of(full_name)
    assert (found and found.name) == name


def rows_of(task: Task, draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Targets and predictions of 40 rows, at random."""
    if isinstance(task, Generation):
        some = ["".join(draws.choice(list("ab "), 9)) for _ in range(80)]
        given = encoded([one + two for one, two in zip(some[:40], some[40:], strict=True)], before=lambda _: (9.0,))
        return given, encoded(some[20:60], before=lambda place: (place % 3, 3.0, place % 2, -0.5))
    if isinstance(task, Multilabel):
        return (draws.random((40, 2)) < 0.5).astype(np.float32), draws.random((40, 2)).astype(np.float32)
    if isinstance(task, Embedding):
        vectors = draws.normal(size=(2, 40, 3))
        units = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
        return draws.random(40).astype(np.float32), np.concatenate(list(units), axis=1).astype(np.float32)
    if isinstance(task, Regression):
        return draws.random(40).astype(np.float32), draws.random((40, 1)).astype(np.float32)
    if isinstance(task, Classification):
        return draws.integers(0, 2, 40), draws.dirichlet([1, 1], 40)
    if isinstance(task, Answering):
        texts = [[0, *map(ord, "a b c d e\0b c" if has_one else "a b c d e")] for has_one in draws.random(40) < 0.5]
        targets = np.array([[*text, *[-1] * (14 - len(text))] for text in texts])
        spans = np.zeros((40, 6, 3), np.float32)
        spans[:, 0, 2], spans[:, 1, 2] = draws.random((2, 40))
        spans[:, 1, 0], spans[:, 1, 1] = draws.integers(0, 4, 40), draws.integers(4, 9, 40)
        return targets, spans
    assert isinstance(task, Tagging)
    return draws.integers(-1, 5, (40, 6)), draws.integers(-1, 5, (40, 6)).astype(np.float32)


@pytest.mark.parametrize(
    "task",
    [Multilabel(("a", "b")), Similarity(), Regression(), Tagging(("a", "b")), Embedding(), Answering()],
    ids=lambda task: task.name,
)
def test_a_task_computes_the_metrics_it_lists_within_their_bounds(task: Task) -> None:
    for seed in range(5):
        found = task.compute_metrics(*rows_of(task, np.random.default_rng(seed)))
        assert sorted(found) == sorted(set(task.metric_names) - set(task.served_metrics))
        for name, value in found.items():
            metric = task.metric_of(name)
            assert metric is not None
            assert metric.lower_bound is None or metric.lower_bound <= value
            assert metric.upper_bound is None or value <= metric.upper_bound


def test_predicting_the_targets_reaches_the_upper_bound_of_what_is_better_when_higher() -> None:
    targets = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    numbers = np.array([1.0, 2.0, 4.0], np.float32)
    tags = np.array([[1, 2, 0], [3, IGNORED, IGNORED]])
    texts = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, -1.0]], np.float32)
    for task, of_rows in (
        (Multilabel(("a", "b")), (targets, targets)),
        (Regression(), (numbers, numbers[:, np.newaxis])),
        (Tagging(("a", "b")), (tags, tags)),
        (Embedding(), (np.array([1.0, 0.0]), texts)),
    ):
        for name, value in task.compute_metrics(*of_rows).items():
            metric: Any = task.metric_of(name)
            best = metric.upper_bound if metric.higher_is_better else metric.lower_bound
            assert value == pytest.approx(best), (task.name, name)


def test_a_ratio_without_a_whole_is_zero() -> None:
    assert ratio(1, 4) == 0.25
    assert ratio(0, 0) == 0.0


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((2, 4, 8), (0.5, 0.25, 1 / 3)),
        ((0, 0, 3), (0.0, 0.0, 0.0)),
        ((0, 3, 0), (0.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((1, 1, 1), (1.0, 1.0, 1.0)),
    ],
)
def test_precision_recall_and_f1_of_counts(counts: tuple[int, int, int], expected: tuple[float, float, float]) -> None:
    assert precision_recall_f1(*counts) == pytest.approx(expected)


@pytest.mark.parametrize("ranks", [True, False])
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1.0, 2.0], [5.0, 7.0], 1.0),
        ([1.0, 2.0], [7.0, 5.0], -1.0),
        ([1.0, 2.0], [3.0, 3.0], 0.0),
        ([3.0, 3.0], [1.0, 2.0], 0.0),
        ([1.0], [2.0], 0.0),
        ([], [], 0.0),
    ],
)
def test_correlations_of_few_values(one: list[float], other: list[float], expected: float, ranks: bool) -> None:
    assert correlation(np.array(one), np.array(other), ranks=ranks) == pytest.approx(expected)


def test_spearmans_is_of_ranks_and_pearsons_of_values() -> None:
    one, other = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 9.0])
    assert correlation(one, other, ranks=True) == pytest.approx(1.0)
    assert correlation(one, other, ranks=False) == pytest.approx(8 / np.sqrt(2 * 38))


def markdown() -> str:
    """docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "What a gate can name, by task; the first metric of a task also chooses the checkpoint, of `generation`",
        "`token_accuracy`. A metric of a label is",
        'named `METRIC/LABEL`, as in `min = { "f1/good" = 0.8 }`. A ratio without a denominator is 0, and so is a',
        "correlation with a constant.",
        "`make docs` writes this page.",
    ]
    alike: dict[tuple[tuple[Metric, ...], ...], list[str]] = {}
    for name, task in TASKS.items():
        alike.setdefault((task.metrics, task.label_metrics), []).append(name)
    for (of_rows, of_labels), names in alike.items():
        lines += ["", f"## {', '.join(names)}"]
        lines += ["| metric | better | from | to | meaning |", "| --- | --- | --- | --- | --- |"]
        named = [(metric.name, metric) for metric in of_rows]
        for full_name, metric in [*named, *((f"{metric.name}/LABEL", metric) for metric in of_labels)]:
            lower, upper = ("" if bound is None else f"{bound:g}" for bound in (metric.lower_bound, metric.upper_bound))
            better = "higher" if metric.higher_is_better else "lower"
            lines.append(f"| `{full_name}` | {better} | {lower} | {upper} | {metric.description} |")
    return "\n".join(lines) + "\n"


def test_the_page_of_metrics_is_what_the_tasks_list() -> None:
    assert METRICS.read_text(encoding="utf-8") == markdown()


if __name__ == "__main__":
    print(markdown(), end="")

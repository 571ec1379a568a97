"""AUC by one pass over ranks beside its plain twin, TFMA's AUC of a class at a time."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tensorflow_model_analysis.metrics import aggregation, confusion_matrix_metrics, metric_types

from components import tasks
from components.evaluation.tfma_class_metrics import ClassMetrics
from components.tasks.classification import Classification

AUC = metric_types.MetricKey("auc")

Rows = Sequence[tuple[int, Sequence[float]]]


def computed(computations: Sequence[Any], parts: Sequence[Rows]) -> dict[Any, Any]:
    """What TFMA would make of rows, each part of them counted by a worker of its own."""
    found: dict[Any, Any] = {}
    for one in computations:
        if not isinstance(one, metric_types.MetricComputation):
            found |= one.result(found)
            continue
        accumulators = []
        for rows in parts:
            accumulator = one.combiner.create_accumulator()
            for label, probabilities in rows:
                given = metric_types.StandardMetricInputs(
                    label=np.array([label]),
                    prediction=np.array(probabilities, np.float32),
                    example_weight=np.array([1.0]),
                )
                accumulator = one.combiner.add_input(accumulator, given)
            accumulators.append(one.combiner.compact(accumulator))
        found |= one.combiner.extract_output(one.combiner.merge_accumulators(accumulators))
    return found


def ours(classes: int, *parts: Rows) -> dict[Any, Any]:
    labels = tuple(f"class {index}" for index in range(classes))
    return computed(ClassMetrics(tasks.to_dict(Classification(labels))).computations(), parts)


def plain(classes: int, rows: Rows) -> float:
    """TFMA's, as its MetricsSpec with `macro_average` computes it: classes without rows have no weight."""
    sub_keys = [metric_types.SubKey(class_id=index) for index in range(classes)]
    macro = metric_types.AggregationType(macro_average=True)
    weights = {index: float(any(label == index for label, _ in rows)) for index in range(classes)}
    of_classes = confusion_matrix_metrics.AUC(name="auc").computations(sub_keys=sub_keys)
    mean = aggregation.macro_average("auc", sub_keys=sub_keys, class_weights=weights)
    return float(computed([*of_classes, *mean], [rows])[AUC._replace(aggregation_type=macro)])


def drawn(classes: int, rows: int, decimals: int, seed: int) -> Rows:
    """Rows with probabilities that do not sum to 1: TFMA asks for none that do."""
    chance = np.random.default_rng(seed)
    scores = np.round(chance.random((rows, classes)) ** 3, decimals)
    return [(int(chance.integers(classes)), row.tolist()) for row in scores]


ON_THE_EDGES = [[edge, 1 - edge] for edge in (0.0, 1.0, 0.5, 1e-4, 1 / 9999, 0.9999, 9998 / 9999, 0.99995, 5e-5)]


@pytest.mark.parametrize(
    ("classes", "rows"),
    [
        (2, drawn(2, 40, 6, seed=1)),
        (2, drawn(2, 40, 1, seed=2)),
        (5, drawn(5, 60, 2, seed=3)),
        (9, drawn(9, 12, 4, seed=4)),
        (2, [(place % 2, row) for place, row in enumerate(ON_THE_EDGES * 2)]),
        (2, [(1, [0.3, 0.7]), (1, [0.6, 0.4])]),
        (3, [(2, [0.1, 0.2, 0.7])]),
    ],
    ids=["two classes", "ties", "five", "classes without rows", "edges of buckets", "one class alone", "one row"],
)
def test_auc_is_tfmas(classes: int, rows: Rows) -> None:
    assert ours(classes, rows)[AUC] == pytest.approx(plain(classes, rows), abs=1e-12)


def test_auc_by_hand_and_of_the_same_bits_however_rows_are_dealt_to_workers() -> None:
    # Of the four pairs of a good row and a bad one, one is in the wrong order and one is a tie.
    rows = [(0, [0.9, 0.1]), (0, [0.4, 0.6]), (1, [0.4, 0.6]), (1, [0.45, 0.55])]
    assert ours(2, rows)[AUC] == 2.5 / 4
    many = drawn(4, 50, 3, seed=5)
    assert {ours(4, *parts)[AUC] for parts in ([many], [many[:7], many[7:]], [many[30:], [], many[:30]])} == {
        ours(4, many)[AUC]
    }


def test_without_rows_there_is_no_auc() -> None:
    assert math.isnan(ours(2, [])[AUC])


def test_the_other_metrics_are_those_of_the_confusion_matrix() -> None:
    found = ours(2, [(0, [0.9, 0.1]), (0, [0.8, 0.2])], [(1, [0.7, 0.3]), (1, [0.1, 0.9])])
    values = {key.name: value for key, value in found.items() if not key.name.startswith("_")}
    assert values == {
        "auc": 1.0,
        **Classification(("class 0", "class 1")).metrics_from_counts({(0, 0): 2, (1, 0): 1, (1, 1): 1}),
    }


def test_a_row_is_looked_at_as_often_whatever_the_number_of_classes() -> None:
    few, many = (
        ClassMetrics(tasks.to_dict(Classification(tuple(map(str, range(classes)))))).computations()
        for classes in (2, 1000)
    )
    assert len(many) == len(few) == 3

import warnings

import numpy as np
import pytest
from sklearn.metrics import classification_report, confusion_matrix, f1_score, matthews_corrcoef

from components.evaluation.class_metrics import from_counts, keys

LABELS = ["bad", "good", "ugly", "none"]


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
    found = from_counts({key: count for key, count in counts.items() if count}, LABELS)
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
    found = from_counts({(0, 0): 1, (1, 1): 1, (1, 0): 1}, ["no", "yes"])
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
    assert list(found) == keys(["no", "yes"])


def test_without_rows_everything_is_zero() -> None:
    assert set(from_counts({}, LABELS).values()) == {0.0}

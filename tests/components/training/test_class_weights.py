from types import SimpleNamespace

import numpy as np
import pytest

from components.common.errors import InputError
from components.settings.training import Training
from components.tasks.classification import Classification
from components.tasks.label_weights import balanced
from components.training.class_weights import class_weights

TASK = Classification(("bad", "good", "mixed"))

TRAIN = SimpleNamespace(targets=np.array([0, 1, 0, 2, 1, 0]))


def test_balanced_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    label_ids = np.array([0, 0, 0, 1, 2, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=label_ids)
    np.testing.assert_allclose(balanced(label_ids, 3), expected, rtol=1e-6)
    assert balanced(np.array([0, 0]), 2).tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("given", "weights"),
    [("none", [1, 1, 1]), ({"good": 2.5}, [1, 2.5, 1]), ("balanced", [6 / (3 * 3), 6 / (3 * 2), 6 / (3 * 1)])],
)
def test_class_weights_stand_in_the_order_of_the_labels(given: object, weights: list[float]) -> None:
    found = class_weights(Training(class_weights=given), TRAIN, TASK)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, weights, rtol=1e-6)
    assert found.dtype == np.float32


def test_weights_for_unknown_labels_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        class_weights(Training(class_weights={"good": 2.0, "ugly": 1.0, "awful": 3.0}), TRAIN, TASK)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "training.class_weights: weights for unknown labels: awful, ugly. The labels are bad, good, mixed."
    )

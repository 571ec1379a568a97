"""What each class counts for in the loss."""

from __future__ import annotations

import numpy as np

from components.common.errors import InputError
from components.settings.training import Training
from components.tasks import Task
from components.training.dataset import Rows


def class_weights(training: Training, train: Rows, task: Task) -> np.ndarray:
    """float32[labels], as `training.class_weights` says.

    Raises:
        InputError: a weight for a label that there is none of.
    """
    labels = task.labels
    if training.class_weights == "none":
        return np.ones(len(labels), np.float32)
    if training.class_weights == "balanced":
        return balanced(train.targets, len(labels))
    unknown = sorted(set(training.class_weights) - set(labels))
    if unknown:
        problem = f"weights for unknown labels: {', '.join(unknown)}"
        raise InputError("training.class_weights", problem, f"The labels are {', '.join(labels)}")
    return np.array([training.class_weights.get(label, 1.0) for label in labels], np.float32)


def balanced(label_ids: np.ndarray, labels: int) -> np.ndarray:
    """float32[labels]: rows / (classes * rows of the class), as scikit-learn has it; 1 for a class without rows."""
    counts = np.bincount(label_ids, minlength=labels)
    return np.where(counts, len(label_ids) / (labels * np.maximum(counts, 1)), 1.0).astype(np.float32)

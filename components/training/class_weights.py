"""What each class, label or tag counts for in the loss."""

from __future__ import annotations

import numpy as np

from components.common.errors import InputError
from components.settings.training import Training
from components.tasks import Task
from components.training.dataset import Rows


def class_weights(training: Training, train: Rows, task: Task) -> np.ndarray:
    """float32 of each of the task's `weight_names`, as `training.class_weights` says; counted in train alone.

    Raises:
        InputError: a weight for a name that there is none of.
    """
    names = task.weight_names
    if training.class_weights == "none":
        return np.ones(len(names), np.float32)
    if training.class_weights == "balanced":
        return task.balanced_weights(train.targets)
    unknown = sorted(set(training.class_weights) - set(names))
    if unknown:
        problem = f"weights for unknown labels: {', '.join(unknown)}"
        raise InputError("training.class_weights", problem, f"The labels are {', '.join(names)}")
    return np.array([training.class_weights.get(name, 1.0) for name in names], np.float32)

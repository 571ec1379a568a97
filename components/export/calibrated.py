"""What a calibration sets in an exported model: variables beside the weights, so that the graph stays what it is."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.export import card
from components.export.card import CALIBRATION
from components.tasks import Task


class Calibrated(tf.Module):
    """The variables that a task's answers depend on, as they are before a calibration: they change nothing.

    `temperature` float32[]: what logits are divided by. `threshold` float32[k], of several labels, and `answered_from`
    float32[], of one class: the fields of these names in the task.

    Args:
        task: whose answers they are.
    """

    def __init__(self, task: Task) -> None:
        super().__init__()
        if task.has_temperature:
            self.temperature = _variable("temperature", 1.0)
        for name in task.calibrated_fields:
            setattr(self, name, _variable(name, _value(task, name)))

    def logits(self, logits: tf.Tensor) -> tf.Tensor:
        """Divided by the temperature, if there is one."""
        return logits / self.temperature if hasattr(self, "temperature") else logits

    def task(self, task: Task) -> Task:
        """The same, with variables for fields: to make outputs by."""
        return dataclasses.replace(task, **{name: getattr(self, name) for name in task.calibrated_fields})


def _variable(name: str, value: Any) -> tf.Variable:
    return tf.Variable(tf.constant(value, tf.float32), trainable=False, name=f"{CALIBRATION}/{name}")


def _value(task: Task, name: str) -> Any:
    """A field as its variable has it: of several labels, a number each."""
    value = getattr(task, name)
    return np.broadcast_to(value, len(task.labels)) if name == "threshold" else value


def values(task: Task, temperature: float | None) -> dict[str, np.ndarray]:
    """Path of each variable -> its value in a model of this task, calibrated by now."""
    found = {name: np.asarray(_value(task, name), np.float32) for name in task.calibrated_fields}
    if temperature is not None:
        found["temperature"] = np.asarray(temperature, np.float32)
    return {f"{CALIBRATION}/{name}": value for name, value in found.items()}


def temperature_of(model: Path) -> float:
    """What the card of a model says that its logits are divided by."""
    return card.temperature(card.read_card(model))

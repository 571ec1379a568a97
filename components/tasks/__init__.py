"""The tasks there are: what a row is labelled for, and all that follows from it. A task is a class and a line here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.tasks.base import Task
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.multilabel import Multilabel
from components.tasks.pair import Pair
from components.tasks.regression import Regression
from components.tasks.similarity import Similarity
from components.tasks.tagging import Tagging

if TYPE_CHECKING:
    from components.settings.data import Data

__all__ = ["TASKS", "Task", "from_dict", "of", "of_card", "read", "to_dict", "write"]

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        Classification,
        Multilabel,
        Pair,
        Similarity,
        Regression,
        Tagging,
        Embedding,
    )
}
"""By the name that the settings give."""

_FILE = "task.json"


def of(data: Data) -> Task:
    """The task that the settings tell, as far as they do."""
    return TASKS[data.task].of(data)


def to_dict(task: Task) -> dict[str, Any]:
    """For JSON: its name and what it was told."""
    return {"name": task.name, **dataclasses.asdict(task)}


def from_dict(values: dict[str, Any]) -> Task:
    """What `to_dict` gave, from JSON."""
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key != "name"}
    return TASKS[values["name"]](**fields)


def of_card(card: dict[str, Any]) -> Task:
    """The task of a SavedModel by its card; those of before there were several are classifiers."""
    return from_dict(card["task"]) if "task" in card else Classification(tuple(card["labels"]))


def write(directory: str | Path, task: Task) -> None:
    """Writes the task beside an artifact."""
    Path(directory, _FILE).write_text(json.dumps(to_dict(task), ensure_ascii=False), encoding="utf-8")


def read(directory: str | Path) -> Task:
    """The task from beside an artifact."""
    return from_dict(json.loads(Path(directory, _FILE).read_text(encoding="utf-8")))

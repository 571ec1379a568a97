"""The registry of tasks, and how a task travels between nodes.

A new task is a class in its own file and a line here, or a class in another package that declares it (`own`).

A task says what the rows are labelled for; the head, the loss, the metrics and the signatures' outputs follow from it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.common.json_files import shown
from components.common.suggest import did_you_mean
from components.tasks import own
from components.tasks.answering.task import Answering
from components.tasks.base import Task
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.generation.task import Generation
from components.tasks.multilabel import Multilabel
from components.tasks.pair import Pair
from components.tasks.protocols import DataSettings
from components.tasks.regression import Regression
from components.tasks.similarity import Similarity
from components.tasks.tagging import Tagging
from components.tasks.word_tags import WordTags

__all__ = ["BUILT_IN", "TASKS", "Task", "from_card", "from_dict", "from_settings", "read", "to_dict", "unlike", "write"]

BUILT_IN: dict[str, type[Task]] = {
    task.name: task
    for task in (
        Classification,
        Multilabel,
        Pair,
        Similarity,
        Regression,
        Tagging,
        WordTags,
        Embedding,
        Answering,
        Generation,
    )
}
"""Name -> class."""


class _Registry(Mapping[str, type[Task]]):
    """The tasks that are built in, and those of other packages, which are imported when they are asked for."""

    def __getitem__(self, name: str) -> type[Task]:
        return BUILT_IN[name] if name in BUILT_IN else own.load(name)

    def __contains__(self, name: object) -> bool:
        return name in BUILT_IN or name in own.declared()

    def __iter__(self) -> Iterator[str]:
        return iter({**BUILT_IN, **own.declared()})

    def __len__(self) -> int:
        return len(BUILT_IN.keys() | own.declared().keys())


TASKS = _Registry()
"""Name, as the settings' `task` gives it -> class.

Raises:
    InputError: of a package's task, which cannot be imported or is none.
"""

_FILE = "task.json"


def unknown(name: object) -> tuple[str, str]:
    """What to say of a task that is none, and the remedy."""
    if not isinstance(name, str):
        return f"`task` is {shown(name)}, a name is expected", (
            f'Give it above the first table: task = "classification", or another of {", ".join(TASKS)}'
        )
    known = f"{did_you_mean(name, TASKS)}Known: {', '.join(TASKS)}; a task of your own needs its package installed"
    return f"`task` is {shown(name)}, there is none of this name", known


def from_settings(data: DataSettings) -> Task:
    """The task of `[data]`; without label names if train is to be read for them, and not fitted yet."""
    return TASKS[data.task].from_settings(data)


def to_dict(task: Task) -> dict[str, Any]:
    """Its name and its fields, as JSON can hold them; of another package's task also which `package` that is.

    A calibrated field that is 0 says nothing, and is left out.
    """
    of = {} if task.name in BUILT_IN else {"package": own.package(task.name)}
    fields = dataclasses.asdict(task)
    kept = {name: value for name, value in fields.items() if value or name not in task.calibrated_fields}
    return {"name": task.name, **of, **kept}


def from_dict(values: dict[str, Any]) -> Task:
    """The task of which `to_dict` gave the values, also if they went through JSON.

    Raises:
        MissingTaskError: another package's, which is not installed, or in a version that knows other fields.
    """
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    name: str = fields.pop("name")
    package: str = fields.pop("package", "")
    if package and name not in TASKS:
        raise own.missing(name, package)
    try:
        return TASKS[name](**fields)
    except TypeError as error:
        if not package:
            raise
        raise own.missing(name, package, f"is {own.package(name)} here, which has other fields ({error})") from None


def from_card(card: dict[str, Any]) -> Task:
    """The task of an exported model, by the card that `components.export` put into it."""
    return from_dict(card["task"])


def unlike(known: Task, task: Task) -> str:
    """Why a model's answers are of another kind than a task's, in words that follow the model's name; empty: they are
    of the same kind."""
    if known.name != task.name:
        return f"is a model for the task {known.name}"
    if known.labels != task.labels:
        return f"knows other classes ({', '.join(known.labels)})"
    return ""


def write(directory: str | Path, task: Task) -> None:
    """Writes the task as a file of the artifact in this directory."""
    Path(directory, _FILE).write_text(json.dumps(to_dict(task), ensure_ascii=False), encoding="utf-8")


def read(directory: str | Path) -> Task:
    """The task that `write` put into the artifact in this directory."""
    return from_dict(json.loads(Path(directory, _FILE).read_text(encoding="utf-8")))

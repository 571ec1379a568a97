"""The names of the labels, found in train where the settings do not list them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from components import tasks
from components.common.errors import InputError
from components.rows.files import InputFiles, of_train
from components.rows.reader import Row, read_rows
from components.settings.data import Data
from components.tasks import Task

MAX_CLASSES = 1000
"""More label names than this in train are taken for a mistake in the choice of the label column."""


def read_one_by_one(files: InputFiles, data: Data, task: Task) -> dict[Path, set[str]]:
    """File -> the names of labels in its rows of train."""
    return {path: names_in(split, path, data, task) for split, path in files}


def task_of(
    files: InputFiles,
    data: Data,
    read_names: Callable[[InputFiles, Data, Task], Mapping[Path, set[str]]] = read_one_by_one,
) -> Task:
    """The task with the names of its labels, in the order of their ids: as the settings list them, or those of train.

    Args:
        files: of all splits.
        data: their format and columns.
        read_names: reads the files that may hold rows of train, if need be; for ExampleGen by Beam.

    Raises:
        InputError: fewer names than the task needs, or so many that the label column must be the wrong one.
    """
    task = tasks.from_settings(data)
    if task.labels or not task.has_label_names:
        return task
    found = read_names(of_train(files), data, task)
    return dataclasses.replace(task, labels=tuple(_ordered(found, task)))


def names_in(split: str | None, path: Path, data: Data, task: Task) -> set[str]:
    """Names of labels in a file's rows of train; with more than there can be, the reading stops."""
    names: set[str] = set()
    for row in read_rows(path, split, data, task.check_row):
        if isinstance(row, Row) and row.split == "train":
            names.update(task.label_names(row.label))
            if len(names) > MAX_CLASSES:
                break
    return names


def _ordered(found: Mapping[Path, set[str]], task: Task) -> list[str]:
    """The names that were found in the files of train, sorted; errors as `task_of`."""
    names: set[str] = set()
    for path, some in found.items():
        names |= some
        if len(names) > MAX_CLASSES:
            listed = ", ".join(repr(name[:30]) for name in sorted(names)[:3])
            problem = f"more than {MAX_CLASSES} different labels ({listed}, ...)"
            raise InputError(str(path), problem, "Is data.label the right column? If so, list them in data.labels")
    if len(names) < task.min_labels:
        held = f"the one label {names.pop()!r}" if names else "no label"
        problem = f"train holds {held}, at least {task.min_labels} {'are' if task.min_labels > 1 else 'is'} needed"
        raise InputError(", ".join(map(str, found)), problem, "Add rows of another class, or correct data.label")
    return sorted(names)

"""The names of the labels, found in train where the settings do not list them; and what among them looks wrong: a
header that was read as a row, names that a person would not tell apart, several names in one.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from components import tasks
from components.common.errors import InputError
from components.rows.columns import first_lines
from components.rows.files import InputFiles, of_train
from components.rows.reader import Row, read_rows
from components.settings.data import Data
from components.tasks import Task, label_text
from components.tasks.multilabel import LABEL_SEPARATOR, Multilabel

MAX_CLASSES = 1000
"""More label names than this in train are taken for a mistake in the choice of the label column."""

_NAMED = 3
"""Examples that a warning gives."""

_OF_COLUMNS = frozenset(
    re.findall(
        r"\w+",
        """
        answer article body category class comment content description document gold headline hypothesis id input intent
        label message name phrase polarity premise query question rating review score sentence sentiment subject summary
        tag target text title token topic tweet utterance value
        """,
    )
)
"""Words that names of columns are made of, in the singular."""


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


def check_headers(files: InputFiles, data: Data, names: Collection[str]) -> dict[Path, str]:
    """Refuses a header that is read as a row, and a row that is read as a header.

    Args:
        files: of all splits.
        data: their format and columns.
        names: of train's labels, as far as they are known.

    Returns:
        File -> the label of its line 1 that no other row of train has: it may be a header, or a class of one row.

    Raises:
        InputError: the first such line.
    """
    alone: dict[Path, str] = {}
    if data.format != "tsv":
        return alone
    task = tasks.from_settings(data)
    first = {path: first_lines(path, data) for _, path in files}
    if data.header:
        # Columns that are found by their names stand under a header.
        if all(isinstance(column, int) for column in (*data.text, data.label)):
            for path, lines in first.items():
                if lines:
                    _refuse_row_as_header(path, *lines[0], task, names)
    elif task.has_label_names and not (task.labels or task.per_token):
        # Elsewhere a header's label breaks a rule: it is no number, no tag, or not listed.
        for _, path in of_train(files):
            if (lines := first[path]) and _is_alone(path, line := lines[0], files, data, task):
                # A copy of the file begins like it too.
                again = any(other[:1] == lines[:1] and other[1:] != lines[1:] for other in first.values())
                if again or name_columns(line[0]):
                    problem = f"line 1 is read as a row, and no other row of train has its label, {line[1]!r}"
                    remedy = "It looks like a header: set data.header = true. If it is a row, put another one first"
                    raise InputError(f"{path}:1", problem, remedy)
                alone[path] = line[1]
    return alone


def _refuse_row_as_header(path: Path, texts: tuple[str, ...], label: str, task: Task, names: Collection[str]) -> None:
    known = task.numeric or (names and set(task.label_names(label)) <= set(names))
    if known and task.check_row(texts, label) is None and not name_columns(texts):
        problem = f"line 1 is read as a header, but {label!r}, in the column of data.label, is what rows have there"
        remedy = "Set data.header = false if it is a row; if it is none, give data.text and data.label as names"
        raise InputError(f"{path}:1", problem, remedy)


def name_columns(fields: Sequence[str]) -> bool:
    """Whether fields are such as stand in a header: `text_a`, `Comments`."""
    words = [word for field in fields for word in re.findall(r"[^\W\d_]{2,}", field.lower())]
    alone = all(len(field.split()) == 1 for field in fields)
    return alone and bool(words) and all(word in _OF_COLUMNS or word.removesuffix("s") in _OF_COLUMNS for word in words)


def _is_alone(path: Path, line: tuple[tuple[str, ...], str], files: InputFiles, data: Data, task: Task) -> bool:
    """Whether a first line is in train and shares no label with a row of train that is no such line."""
    names, in_train = set(task.label_names(line[1])), False
    if not names:
        # A row without a label is no header.
        return False
    for of_file, other in of_train(files):
        for row in read_rows(other, of_file, data, task.check_row):
            if not isinstance(row, Row) or row.split != "train":
                continue
            if (row.line, row.texts, row.label) == (1, *line):
                in_train |= other == path
            elif not names.isdisjoint(task.label_names(row.label)):
                return False
    return in_train


def warnings(labels: Mapping[str, int], task: Task, alone: Mapping[str, str]) -> list[str]:
    """What a person should know of the labels of train before a model learns them, a line each.

    Args:
        labels: a label's field as the task counts it -> rows.
        task: whose labels they are.
        alone: file -> label, as of `check_headers`.
    """
    rows = rows_by_name(labels, task)
    found = [
        f"label {label[:80]!r} stands in line 1 of {file} alone: if that is a header, set data.header = true"
        for file, label in alone.items()
    ]
    for group in label_text.look_alikes(rows):
        listed = " and ".join(_with_rows(name, rows[name]) for name in group)
        found.append(f"labels that look alike are classes of their own: {listed}")
    for name in sorted(filter(label_text.mixes_scripts, rows)):
        count = f"{rows[name]:,} row{'s' * (rows[name] != 1)}"
        found.append(f"label {name!r} ({count}) has letters of two alphabets in one word: {name!a}")
    quoted = [name for name in sorted(rows) if len(name) > 2 and name[0] == name[-1] == '"']
    if quoted:
        examples = ", ".join(_with_rows(name, rows[name]) for name in quoted[:_NAMED])
        found.append(f'labels in quotes: {examples}; if these are those of CSV, set data.quoting = "csv"')
    several = label_text.look_like_several(rows) if not task.per_token else []
    examples = ", ".join(_with_rows(name, rows[name]) for name in several[:_NAMED])
    if several and not isinstance(task, Multilabel):
        remedy = f'task = "multilabel" takes several, with {LABEL_SEPARATOR} between'
        found.append(f"labels that look like several are a class each: {examples}; {remedy}")
    elif several and not any(LABEL_SEPARATOR in label for label in labels):
        found.append(
            f"no row has several labels, and some look like it: {examples}; {LABEL_SEPARATOR} stands between labels"
        )
    return found


def rows_by_name(labels: Mapping[str, int], task: Task) -> Counter[str]:
    """Name of a label -> rows that have it, from a label's field as the task counts it -> rows."""
    rows: Counter[str] = Counter()
    for label, count in labels.items():
        rows.update(dict.fromkeys(task.label_names(label), count))
    return rows


def _with_rows(name: str, count: int) -> str:
    return f"{name!r} ({count:,} row{'s' * (count != 1)})"

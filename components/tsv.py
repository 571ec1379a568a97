"""Rows from TSV files: pure Python, one pass, nothing dropped without a word.

A row that breaks a rule comes out as a `BadRow` in its place.
"""

from __future__ import annotations

import dataclasses
import difflib
import glob
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from components import durable, tasks
from components.errors import InputError
from components.records import (
    BadRow,
    Quoting,
    bytes_read,
    opened,
    read_records,
    read_sentences,
    readable,
    require_file,
)
from components.settings import SPLITS, Data, Split
from components.settings_base import Column
from components.tasks import Task

MAX_CLASSES = 1000
"""More label names than this in train are taken for a mistake in the choice of the label column."""


class Row(NamedTuple):
    """A good row: the wanted fields, as they stand in the file."""

    line: int
    split: str
    texts: tuple[str, ...]
    label: str
    slices: tuple[str, ...]


Rule = Callable[[Sequence[str], str], tuple[str, str] | None]
"""Texts and label of a row -> the rule that they break and the remedy; none of them is empty."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the wanted columns stand in a file: indices from 0, and the number of fields of a row."""

    width: int
    texts: tuple[int, ...]
    label: int | None
    slices: tuple[int, ...]
    slice_names: tuple[str, ...]


def find_files(data: Data) -> list[tuple[str | None, Path]]:
    """(split, file) of every input, globs resolved in sorted order.

    Raises:
        InputError: a pattern that matches nothing, a directory, or a file that stands in two splits.
    """
    found: list[tuple[str | None, Path]] = []
    owner: dict[Path, str | None] = {}
    for split, pattern in data.patterns:
        # A name may hold brackets and be no glob.
        with readable(Path(pattern)):
            names = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))
        for path in map(Path, names or [pattern]):
            require_file(path, f"Name its files, say {path}/*.tsv")
            real = path.resolve()
            if real in owner:
                both = "twice" if owner[real] == split else f"in {owner[real]} and in {split}"
                raise InputError(str(path), f"the same file is used {both}", "Name each file once")
            owner[real] = split
            found.append((split, path))
    return found


def fingerprint(path: Path) -> str:
    """sha256 of a file's bytes, hexadecimal."""
    with readable(path):
        return durable.sha256(path)


def split_of(fields: Sequence[str], shares: Mapping[Split, int]) -> str:
    """The split a row belongs to: a hash of its fields, so equal rows always go the same way.

    blake2b, 8 bytes, big endian, modulo the sum of the shares, which follow each other as train, dev, test.
    """
    digest = hashlib.blake2b("\t".join(fields).encode(errors="surrogateescape"), digest_size=8).digest()
    place = int.from_bytes(digest, "big") % sum(shares.values())
    for split in SPLITS:
        share = shares.get(split, 0)
        if place < share:
            return split
        place -= share
    raise AssertionError("a remainder is less than the sum")


def read_layout(path: Path, data: Data) -> Layout:
    """Finds the wanted columns: by the file's header, or by number.

    Raises:
        InputError: an unreadable or empty file, a header without a wanted column (with the nearest name).
    """
    wanted, texts = data.wanted, len(data.text)
    if not data.header:
        numbers = [int(column) for column in wanted]
        width = data.columns or max([*numbers, _conll_columns(path) if data.format == "conll" else 0])
        places = [number - 1 for number in numbers]
        rest = places[texts + 1 :]
        slice_names = tuple(f"column_{place + 1}" for place in rest)
        return Layout(width, tuple(places[:texts]), places[texts], tuple(rest), slice_names)
    names = _header(path, data.quoting)
    keys = [*["data.text"] * texts, "data.label", *["data.slices"] * len(data.slices)]
    remedy = "Correct {}, or set data.header = false if line 1 is a row"
    found: dict[int, str] = {}
    for key, column in zip(keys, wanted, strict=True):
        index = _index(key, column, names, path, remedy.format(key))
        if index in found:
            problem = f"{found[index]} and {key} are both column {index + 1}, {names[index]!r}"
            raise InputError(f"{path}:1", problem, "Give each another column")
        found[index] = key
    places = list(found)
    rest = places[texts + 1 :]
    return Layout(len(names), tuple(places[:texts]), places[texts], tuple(rest), tuple(names[i] for i in rest))


def _conll_columns(path: Path) -> int:
    """Columns of the first sentence that is whole."""
    with readable(path), opened(path) as file:
        return next((len(row[1]) for row in read_sentences(file, path) if not isinstance(row, BadRow)), 0)


def _header(path: Path, quoting: Quoting) -> list[str]:
    with readable(path), opened(path) as file:
        first = next(read_records(file, path, quoting), None)
    if first is None:
        remedy = "Give a file with a header and rows"
        raise InputError(f"{path}:1", "the file is empty, a header was expected", remedy)
    if isinstance(first, BadRow):
        raise first.error()
    return first[1]


def _index(key: str, column: Column, names: list[str], path: Path, remedy: str) -> int:
    """Where a column stands among a header's names."""
    if isinstance(column, int):
        if column > len(names):
            columns = f"{len(names)} column{'s' * (len(names) != 1)}"
            raise InputError(f"{path}:1", f"{key} is number {column}, the header has {columns}", remedy)
        return column - 1
    if names.count(column) > 1:
        raise InputError(f"{path}:1", f"the header names {column!r} twice", f"Rename one, or give {key} as a number")
    if column not in names:
        close = difflib.get_close_matches(column, names, n=1)
        nearest = f"Did you mean {close[0]!r}? " if close else ""
        listed = ", ".join(repr(name[:40]) for name in names[:10]) + ", ..." * (len(names) > 10)
        raise InputError(f"{path}:1", f"{key} is {column!r}, the header has {listed}", nearest + remedy)
    return names.index(column)


def read_texts(
    path: Path, columns: Sequence[Column], header: bool, quoting: Quoting
) -> tuple[list[str] | None, Iterator[tuple[int, list[str], tuple[str, ...], int]]]:
    """The rows of a file of which only the columns of texts matter.

    Args:
        path: a TSV file, or one compressed with gzip.
        columns: their names, or their numbers from 1.
        header: whether the first line names the columns.
        quoting: as in `Data`.

    Returns:
        The header's names or None, and for each row its line, its fields, its texts and the bytes of the file (as they
        lie on disk) that were read since the last one.

    Raises:
        InputError: a file that cannot be read, no such column, a row of another width than the first, or one without
            a text; the rows' when they are reached.
    """
    names, wanted = text_columns(path, columns, header, quoting)

    def rows() -> Iterator[tuple[int, list[str], tuple[str, ...], int]]:
        seen = 0
        with readable(path), opened(path) as file:
            records = read_records(file, path, quoting)
            if header:
                next(records)
            for row in text_rows(records, path, wanted, len(names) if names is not None else 0):
                if isinstance(row, BadRow):
                    raise row.error()
                line, fields = row
                place = bytes_read(file)
                yield line, fields, tuple(fields[index] for index in wanted), place - seen
                seen = place

    return names, rows()


def text_columns(
    path: Path, columns: Sequence[Column], header: bool, quoting: Quoting
) -> tuple[list[str] | None, tuple[int, ...]]:
    """The header's names or None, and the indices of the texts' columns; arguments and errors as `read_texts`."""
    require_file(path, "Give one file")
    names = _header(path, quoting) if header else None
    remedy = "Give --column, a name or a number from 1"
    return names, tuple(
        _index("the text's column", column, names, path, remedy) if names is not None else int(column) - 1
        for column in columns
    )


def text_rows(
    records: Iterator[tuple[int, list[str]] | BadRow], path: Path, wanted: Sequence[int], width: int
) -> Iterator[tuple[int, list[str]] | BadRow]:
    """Records as they are, but for those that break a rule: these come out as bad rows.

    Args:
        records: as `read_records` gives them.
        path: where they are from.
        wanted: indices of the texts' columns.
        width: number of fields of a row; 0: as many as the first has.
    """
    for record in records:
        if isinstance(record, BadRow):
            yield record
            continue
        line, fields = record
        width = width or max(len(fields), *(index + 1 for index in wanted))
        problem = _broken_rule(fields, Layout(width, tuple(wanted), None, (), ()), None)
        yield BadRow(str(path), line, *problem) if problem else record


def read_rows(
    path: Path,
    split: str | None,
    data: Data,
    rule: Rule | None = None,
    advance: Callable[[int], None] = lambda size: None,
) -> Iterator[Row | BadRow]:
    """Every row of a file, good or bad, in order.

    Args:
        path: a TSV file, or one compressed with gzip.
        split: the rows' split, None where a hash of the row decides.
        data: format and columns.
        rule: the task's, of texts and label.
        advance: told the number of bytes of the file (as they lie on disk) that were read since its last call.

    Raises:
        InputError: a file that cannot be read, or a header without the wanted columns.
    """
    layout = read_layout(path, data)
    with readable(path), opened(path) as file:
        seen = 0
        rows = read_sentences(file, path) if data.format == "conll" else read_records(file, path, data.quoting)
        if data.header:
            next(rows)
        for count, record in enumerate(rows):
            if not count % 1000:
                place = bytes_read(file)
                advance(place - seen)
                seen = place
            if isinstance(record, BadRow):
                yield record
                continue
            line, fields = record
            problem = _broken_rule(fields, layout, rule)
            if problem:
                if data.format == "conll":
                    line += _tokens_before(fields, lambda some: _broken_rule(some, layout, rule))
                yield BadRow(str(path), line, *problem)
                continue
            yield Row(
                line,
                split or split_of(fields, data.split),
                tuple(fields[i] for i in layout.texts),
                "" if layout.label is None else fields[layout.label],
                tuple(fields[i] for i in layout.slices),
            )
        advance(bytes_read(file) - seen)


def _tokens_before(columns: list[str], broken: Callable[[list[str]], object]) -> int:
    """Tokens of a CoNLL sentence before the one with which it breaks a rule."""
    rows = list(zip(*(column.split(" ") for column in columns), strict=True))
    return next(n for n in range(len(rows)) if broken([" ".join(some) for some in zip(*rows[: n + 1], strict=True)]))


def _broken_rule(fields: list[str], layout: Layout, rule: Rule | None) -> tuple[str, str] | None:
    """The first rule a row breaks and its remedy, or None."""
    if len(fields) != layout.width:
        if fields == [""]:
            return f"an empty line, expected {_fields(layout.width)}", "Delete the line"
        more = len(fields) > layout.width
        hint = "replace a tab that belongs to a text by a space" if more else "a tab seems to be missing"
        return f"expected {_fields(layout.width)}, got {len(fields)}", f"Correct the row; {hint}"
    used = (*layout.texts, *(() if layout.label is None else (layout.label,)), *layout.slices)
    for index in used:
        if "\0" in fields[index]:
            return f"a NUL byte in field {index + 1}", "Remove it; with many of them the file is binary or UTF-16"
    for index in layout.texts:
        if not fields[index].strip():
            return f"the text (field {index + 1}) is empty", "Give a text or delete the row"
    if layout.label is None:
        return None
    label = fields[layout.label]
    if not label.strip():
        return f"the label (field {layout.label + 1}) is empty", "Give a label or delete the row"
    return rule([fields[index] for index in layout.texts], label) if rule else None


def _fields(count: int) -> str:
    return f"{count} tab-separated field{'s' * (count != 1)}"


def label_names(files: list[tuple[str | None, Path]], data: Data) -> list[str]:
    """The names of the labels in the order of their ids: as the settings list them, or those of train, sorted.

    Raises:
        InputError: fewer than the task needs, or so many that the label column must be the wrong one.
    """
    task = tasks.of(data)
    if task.labels or not task.named:
        return list(task.labels)
    return ordered_names({path: names_in(split, path, data, task) for split, path in of_train(files)}, task)


def of_train(files: list[tuple[str | None, Path]]) -> list[tuple[str | None, Path]]:
    """The files that may hold rows of train."""
    return [(split, path) for split, path in files if split in (None, "train")]


def names_in(split: str | None, path: Path, data: Data, task: Task) -> set[str]:
    """Names of labels in a file's rows of train; with more than there can be, the reading stops."""
    names: set[str] = set()
    for row in read_rows(path, split, data, task.problem):
        if isinstance(row, Row) and row.split == "train":
            names.update(task.names(row.label))
            if len(names) > MAX_CLASSES:
                break
    return names


def ordered_names(found: Mapping[Path, set[str]], task: Task) -> list[str]:
    """The names that were found in the files of train, sorted; errors as `label_names`."""
    names: set[str] = set()
    for path, some in found.items():
        names |= some
        if len(names) > MAX_CLASSES:
            listed = ", ".join(repr(name[:30]) for name in sorted(names)[:3])
            problem = f"more than {MAX_CLASSES} different labels ({listed}, ...)"
            raise InputError(str(path), problem, "Is data.label the right column? If so, list them in data.labels")
    if len(names) < task.fewest:
        held = f"the one label {names.pop()!r}" if names else "no label"
        problem = f"train holds {held}, at least {task.fewest} {'are' if task.fewest > 1 else 'is'} needed"
        raise InputError(", ".join(map(str, found)), problem, "Add rows of another class, or correct data.label")
    return sorted(names)


def task_of(files: list[tuple[str | None, Path]], data: Data) -> Task:
    """The task, told the names of its labels; errors as `label_names`."""
    return dataclasses.replace(tasks.of(data), labels=tuple(label_names(files, data)))

"""Which field of a row is which column: by the header's names or by number."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.common.errors import InputError
from components.common.suggest import did_you_mean
from components.rows import format_hints
from components.rows.conll import read_sentences
from components.rows.files import opened, readable, require_file
from components.rows.tsv import BadRow, Quoting, read_fields, separator
from components.settings.data import CONLLU_WIDTH, Data
from components.settings.fields import Column
from components.settings.separators import SEPARATORS
from components.tasks import TASKS


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the wanted columns stand in a file: indices from 0, and the number of fields of a row."""

    width: int
    texts: tuple[int, ...]
    label: int | None
    slices: tuple[int, ...]
    slice_names: tuple[str, ...]
    group: int | None = None
    """Of the rows that go into one split; may be one of the others."""
    separator: str = "\t"
    """Between the fields."""
    needs_label: bool = True
    """Whether its field may not be empty."""
    start: int | None = None
    """Of where the answer begins in a text, which is the label; None: there is no such column."""
    label_is_part: bool = False
    """Whether the label is a part of a text, in which any character may stand."""


def read_layout(path: Path, data: Data) -> Layout:
    """Finds the wanted columns: by the file's header, or by number.

    Raises:
        InputError: an unreadable or empty file, a header without a wanted column (with the nearest name).
    """
    wanted, texts = data.wanted, len(data.text)
    of_text = TASKS[data.task].finds_span
    reading = data.separator, not (data.allow_no_label or of_text)
    if not data.header:
        group = None if data.group is None else int(data.group) - 1
        width = max(width_without_header(data), 0 if data.columns else _conll_columns(path, data))
        places = [int(column) - 1 for column in wanted]
        rest = places[texts + 1 :]
        slice_names = tuple(f"column_{place + 1}" for place in rest)
        start = None if data.start is None else int(data.start) - 1
        places_of = tuple(places[:texts]), places[texts], tuple(rest)
        return Layout(width, *places_of, slice_names, group, *reading, start, of_text)
    names = _header(path, data.row_quoting)
    keys = [*["data.text"] * texts, "data.label", *["data.slices"] * len(data.slices)]
    remedy = "Correct {}, or if line 1 is a row, set data.header = false and give the columns as numbers"
    found: dict[int, str] = {}

    def index_of(key: str, column: Column) -> int:
        try:
            return _index(key, column, names, path, remedy.format(key))
        except InputError as error:
            hint = format_hints.remedy(path, data)
            raise InputError(error.place, error.problem, hint or error.remedy) from None

    for key, column in zip(keys, wanted, strict=True):
        index = index_of(key, column)
        if index in found:
            problem = f"{found[index]} and {key} are both column {index + 1}, {names[index]!r}"
            raise InputError(f"{path}:1", problem, "Give each another column")
        found[index] = key
    places = list(found)
    rest = places[texts + 1 :]
    group = None if data.group is None else index_of("data.group", data.group)
    slice_names = tuple(names[i] for i in rest)
    start = None if data.start is None else index_of("data.start", data.start)
    places_of = tuple(places[:texts]), places[texts], tuple(rest)
    return Layout(len(names), *places_of, slice_names, group, *reading, start, of_text)


def width_without_header(data: Data) -> int:
    """Fields that a row has in files without a header: as the settings say, or up to the last column that is wanted."""
    return data.columns or data.columns_in_use


def first_fields(path: Path, quoting: Quoting) -> list[str]:
    """The fields of a TSV file's first line; none of an empty file, or where it is broken."""
    with readable(path), opened(path) as file:
        first = next(read_fields(file, path, quoting), None)
    return [] if first is None or isinstance(first, BadRow) else first[1]


def first_lines(path: Path, data: Data) -> list[tuple[tuple[str, ...], str]]:
    """Texts and label of the first two lines of a TSV file as if both were rows, fewer where there are none such.

    Errors as `read_layout`.
    """
    layout, clean = read_layout(path, data), TASKS[data.task].clean_label
    assert layout.label is not None  # noqa: S101
    found = []
    with readable(path), opened(path) as file:
        for record in itertools.islice(read_fields(file, path, data.row_quoting), 2):
            if not isinstance(record, BadRow) and len(record[1]) == layout.width:
                fields = record[1]
                found.append((tuple(fields[index] for index in layout.texts), clean(fields[layout.label])))
    return found


def _conll_columns(path: Path, data: Data) -> int:
    """Columns of the first sentence that is whole; 0 of a TSV file."""
    if data.format != "conll":
        return CONLLU_WIDTH if data.format == "conllu" else 0
    with readable(path), opened(path) as file:
        sentences = read_sentences(file, path, data.comments)
        return next((len(row.columns) for row in sentences if not isinstance(row, BadRow)), 0)


def _header(path: Path, quoting: Quoting) -> list[str]:
    with readable(path), opened(path) as file:
        first = next(read_fields(file, path, quoting), None)
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
        listed = ", ".join(repr(name[:40]) for name in names[:10]) + ", ..." * (len(names) > 10)
        problem = f"{key} is {column!r}, the header has {listed}"
        raise InputError(f"{path}:1", problem, did_you_mean(column, names) + remedy)
    return names.index(column)


def text_columns(
    path: Path, columns: Sequence[Column], header: bool, quoting: Quoting, option: str = "--column"
) -> tuple[list[str] | None, tuple[int, ...]]:
    """The header's names or None, and the indices of the texts' columns; arguments and errors as `read_texts`."""
    require_file(path, "Give one file")
    names = _header(path, quoting) if header else None
    if names is None:
        return None, tuple(int(column) - 1 for column in columns)
    remedy = f"Give {option}, a name or a number from 1"
    try:
        return names, tuple(_index("the text's column", column, names, path, remedy) for column in columns)
    except InputError as error:
        if other := format_hints.other_separator(path, quoting, columns):
            read, looks = SEPARATORS[separator(quoting)], SEPARATORS[other]
            remedy = f"The fields look separated by {looks}s: save the file with {read}s between them"
            raise InputError(error.place, error.problem, remedy) from None
        raise

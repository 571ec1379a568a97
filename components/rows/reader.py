"""Rows from TSV files: pure Python, one pass, nothing dropped without a word.

A row that breaks a rule comes out as a `BadRow` in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from components.rows.columns import Layout, read_layout, text_columns
from components.rows.conll import read_sentences
from components.rows.files import bytes_read, opened, readable
from components.rows.rules import Rule, broken_rule, tokens_before
from components.rows.splits import split_of
from components.rows.tsv import BadRow, Quoting, read_fields
from components.settings.data import Data
from components.settings.fields import Column
from components.tasks import TASKS


class Row(NamedTuple):
    """A good row: the wanted fields, as they stand in the file."""

    line: int
    split: str
    texts: tuple[str, ...]
    label: str
    """As `Task.clean_label` leaves it."""
    slices: tuple[str, ...]


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
            records = read_fields(file, path, quoting)
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


def text_rows(
    records: Iterator[tuple[int, list[str]] | BadRow], path: Path, wanted: Sequence[int], width: int
) -> Iterator[tuple[int, list[str]] | BadRow]:
    """Records as they are, but for those that break a rule: these come out as bad rows.

    Args:
        records: as `read_fields` gives them.
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
        problem = broken_rule(fields, Layout(width, tuple(wanted), None, (), ()), None)
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
        split: the rows' split, None where a hash decides.
        data: format and columns.
        rule: the task's, of texts and label.
        advance: called with the number of bytes of the file (as they lie on disk) that were read since its last call.

    Raises:
        InputError: a file that cannot be read, or a header without the wanted columns.
    """
    layout, clean = read_layout(path, data), TASKS[data.task].clean_label
    with readable(path), opened(path) as file:
        seen = 0
        rows = read_sentences(file, path) if data.format == "conll" else read_fields(file, path, data.quoting)
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
            line, as_given = record
            fields = [clean(field) if index == layout.label else field for index, field in enumerate(as_given)]
            problem = broken_rule(fields, layout, rule)
            if problem:
                if data.format == "conll":
                    line += tokens_before(fields, lambda some: broken_rule(some, layout, rule))
                elif line == 1 and not data.header and broken_rule(fields, layout, None) is None:
                    problem = problem[0], f"{problem[1]}; if the line is a header, set data.header = true, or delete it"
                yield BadRow(str(path), line, *problem)
                continue
            texts = tuple(fields[i] for i in layout.texts)
            yield Row(
                line,
                split or split_of(texts, None if layout.group is None else fields[layout.group], data.split),
                texts,
                "" if layout.label is None else fields[layout.label],
                tuple(fields[i] for i in layout.slices),
            )
        advance(bytes_read(file) - seen)

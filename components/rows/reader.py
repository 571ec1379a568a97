"""Rows from TSV, CSV and CoNLL files: pure Python, one pass, nothing dropped without a word.

A row that breaks a rule comes out as a `BadRow` in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

from components import tasks
from components.rows import format_hints
from components.rows.columns import Layout, read_layout, text_columns
from components.rows.conll import Sentence, read_conllu, read_sentences
from components.rows.files import bytes_read, opened, readable
from components.rows.rules import Problem, Rule, broken_rule, tokens_before, with_better_remedy
from components.rows.splits import is_held_back, split_of
from components.rows.tsv import BadRow, Fields, Quoting, read_fields, separator
from components.settings.data import GATE, Data
from components.settings.fields import Column
from components.tasks.answering.task import Answering


class Row(NamedTuple):
    """A good row: the wanted fields, as they stand in the file."""

    line: int
    split: str
    texts: tuple[str, ...]
    label: str
    """As `Task.clean_label` and `Task.as_learned` leave it."""
    slices: tuple[str, ...]


def read_texts(
    path: Path, columns: Sequence[Column], header: bool, quoting: Quoting, option: str = "--column"
) -> tuple[list[str] | None, Iterator[tuple[int, list[str], tuple[str, ...], int]]]:
    """The rows of a file of which only the columns of texts matter.

    Args:
        path: a TSV file, or one compressed with gzip.
        columns: their names, or their numbers from 1.
        header: whether the first line names the columns.
        quoting: as `Data.row_quoting`.
        option: of the command line, that gives the columns.

    Returns:
        The header's names or None, and for each row its line, its fields, its texts and the bytes of the file (as they
        lie on disk) that were read since the last one.

    Raises:
        InputError: a file that cannot be read, no such column, a row of another width than the first, or one without
            a text; the rows' when they are reached.
    """
    names, wanted = text_columns(path, columns, header, quoting, option)

    def rows() -> Iterator[tuple[int, list[str], tuple[str, ...], int]]:
        seen = 0
        with readable(path), opened(path) as file:
            records = read_fields(file, path, quoting)
            if header:
                next(records)
            for row in text_rows(records, path, wanted, len(names) if names is not None else 0, quoting):
                if isinstance(row, BadRow):
                    raise row.error()
                line, fields = row
                place = bytes_read(file)
                yield line, fields, tuple(fields[index] for index in wanted), place - seen
                seen = place

    return names, rows()


def text_rows(
    records: Iterator[tuple[int, list[str]] | BadRow],
    path: Path,
    wanted: Sequence[int],
    width: int,
    quoting: Quoting = "none",
) -> Iterator[tuple[int, list[str]] | BadRow]:
    """Records as they are, but for those that break a rule: these come out as bad rows.

    Args:
        records: as `read_fields` gives them.
        path: where they are from.
        wanted: indices of the texts' columns.
        width: number of fields of a row; 0: as many as the first has.
        quoting: how they were read.
    """
    between = separator(quoting)
    for record in records:
        if isinstance(record, BadRow):
            yield record
            continue
        line, fields = record
        width = width or max(len(fields), *(index + 1 for index in wanted))
        problem = broken_rule(fields, Layout(width, tuple(wanted), None, (), (), None, between), None)
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
    layout, task = read_layout(path, data), tasks.from_settings(data)
    label, clean = layout.label, task.clean_label
    bad = _Bad(path, split, data, layout, rule)
    with readable(path), opened(path) as file:
        seen = 0
        rows = records(file, path, data)
        if data.header:
            next(rows)
        for count, record in enumerate(rows):
            if not count % 1000:
                place = bytes_read(file)
                advance(place - seen)
                seen = place
            if isinstance(record, BadRow):
                yield bad.unread(record)
                continue
            line, fields = record[0], record[1]
            if label is not None and label < len(fields):
                fields[label] = clean(fields[label])
                if isinstance(task, Answering) and layout.start is not None and layout.start < len(fields):
                    fields[label] = task.with_starts(fields[label], fields[layout.start])
            if problem := broken_rule(fields, layout, rule):
                yield bad.row(record, problem)
                continue
            texts = tuple([fields[i] for i in layout.texts])
            found = "" if label is None else fields[label]
            group = None if layout.group is None else fields[layout.group]
            dealt_to = split or split_of(texts, group, data.split)
            if dealt_to == "dev" and data.held_back and is_held_back(texts, group, data.held_back):
                dealt_to = GATE
            yield Row(
                line,
                dealt_to,
                texts,
                task.located(texts, found) if isinstance(task, Answering) else task.as_learned(found),
                tuple([fields[i] for i in layout.slices]),
            )
        advance(bytes_read(file) - seen)


def records(file: IO[bytes], path: Path, data: Data) -> Iterator[Fields | Sentence | BadRow]:
    """Lines of a file with their fields as they stand there, or sentences, as its format has them."""
    if data.format == "conll":
        return read_sentences(file, path, data.comments)
    return read_conllu(file, path) if data.format == "conllu" else read_fields(file, path, data.row_quoting)


class _Bad:
    """Rows of a file that break a rule; arguments as `read_rows`."""

    def __init__(self, path: Path, split: str | None, data: Data, layout: Layout, rule: Rule | None) -> None:
        self._path, self._split, self._data, self._layout, self._rule = path, split, data, layout, rule
        # Of many bad rows the first has the file looked at.
        self._of_file = cache(lambda: format_hints.remedy(path, data))

    def unread(self, record: BadRow) -> BadRow:
        """One that could not be read, as a sentence of CoNLL-U that is read as CoNLL's."""
        hint = self._of_file() if self._data.format == "conll" else None
        return record._replace(remedy=hint) if hint else record

    def row(self, record: Fields | Sentence, problem: Problem) -> BadRow:
        """One of them, at the line where it breaks the rule."""
        data, layout, line, fields = self._data, self._layout, record[0], record[1]
        if isinstance(record, Sentence):
            line = record.lines[tokens_before(fields, lambda some: broken_rule(some, layout, self._rule))]
        dealt_to = None
        if self._split is None and len(fields) == layout.width:
            texts = [fields[index] for index in layout.texts]
            dealt_to = split_of(texts, None if layout.group is None else fields[layout.group], data.split)
        what, remedy = with_better_remedy(problem, fields, layout, data, dealt_to, self._of_file)
        if line == 1 and not data.header and data.format == "tsv" and broken_rule(fields, layout, None) is None:
            remedy += "; if the line is a header, set data.header = true, or delete it"
        return BadRow(str(self._path), line, what, remedy)

"""A TSV file in parts of so many rows, each of which can be read on its own, by any process: pure Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from components.rows import reader
from components.rows.files import opened, readable
from components.rows.tsv import BadRow, Quoting, read_fields
from components.rows.writer import quarantined

WORK = ".work"
"""Within an output, until all is done: a quarantine file for each part with bad rows, and what is being written."""


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How the rows of some files look."""

    wanted: tuple[int, ...]
    """Indices of the texts' columns."""
    width: int
    """Number of fields of a row; 0: as many as a file's first row has."""
    header: bool
    quoting: Quoting


class Shard(NamedTuple):
    """Some rows of a file that follow each other."""

    path: str
    number: int
    """From 0."""
    of: int
    """Parts of the file."""
    offset: int
    """Bytes before it, decompressed ones."""
    line: int
    """Of its first row."""
    rows: int
    width: int
    """As in `RowFormat`, no longer 0."""

    @property
    def name(self) -> str:
        """Of the file with its predictions: in the order of the names they are those of the whole file."""
        return f"{stem(Path(self.path))}-{self.number:05}-of-{self.of:05}.tsv"


def stem(path: Path) -> str:
    """A file's name without its endings: `rows` of rows.tsv and of rows.tsv.gz."""
    return Path(path.name.removesuffix(".gz")).stem


def plan(path: Path, reading: RowFormat, rows: int) -> list[Shard]:
    """The parts of a file, of `rows` rows each but for the last; of a file without rows one part without any.

    Raises:
        InputError: the file cannot be read.
    """
    begins: list[tuple[int, int]] = []
    width, count = reading.width, 0
    with readable(path), opened(path) as file:
        records = read_fields(file, path, reading.quoting)
        if reading.header:
            next(records)
        before = file.tell()
        for count, record in enumerate(records, 1):
            line = record.line if isinstance(record, BadRow) else record[0]
            if count % rows == 1 or rows == 1:
                begins.append((before, line))
            if not width and not isinstance(record, BadRow):
                width = max(len(record[1]), *(index + 1 for index in reading.wanted))
            if count % rows == 0:
                before = file.tell()
    begins = begins or [(before, 1)]
    return [
        Shard(str(path), number, len(begins), offset, line, min(rows, count - number * rows), width)
        for number, (offset, line) in enumerate(begins)
    ]


def read(part: Shard, reading: RowFormat) -> Iterator[tuple[int, list[str]] | BadRow]:
    """(line, fields) of each row, or the bad row in its place.

    Raises:
        InputError: the file cannot be read.
    """
    path = Path(part.path)
    with readable(path), opened(path) as file:
        file.seek(part.offset)
        records = read_fields(file, path, reading.quoting, part.line)
        yield from reader.text_rows(islice(records, part.rows), path, reading.wanted, part.width, reading.quoting)


def as_quarantined(part: Shard, bad: list[BadRow]) -> Iterator[str]:
    """The lines of a quarantine file for bad rows of a part, as they stand in its file."""
    problems = {row.line: row.problem for row in bad}
    path = Path(part.path)
    with readable(path), opened(path) as file:
        file.seek(part.offset)
        for line, raw in enumerate(file, part.line):
            if problem := problems.pop(line, None):
                yield quarantined(part.path, line, problem, raw)
            if not problems:
                return

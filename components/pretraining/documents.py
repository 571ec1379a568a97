"""Documents from text and TSV files: pure Python, one pass, nothing dropped without a word.

A line that breaks a rule comes out as a `BadRow` in its place; what stands around it is still one document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from components.common.errors import InputError
from components.rows.columns import text_columns
from components.rows.files import bytes_read, opened, readable
from components.rows.reader import text_rows
from components.rows.splits import split_of
from components.rows.tsv import MOST_BYTES, BadRow, read_fields, text_lines
from components.settings.kinds.corpus import Corpus

_ADVANCE = 1000
"""Documents between two looks at how far a file is read."""


class Document(NamedTuple):
    """A document as it stands in a file."""

    line: int
    """Where it begins."""
    lines: tuple[str, ...]
    """None is empty."""

    def split(self, corpus: Corpus) -> str:
        """The split that it is dealt to."""
        return split_of([" ".join(self.lines)], None, corpus.split)


def read_documents(
    path: Path, corpus: Corpus, advance: Callable[[int], None] = lambda size: None
) -> Iterator[Document | BadRow]:
    """Every document of a file, and every bad line, in order.

    Args:
        path: a text file or a TSV file, or one compressed with gzip.
        corpus: its format.
        advance: called with the number of bytes of the file (as they lie on disk) that were read since its last call.

    Raises:
        InputError: a file that cannot be read, a header without the wanted columns, a document of more than
            `MOST_BYTES`.
    """
    reading = {"blocks": _blocks, "lines": _lines, "tsv": _rows}[corpus.format]
    with readable(path), opened(path) as file:
        seen = 0
        for count, found in enumerate(reading(file, path, corpus)):
            if not count % _ADVANCE:
                place = bytes_read(file)
                advance(place - seen)
                seen = place
            yield found
        advance(bytes_read(file) - seen)


def _lines(file: IO[bytes], path: Path, corpus: Corpus) -> Iterator[Document | BadRow]:
    for line in _checked(text_lines(file, path), path):
        if isinstance(line, BadRow):
            yield line
        elif not line[1].strip():
            remedy = 'Delete the line; if documents have several lines and an empty one between them: format = "blocks"'
            yield BadRow(str(path), line[0], "an empty line, expected a document", remedy)
        else:
            yield Document(line[0], (line[1],))


def _blocks(file: IO[bytes], path: Path, corpus: Corpus) -> Iterator[Document | BadRow]:
    begins, size = 0, 0
    lines: list[str] = []
    for line in _checked(text_lines(file, path), path):
        if isinstance(line, BadRow):
            yield line
            continue
        number, text = line
        if text.strip():
            begins = begins if lines else number
            lines.append(text)
            size += len(text)
            if size > MOST_BYTES:
                problem = f"a document of more than {MOST_BYTES:,} characters: there is no empty line up to {number:,}"
                remedy = 'Put an empty line between documents, or set corpus.format = "lines" if each line is one'
                raise InputError(f"{path}:{begins}", problem, remedy)
        elif lines:
            yield Document(begins, tuple(lines))
            lines, size = [], 0
    if lines:
        yield Document(begins, tuple(lines))


def _rows(file: IO[bytes], path: Path, corpus: Corpus) -> Iterator[Document | BadRow]:
    names, wanted = text_columns(path, corpus.text, corpus.header, corpus.quoting, "corpus.text")
    records = read_fields(file, path, corpus.quoting)
    if names is not None:
        next(records)
    width = len(names) if names is not None else 0
    for row in text_rows(records, path, wanted, width, corpus.quoting):
        if isinstance(row, BadRow):
            yield row
        else:
            # A quoted field may hold line ends.
            texts = (line for index in wanted for line in row[1][index].replace("\r\n", "\n").split("\n"))
            yield Document(row[0], tuple(text for text in texts if text.strip()))


def _checked(lines: Iterator[tuple[int, str] | BadRow], path: Path) -> Iterator[tuple[int, str] | BadRow]:
    """As they are; one with a NUL byte is a bad row."""
    for line in lines:
        if not isinstance(line, BadRow) and "\0" in line[1]:
            yield BadRow(
                str(path), line[0], "a NUL byte in the line", "Remove it; with many of them the file is binary"
            )
        else:
            yield line

"""Records of TSV and CSV files as they lie on the disk: lines or quoted rows of UTF-8, plain or gzipped.

A line ends with LF or CRLF and with nothing else: U+2028, a form feed or a lone CR are characters of a text. Bytes are
UTF-8 with or without a byte order mark.
"""

from __future__ import annotations

import csv
import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from components.common.errors import InputError
from components.settings.separators import RowQuoting as Quoting

BOM = b"\xef\xbb\xbf"
"""The byte order mark that a file of UTF-8 may begin with."""

CHUNK = 1 << 20

MOST_BYTES = 1 << 24
"""Of a row. A line is in memory as a whole, and a small gzip file can hold one of any length."""

LINE_END = b"\r\n"


class BadRow(NamedTuple):
    """A row that broke a rule, with the rule and the remedy."""

    path: str
    line: int
    problem: str
    remedy: str

    def error(self) -> InputError:
        """The row as the error that stops a run."""
        return InputError(f"{self.path}:{self.line}", self.problem, self.remedy)


Fields = tuple[int, list[str]]


def read_fields(file: IO[bytes], path: Path, quoting: Quoting, first: int = 1) -> Iterator[Fields | BadRow]:
    """(line number, fields) of every record that is left of a file, whose next line is number `first`.

    Raises:
        InputError: a record has more than `MOST_BYTES`. It is no bad row: there is nothing to put into quarantine.
    """
    return plain_fields(file, path, first) if quoting == "none" else _quoted(file, path, first, separator(quoting))


def separator(quoting: Quoting) -> str:
    """What stands between fields."""
    return quoting.removeprefix("none").removeprefix("csv") or "\t"


def plain_fields(file: IO[bytes], path: Path, first: int = 1) -> Iterator[Fields | BadRow]:
    """(line number, fields) of every line of a file whose next line is number `first`; no quote has a meaning.

    Raises:
        InputError: a line has more than `MOST_BYTES`.
    """
    for line in text_lines(file, path, first):
        yield line if isinstance(line, BadRow) else (line[0], line[1].split("\t"))


def text_lines(file: IO[bytes], path: Path, first: int = 1) -> Iterator[tuple[int, str] | BadRow]:
    """(line number, text) of every line of a file whose next line is number `first`; errors as `plain_fields`."""
    for number, raw in _lines(file, first):
        if len(raw) > MOST_BYTES:
            raise _too_long(path, number)
        content = _without_line_end(raw, number)
        try:
            yield number, content.decode()
        except UnicodeDecodeError as error:
            yield _not_utf8(path, number, content, error)


def _lines(file: IO[bytes], first: int) -> Iterator[tuple[int, bytes]]:
    """The lines that are left, numbered; one that is too long is cut, and for `_too_long`."""
    return enumerate(iter(functools.partial(file.readline, MOST_BYTES + 1), b""), first)


def _too_long(path: Path, number: int) -> InputError:
    remedy = "A line ends with LF: look whether this is the file that you mean, or split the text"
    return InputError(f"{path}:{number}", f"a line of more than {MOST_BYTES:,} bytes", remedy)


def _quoted(file: IO[bytes], path: Path, first: int, delimiter: str) -> Iterator[Fields | BadRow]:
    # The csv module counts characters of a field and refuses long ones; a text may be long.
    csv.field_size_limit(sys.maxsize)
    undecodable: list[BadRow] = []
    size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        for number, raw in _lines(file, first):
            if len(raw) > MOST_BYTES:
                raise _too_long(path, number)
            size += len(raw)
            if size > MOST_BYTES:
                problem = f"a quote is opened, and {MOST_BYTES:,} bytes on, in line {number}, it is not closed"
                remedy = 'Close the quote, or set data.quoting = "none"; a longer text has to be split'
                raise InputError(f"{path}:{start}", problem, remedy)
            content = _without_bom(raw, number)
            try:
                yield content.decode()
            except UnicodeDecodeError as error:
                undecodable.append(_not_utf8(path, number, content, error))
                yield content.decode(errors="surrogateescape")

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        start, size = reader.line_num + first, 0
        undecodable.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            end = reader.line_num + first - 1
            yield undecodable[0] if undecodable else _not_quoted(path, start, end, error, delimiter)
        else:
            yield undecodable[0] if undecodable else (start, fields or [""])


def _not_quoted(path: Path, start: int, end: int, error: csv.Error, delimiter: str) -> BadRow:
    """A row that breaks RFC 4180; the csv module has no codes for its errors, but these three texts."""
    match str(error).split():
        case ["unexpected", "end", *_]:
            problem = f"a quote is opened and not closed by the end of the file, line {end}"
            remedy = "Close the quote and double quotes within it"
        case ["new-line", *_]:
            problem, remedy = "a carriage return stands in a field without quotes", "Quote the field"
        case _:
            problem = f"more text stands behind the closing quote of a field, on line {end}"
            remedy = "Double quotes within a quoted field"
    # Between commas quotes always have a meaning.
    none = ', or set data.quoting = "none"' if delimiter == "\t" else ""
    return BadRow(str(path), start, problem, remedy + none)


def looks_quoted(field: str) -> bool:
    """Whether a field that was read as it is looks quoted as CSV is: `"so ""good"", she said"`."""
    inner = field[1:-1]
    return field.startswith('"') and field.endswith('"') and '""' in inner and '"' not in inner.replace('""', "")


def _without_bom(raw: bytes, number: int) -> bytes:
    return raw.removeprefix(BOM) if number == 1 else raw


def _without_line_end(raw: bytes, number: int) -> bytes:
    raw = _without_bom(raw, number)
    if raw.endswith(b"\n"):
        return raw[:-2] if raw.endswith(b"\r\n") else raw[:-1]
    return raw


def _not_utf8(path: Path, number: int, content: bytes, error: UnicodeDecodeError) -> BadRow:
    remedy = "Convert the file to UTF-8"
    if number == 1 and content[:2] == b"\x1f\x8b":
        remedy = "The file looks like gzip: give its name the ending .gz"
    problem = f"byte {error.start + 1} of the line, 0x{content[error.start]:02x}, is not UTF-8"
    return BadRow(str(path), number, problem, remedy)

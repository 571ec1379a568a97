"""Records of TSV files as they lie on the disk: lines or quoted rows of UTF-8, plain or gzipped.

A line ends with LF or CRLF and with nothing else: U+2028, a form feed or a lone CR are characters of a text. Bytes are
UTF-8 with or without a byte order mark.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import itertools
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, NamedTuple

from components.errors import InputError

Quoting = Literal["none", "csv"]
_BOM = b"\xef\xbb\xbf"
_CHUNK = 1 << 20
_LINE_END = b"\r\n"
_DOCUMENT = "-DOCSTART-"
"""Of CoNLL-2003: where a document begins."""


class BadRow(NamedTuple):
    """A row that broke a rule, with the rule and the remedy."""

    path: str
    line: int
    problem: str
    remedy: str

    def error(self) -> InputError:
        """The row as the error that stops a run."""
        return InputError(f"{self.path}:{self.line}", self.problem, self.remedy)


def quarantined(path: str, line: int, problem: str, raw: bytes) -> str:
    """A line of a bad row as a line of a quarantine file: `file<TAB>line<TAB>problem<TAB>the row`."""
    return f"{path}\t{line}\t{problem}\t{raw.rstrip(_LINE_END).decode(errors='backslashreplace')}\n"


def require_file(path: Path, of_directory: str) -> None:
    """Refuses what is not there and what is a directory.

    Args:
        path: should be a file.
        of_directory: the remedy where it is a directory.

    Raises:
        InputError: it is not; with the nearest name there is.
    """
    with readable(path):
        if path.is_dir():
            raise InputError(str(path), "a directory, not a file", of_directory)
        if path.exists():
            return
    remedy = f"There is no directory {path.parent} either: correct the path, or fetch a sample with `data NAME`"
    if path.parent.is_dir():
        close = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
        nearest = f"Did you mean {path.parent / close[0]}? Correct the path" if close else ""
        remedy = nearest or "Correct the path; its directory is there"
    raise InputError(str(path), "no such file", remedy)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what can go wrong while a file is read into an InputError.

    Raises:
        InputError: missing, not permitted, damaged gzip, or another failure of the disk.
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError(str(path), "no such file", "It was there a moment ago: put it back") from None
    except PermissionError:
        raise InputError(
            str(path), "no permission to read it", "Give yourself the right with chmod, or run as its owner"
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(str(path), f"not a whole gzip file ({error})", "Compress it again, or drop the .gz") from None
    except OSError as error:
        raise InputError(
            str(path), f"cannot be read ({error.strerror or error})", "Check the disk and the path"
        ) from None


_Record = tuple[int, list[str]]


def read_records(file: IO[bytes], path: Path, quoting: Quoting, first: int = 1) -> Iterator[_Record | BadRow]:
    """(line number, fields) of every record that is left of a file, whose next line is number `first`."""
    return _quoted(file, path, first) if quoting == "csv" else _plain(file, path, first)


def read_sentences(file: IO[bytes], path: Path) -> Iterator[_Record | BadRow]:
    """(line of the first token, columns) of every sentence of a CoNLL file, each column's values joined by spaces.

    A line is a token with its columns, between spaces or tabs; an empty one ends a sentence, and so does
    one of `-DOCSTART-`. A sentence with a broken line is a bad row as a whole.
    """
    lines: list[list[str]] = []
    first, bad = 0, None
    for record in itertools.chain(_plain(file, path), [(0, [""])]):
        if isinstance(record, BadRow):
            bad = bad or record
            continue
        number, content = record
        fields = re.findall(r"[^ \t]+", "\t".join(content))
        if fields and fields[0] != _DOCUMENT:
            first = number if not lines else first
            lines.append(fields)
            if len(fields) != len(lines[0]) and bad is None:
                problem = f"a token with {len(fields)} columns, the sentence began with {len(lines[0])}"
                bad = BadRow(str(path), number, problem, "Give each token the same columns, and a line of its own")
        elif lines or bad:
            yield bad or (first, [" ".join(column) for column in zip(*lines, strict=True)])
            lines, bad = [], None


def _plain(file: IO[bytes], path: Path, first: int = 1) -> Iterator[_Record | BadRow]:
    for number, raw in enumerate(file, first):
        content = _without_line_end(raw, number)
        try:
            yield number, content.decode().split("\t")
        except UnicodeDecodeError as error:
            yield _not_utf8(path, number, content, error)


def _quoted(file: IO[bytes], path: Path, first: int) -> Iterator[_Record | BadRow]:
    # The csv module counts characters of a field and refuses long ones; a text may be long.
    csv.field_size_limit(sys.maxsize)
    undecodable: list[BadRow] = []

    def lines() -> Iterator[str]:
        for number, raw in enumerate(file, first):
            content = _without_bom(raw, number)
            try:
                yield content.decode()
            except UnicodeDecodeError as error:
                undecodable.append(_not_utf8(path, number, content, error))
                yield content.decode(errors="surrogateescape")

    reader = csv.reader(lines(), delimiter="\t", strict=True)
    while True:
        start = reader.line_num + first
        undecodable.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield undecodable[0] if undecodable else _not_quoted(path, start, reader.line_num + first - 1, error)
        else:
            yield undecodable[0] if undecodable else (start, fields or [""])


def _not_quoted(path: Path, start: int, end: int, error: csv.Error) -> BadRow:
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
    return BadRow(str(path), start, problem, f'{remedy}, or set data.quoting = "none"')


def _without_bom(raw: bytes, number: int) -> bytes:
    return raw.removeprefix(_BOM) if number == 1 else raw


def _without_line_end(raw: bytes, number: int) -> bytes:
    raw = _without_bom(raw, number)
    if raw.endswith(b"\n"):
        return raw[:-2] if raw.endswith(b"\r\n") else raw[:-1]
    return raw


def _not_utf8(path: Path, number: int, content: bytes, error: UnicodeDecodeError) -> BadRow:
    remedy = "Convert the file to UTF-8"
    if number == 1 and content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        remedy = "The file looks like UTF-16: convert it with iconv -f UTF-16 -t UTF-8"
    if number == 1 and content[:2] == b"\x1f\x8b":
        remedy = "The file looks like gzip: give its name the ending .gz"
    problem = f"byte {error.start + 1} of the line, 0x{content[error.start]:02x}, is not UTF-8"
    return BadRow(str(path), number, problem, remedy)


def opened(path: Path) -> IO[bytes]:
    """The file's bytes, decompressed if its name ends in .gz."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb", buffering=_CHUNK)  # type: ignore[return-value]


def bytes_read(file: IO[bytes]) -> int:
    """Bytes read from the disk so far, compressed ones for gzip."""
    return file.fileobj.tell() if isinstance(file, gzip.GzipFile) else file.tell()

"""What a file that is not as the settings say looks like, and the setting that would read it."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from components.rows.files import opened, readable
from components.rows.tsv import separator as separator_of
from components.settings.data import Data
from components.settings.fields import Column
from components.settings.separators import SEPARATORS, RowQuoting
from components.tasks import TASKS, tag_schemes
from components.tasks.tagging import Tagging

_LINES, _BYTES = 100, 1 << 16
"""At the beginning of a file, that are looked at."""

_CONLLU = re.compile(r"\d+(-\d+|\.\d+)?(\t[^\t]*){9}")
"""A line of CoNLL-U that is a word."""


def remedy(path: Path, data: Data) -> str | None:
    """The setting that would read a file; None: no other one would, as it looks.

    Raises:
        InputError: the file cannot be read.
    """
    lines = first_lines(path)
    per_token = TASKS[data.task].per_token
    if per_token and data.format != "conllu" and is_conllu(lines):
        task = ', and task = "word_tags" for its parts of speech' if data.task == Tagging.name else ""
        return f'The file looks like CoNLL-U: set data.format = "conllu"{task}'
    if data.format != "tsv":
        return None
    if per_token and (columns := conll(lines)):
        label = f" and data.label = {columns[-1]}, which holds tags" if columns and columns[-1] != 2 else ""
        return f'The file looks like CoNLL\'s, a token a line: set data.format = "conll"{label}'
    if data.row_quoting == "none" and _is_quoted(lines):
        return 'The file looks quoted as CSV is, say by pandas: set data.quoting = "csv"'
    widths = {len(record) for record in _records(lines, data.separator)}
    if not data.header and data.columns is None and len(widths) == 1 and max(widths) > data.columns_in_use:
        return f"Each row has {max(widths)} fields, without a header set data.columns = {max(widths)}"
    separator = _other_separator(lines, data.separator, data.wanted)
    if separator is None:
        return None
    shown = separator.replace("\t", "\\t")
    return f'The fields look separated by {SEPARATORS[separator]}s: set data.separator = "{shown}"'


def other_separator(path: Path, quoting: RowQuoting, wanted: Sequence[Column]) -> str | None:
    """What the fields of a file look separated by, if it is not what they are read by: a key of `SEPARATORS`.

    Args:
        path: a file with a header.
        quoting: by which it is read.
        wanted: columns of which the header has not all.

    Raises:
        InputError: the file cannot be read.
    """
    return _other_separator(first_lines(path), separator_of(quoting), wanted)


def tag_columns(columns: Sequence[Sequence[str]]) -> list[int]:
    """Numbers, from 1, of columns behind the first that hold tags of entities; those with entities, if there are."""
    tagged = [
        (number, values)
        for number, values in enumerate(columns, 1)
        if number > 1 and all(map(tag_schemes.is_tag, map(tag_schemes.canonical, values)))
    ]
    with_entities = [number for number, values in tagged if len(set(values)) > 1 or set(values) != {"O"}]
    return with_entities or [number for number, _ in tagged]


def first_lines(path: Path, most: int = _LINES, size: int = _BYTES) -> list[str]:
    """The first lines of a file, without their ends; the last one is whole."""
    with readable(path), opened(path) as file:
        head = file.read(size)
    lines = head.decode("utf-8-sig", errors="replace").split("\n")
    # The last one may be cut, or is nothing behind the last line feed.
    whole = lines[:-1] if len(lines) > 1 and (len(head) == size or not lines[-1]) else lines
    return [line.removesuffix("\r") for line in whole[:most]]


def is_conllu(lines: Sequence[str]) -> bool:
    """Whether lines are words of CoNLL-U."""
    words = [line for line in lines if line and not line.startswith("#")]
    return bool(words) and all(map(_CONLLU.fullmatch, words))


def conll(lines: Sequence[str]) -> list[int]:
    """Numbers of the columns that hold tags, or 2; none at all: these are no lines of a token each."""
    rows = [re.findall(r"[^ \t]+", line) for line in lines if not line.startswith(("# ", "-DOCSTART-"))]
    tokens = [row for row in rows if row]
    is_parted = lines[:1] != [] and (lines[0].startswith("-DOCSTART-") or [] in rows[:-1])
    if not is_parted or len({len(row) for row in tokens}) != 1 or len(tokens[0]) < 2:
        return []
    return tag_columns(list(zip(*tokens, strict=True))) or [2]


def _is_quoted(lines: Sequence[str]) -> bool:
    if not any(line.startswith('"') or '\t"' in line for line in lines):
        return False
    records = _records(lines, "\t")
    return len({len(record) for record in records}) == 1 and len(records[0]) > 1


def _other_separator(lines: Sequence[str], separator: str, wanted: Sequence[Column]) -> str | None:
    """What lines look separated by that hardly have the separator; where names are wanted, line 1 has them."""
    if sum(separator in line for line in lines) * 2 >= len(lines):
        return None
    names = {column for column in wanted if isinstance(column, str)}
    for other in SEPARATORS:
        records = _records(lines, other)
        widths = {len(record) for record in records}
        if other == separator or not records:
            continue
        if (
            (names <= set(records[0]) and len(records[0]) > 1)
            if names
            else (len(widths) == 1 and min(widths) >= max(2, *(column for column in wanted if isinstance(column, int))))
        ):
            return other
    return None


def _records(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The lines as RFC 4180 has them; none where they break it."""
    reader = csv.reader([f"{line}\n" for line in lines], delimiter=separator, strict=True)
    found = []
    while True:
        try:
            found.append(next(reader))
        except StopIteration:
            return [record for record in found if record]
        except csv.Error:
            # A field may be quoted across the last line that is looked at.
            return found if reader.line_num == len(lines) > 1 else []

"""Sentences of CoNLL files: a token a line, an empty line between sentences."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from components.common.errors import InputError
from components.rows.tsv import BadRow, plain_fields
from components.settings.data import CONLLU_WIDTH

_DOCUMENT = "-DOCSTART-"
"""Of CoNLL-2003: where a document begins."""

_NO_BREAK_SPACE = "\u00a0"
"""In place of a space within a word of CoNLL-U, where a space would end it: BERT takes it for one."""

MOST_TOKENS = 100_000
"""Of a sentence, which is in memory as a whole; no model sees as many."""

_NOT_A_WORD = re.compile(r"[0-9]+[-.][0-9]+")
"""CoNLL-U's ids of multiword tokens, whose words follow, and of empty nodes, which are no text."""


class Sentence(NamedTuple):
    """The tokens of a sentence, as a row."""

    line: int
    """Of the first token."""
    columns: list[str]
    """Each column's values, joined by spaces."""
    lines: list[int]
    """Of each token."""


def read_sentences(file: IO[bytes], path: Path, comments: str | None = None) -> Iterator[Sentence | BadRow]:
    """Every sentence of a CoNLL file.

    A line is a token with its columns, between spaces or tabs; an empty one ends a sentence, and so does
    one of `-DOCSTART-`. A sentence with a broken line is a bad row as a whole.

    Args:
        file: its bytes.
        path: where they are from.
        comments: how a line begins that is none of a sentence, where it stands before its first token.

    Raises:
        InputError: a sentence has more than `MOST_TOKENS`, or a line more bytes than one may have.
    """

    def token(content: list[str], is_first: bool) -> list[str] | None:
        fields = re.findall(r"[^ \t]+", "\t".join(content))
        if not fields or fields[0] == _DOCUMENT:
            return []
        is_comment = is_first and comments is not None and " ".join(fields).startswith(comments)
        return None if is_comment else fields

    return _sentences(file, path, token, _other_width)


def read_conllu(file: IO[bytes], path: Path) -> Iterator[Sentence | BadRow]:
    """Every sentence of a file in CoNLL-U: its words, without comments, multiword tokens and empty nodes.

    A sentence with a broken line is a bad row as a whole. Spaces within a field become no-break spaces.

    Raises:
        InputError: a sentence has more than `MOST_TOKENS`, or a line more bytes than one may have.
    """

    def token(content: list[str], _: bool) -> list[str] | None:
        if content[0].startswith("#") or _NOT_A_WORD.fullmatch(content[0]):
            return None
        is_empty = not "".join(content).strip(" ")
        return [] if is_empty else [field.replace(" ", _NO_BREAK_SPACE) for field in content]

    return _sentences(file, path, token, _not_conllu)


def _sentences(
    file: IO[bytes],
    path: Path,
    token: Callable[[list[str], bool], list[str] | None],
    wrong: Callable[[Path, list[list[str]], list[int]], BadRow | None],
) -> Iterator[Sentence | BadRow]:
    """Every sentence of a file.

    Args:
        file: its bytes.
        path: where they are from.
        token: from what stands between a line's tabs, and whether it would be the first of a sentence, the columns of a
            token; empty: a sentence ends; None: the line is none of a sentence.
        wrong: what is wrong with the last of a sentence's lines, by all so far and their numbers.
    """
    lines: list[list[str]] = []
    numbers: list[int] = []
    bad: BadRow | None = None
    for record in itertools.chain(plain_fields(file, path), [(0, [""])]):
        if isinstance(record, BadRow):
            bad = bad or record
            continue
        number, content = record
        fields = token(content, not lines)
        if fields:
            lines.append(fields)
            numbers.append(number)
            _check_length(path, numbers)
            bad = bad or wrong(path, lines, numbers)
        elif fields is not None and (lines or bad):
            yield bad or _sentence(lines, numbers)
            lines, numbers, bad = [], [], None


def _check_length(path: Path, numbers: list[int]) -> None:
    """Refuses a sentence that is too long, by its lines."""
    if len(numbers) > MOST_TOKENS:
        remedy = "An empty line ends a sentence: put one after each"
        raise InputError(f"{path}:{numbers[0]}", f"a sentence of more than {MOST_TOKENS:,} tokens", remedy)


def _sentence(lines: list[list[str]], numbers: list[int]) -> Sentence:
    return Sentence(numbers[0], [" ".join(column) for column in zip(*lines, strict=True)], numbers)


def _other_width(path: Path, lines: list[list[str]], numbers: list[int]) -> BadRow | None:
    """Where the last of a sentence's lines has other columns than the first, which may be a comment."""
    first, last = lines[0], lines[-1]
    if len(first) == len(last):
        return None
    if first[0].startswith("#") and len(lines) == 2:
        start = "# " if first[0] == "#" else "#"
        problem = f"a line of {len(first)} columns that begins with {start!r}, the next has {len(last)}"
        remedy = f'If it is a comment, set data.comments = "{start}"'
        return BadRow(str(path), numbers[0], problem, remedy)
    problem = f"a token with {len(last)} columns, the sentence began with {len(first)}"
    remedy = "Give each token the same columns, and a line of its own"
    if len(last) > len(first):
        remedy += "; a space ends a column, so put another sign for one within a token, say _"
    return BadRow(str(path), numbers[-1], problem, remedy)


def _not_conllu(path: Path, lines: list[list[str]], numbers: list[int]) -> BadRow | None:
    """Where the last of a sentence's lines has not ten columns with something in each."""
    fields = lines[-1]
    if len(fields) != CONLLU_WIDTH:
        problem = f"{len(fields)} columns between tabs, a word of CoNLL-U has {CONLLU_WIDTH}"
        remedy = 'Correct the line; of files with other columns set data.format = "conll", data.text and data.label'
        return BadRow(str(path), numbers[-1], problem, remedy)
    if not all(fields):
        problem = f"column {fields.index('') + 1} of {CONLLU_WIDTH} is empty"
        return BadRow(str(path), numbers[-1], problem, "Put _ where there is nothing to say")
    return None

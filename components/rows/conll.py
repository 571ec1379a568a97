"""Sentences of CoNLL files: a token a line, an empty line between sentences."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from components.common.errors import InputError
from components.rows.tsv import BadRow, Fields, plain_fields

_DOCUMENT = "-DOCSTART-"
"""Of CoNLL-2003: where a document begins."""

MOST_TOKENS = 100_000
"""Of a sentence, which is in memory as a whole; no model sees as many."""


def read_sentences(file: IO[bytes], path: Path) -> Iterator[Fields | BadRow]:
    """(line of the first token, columns) of every sentence of a CoNLL file, each column's values joined by spaces.

    A line is a token with its columns, between spaces or tabs; an empty one ends a sentence, and so does
    one of `-DOCSTART-`. A sentence with a broken line is a bad row as a whole.

    Raises:
        InputError: a sentence has more than `MOST_TOKENS`, or a line more bytes than one may have.
    """
    lines: list[list[str]] = []
    first, bad = 0, None
    for record in itertools.chain(plain_fields(file, path), [(0, [""])]):
        if isinstance(record, BadRow):
            bad = bad or record
            continue
        number, content = record
        fields = re.findall(r"[^ \t]+", "\t".join(content))
        if fields and fields[0] != _DOCUMENT:
            first = number if not lines else first
            lines.append(fields)
            if len(lines) > MOST_TOKENS:
                remedy = "An empty line ends a sentence: put one after each"
                raise InputError(f"{path}:{first}", f"a sentence of more than {MOST_TOKENS:,} tokens", remedy)
            if len(fields) != len(lines[0]) and bad is None:
                problem = f"a token with {len(fields)} columns, the sentence began with {len(lines[0])}"
                bad = BadRow(str(path), number, problem, "Give each token the same columns, and a line of its own")
        elif lines or bad:
            yield bad or (first, [" ".join(column) for column in zip(*lines, strict=True)])
            lines, bad = [], None

"""Texts as a command is given them beside files: its arguments, and the lines of standard input."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from typing import TextIO

from components.common.errors import InputError
from components.rows.tsv import MOST_BYTES


def check(texts: Iterable[str]) -> None:
    """Refuses arguments that are not UTF-8.

    Raises:
        InputError: there is one.
    """
    for text in texts:
        if any("\udc80" <= character <= "\udcff" for character in text):
            # Where Python puts the bytes of an argument that is not UTF-8.
            raise InputError("TEXT", f"not UTF-8, got {text!r}", "Give texts in UTF-8")


def full_lines(stream: TextIO) -> Iterator[tuple[str, str]]:
    """As `lines`.

    Raises:
        InputError: as there; or a line has nothing in it.
    """
    for place, text in lines(stream):
        if not text.strip():
            raise InputError(place, "an empty line", "Give one text a line")
        yield place, text


def lines(stream: TextIO) -> Iterator[tuple[str, str]]:
    """The lines of standard input with their places.

    Raises:
        InputError: one is not UTF-8, or longer than any text.
    """
    if isinstance(stream, io.TextIOWrapper):
        # Python opens it so that bytes of another encoding pass, in disguise.
        stream.reconfigure(encoding="utf-8", errors="strict")
    with contextlib.suppress(UnicodeDecodeError):
        for number, line in enumerate(iter(lambda: stream.readline(MOST_BYTES + 1), ""), 1):
            if len(line) > MOST_BYTES:
                problem = f"a line of more than {MOST_BYTES:,} characters"
                raise InputError(f"standard input:{number}", problem, "Give one text a line; split a longer one")
            yield f"standard input:{number}", line.rstrip("\r\n")
        return
    raise InputError("standard input", "not UTF-8", "Convert it to UTF-8")

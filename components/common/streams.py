"""Standard output and standard error of a process that runs chatty libraries."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

_JOINERS = "\u200c\u200d"
"""That words of some languages and emoji are written with."""


def prepare() -> None:
    """Gives a command streams that it can write any text to, whatever it was started with.

    In files and pipes text is UTF-8; on a terminal what its encoding does not have is escaped. A stream that is closed
    leads nowhere: what is opened next would else take its number, and get what libraries print.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            mode, errors = ("r", "strict") if name == "stdin" else ("w", "backslashreplace")
            setattr(sys, name, open(number, mode, encoding="utf-8", errors=errors, closefd=False))  # noqa: SIM115
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def printable(text: str) -> str:
    """Text of others as a terminal may be given it: what would control it, or turn a line round, is escaped.

    Newlines and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(map(_printable, text))


def _printable(character: str) -> str:
    unseen = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    if not unseen or character in "\n\t" or character in _JOINERS:
        return character
    # As JSON has it, too.
    return f"\\u{ord(character):04x}" if character <= "\uffff" else f"\\U{ord(character):08x}"


class Printable(io.TextIOBase):
    """A terminal that gets `printable` text."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal

    def write(self, text: str) -> int:
        """Writes what is printable of it, the rest escaped."""
        self._terminal.write(printable(text))
        return len(text)

    def flush(self) -> None:
        """Of the terminal."""
        self._terminal.flush()

    def isatty(self) -> bool:
        """Whether the terminal is one."""
        return self._terminal.isatty()


@contextlib.contextmanager
def hidden_stderr(log: Path | str = os.devnull) -> Iterator[None]:
    """Around what writes to standard error from C++, as TensorFlow's import does; `log` gets it instead."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


@contextlib.contextmanager
def redirected_output(log: Path) -> Iterator[TextIO]:
    """Sends file descriptors 1 and 2 to the log; yields the terminal that standard error was.

    Libraries write to the descriptors from C++, which no redirection of `sys.stderr` catches.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    terminal = os.fdopen(os.dup(kept[1]), "w", encoding="utf-8")
    original = sys.stdout
    progress = logging.FileHandler(log, encoding="utf-8")
    ours = logging.getLogger("components")
    ours.setLevel(logging.INFO)
    ours.addHandler(progress)
    try:
        os.dup2(file, 1)
        os.dup2(file, 2)
        # What the caller prints by `say` still goes to where standard output was.
        sys.stdout = os.fdopen(os.dup(kept[0]), "w", encoding="utf-8", buffering=1)
        yield terminal
    finally:
        ours.removeHandler(progress)
        progress.close()
        sys.stdout.flush()
        sys.stdout = original
        sys.stderr.flush()
        for descriptor, number in zip(kept, (1, 2), strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(file)

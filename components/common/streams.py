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
from typing import Any, TextIO

_JOINERS = "\u200c\u200d"
"""That words of some languages and emoji are written with."""

_COLUMNS = 80
"""Of a terminal that does not say."""


def prepare() -> None:
    """Gives a command streams that it can write any text to, whatever it was started with.

    In files and pipes text is UTF-8; on a terminal what its encoding does not have is escaped. A stream that is closed
    leads nowhere: what is opened next would else take its number, and get what libraries print.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            lead_nowhere(number)
            mode, errors = ("r", "strict") if name == "stdin" else ("w", "backslashreplace")
            setattr(sys, name, open(number, mode, encoding="utf-8", errors=errors, closefd=False))  # noqa: SIM115
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def lead_nowhere(number: int) -> None:
    """Has a file descriptor, open or closed, give nothing and swallow all."""
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)


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


def columns(stream: TextIO) -> int:
    """The width of a terminal, whichever of the standard streams are sent elsewhere; COLUMNS states another."""
    stated = os.environ.get("COLUMNS", "")
    if stated.isdecimal() and int(stated):
        return int(stated)
    # Of some pseudo-terminals it is 0.
    with contextlib.suppress(OSError):
        return os.get_terminal_size(stream.fileno()).columns or _COLUMNS
    return _COLUMNS


class Printable(io.TextIOBase):
    """A terminal that gets `printable` text.

    Args:
        terminal: for who writes colours to it, and what is printable of the rest.
    """

    def __init__(self, terminal: TextIO) -> None:
        self.terminal = terminal

    def write(self, text: str) -> int:
        """Writes what is printable of it, the rest escaped."""
        self.terminal.write(printable(text))
        return len(text)

    def flush(self) -> None:
        """Of the terminal."""
        self.terminal.flush()

    def isatty(self) -> bool:
        """Whether the terminal is one."""
        return self.terminal.isatty()

    def fileno(self) -> int:
        """Of the terminal."""
        return self.terminal.fileno()

    def __getattr__(self, name: str) -> Any:
        # `buffer`, `reconfigure` and whatever else a stream of the process has.
        return getattr(self.terminal, name)


def terminal_of(stream: TextIO) -> TextIO:
    """The stream itself, for who writes to it what controls a terminal, and escapes the rest."""
    return stream.terminal if isinstance(stream, Printable) else stream


@contextlib.contextmanager
def printable_terminals() -> Iterator[None]:
    """Has what a command prints of others' text control no terminal."""
    with contextlib.ExitStack() as stack:
        if sys.stdout.isatty():
            stack.enter_context(contextlib.redirect_stdout(Printable(sys.stdout)))
        if sys.stderr.isatty():
            stack.enter_context(contextlib.redirect_stderr(Printable(sys.stderr)))
        yield


@contextlib.contextmanager
def hidden_stderr(log: Path | str = os.devnull) -> Iterator[TextIO]:
    """Around what writes to standard error from C++, as TensorFlow's import does; `log` gets it instead.

    Yields the terminal that standard error was.
    """
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(null, 2)
        with os.fdopen(os.dup(kept), "w", encoding="utf-8", errors="backslashreplace") as terminal:
            yield terminal
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
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
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

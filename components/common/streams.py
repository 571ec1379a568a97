"""Standard output and standard error of a process that runs chatty libraries."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


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

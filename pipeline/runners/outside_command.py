"""A command of the user's, or of another environment, that a run starts and waits for, but not without an end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

_SHOWN = 300
"""Characters of what a command has said last."""

_READ = 1 << 16
"""Bytes of it that are read."""

_MOST_SAID = 10_000_000
"""Bytes; a command that prints without an end would fill the disk."""

_LOOKS = 0.1
"""Seconds between two looks at how much it has printed."""


class Ended(NamedTuple):
    """How a command ended."""

    problem: str
    """What went wrong; empty: nothing."""
    said: str
    """The last line that it printed, cut."""


def finish(
    words: Sequence[str],
    given: str,
    seconds: float,
    limit: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Starts a command, without a shell, and waits for its end; one that takes too long is ended with all it started.

    Args:
        words: the command and its arguments.
        given: its standard input.
        seconds: it may take.
        limit: the name of the key that says so.
        folder: it runs in; None: in this process's own.
        environment: its variables; None: those of this process.

    Raises:
        OSError: it cannot be started, or nothing can be written.
        ValueError: its words are none that a process can have.
    """
    # Files, not pipes: a process that it leaves behind could keep these open.
    with tempfile.TemporaryFile("w+") as standard_input, tempfile.TemporaryFile() as said:
        standard_input.write(given)
        standard_input.seek(0)
        process = subprocess.Popen(  # noqa: S603
            words,
            stdin=standard_input,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            # A group of its own, to end all of it.
            start_new_session=True,
        )
        try:
            if problem := _what_ended_it(process, said, seconds, limit):
                return Ended(problem, "")
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        said.seek(max(0, said.seek(0, os.SEEK_END) - _READ))
        lines = said.read().decode(errors="replace").strip().splitlines()
        last = lines[-1][:_SHOWN] if lines else ""
        if process.returncode == 0:
            return Ended("", last)
        return Ended(f"ended with {process.returncode}" + (f" ({last})" if last else ""), last)


def why(error: OSError | ValueError) -> str:
    """Why a command could not be started."""
    return f"cannot be started ({getattr(error, 'strerror', None) or error})"


def _what_ended_it(process: subprocess.Popen[bytes], said: IO[bytes], seconds: float, limit: str) -> str:
    """Waits for a command, and says why it is to be ended; empty: it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            process.wait(min(_LOOKS, max(0.0, deadline - time.monotonic())))
            return ""
        except subprocess.TimeoutExpired:
            if os.fstat(said.fileno()).st_size > _MOST_SAID:
                return f"printed more than {_MOST_SAID:,} bytes, and was ended"
            if time.monotonic() >= deadline:
                return f"took longer than {limit}, {seconds:g}, and was ended"

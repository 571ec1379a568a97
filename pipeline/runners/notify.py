"""`[notify]`: a command is told how a run ended. What becomes of the command is said, and changes nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from components.common import json_text
from components.common.errors import InputError
from components.common.streams import printable
from components.settings.push import Notify
from pipeline.config import load
from pipeline.runs.record import RunRecord

_SHOWN = 300
"""Characters of what a command that failed has said last."""

_READ = 1 << 16
"""Bytes of it that are read."""

_MOST_SAID = 10_000_000
"""Bytes; a command that prints without an end would fill the disk."""

_LOOKS = 0.1
"""Seconds between two looks at how much it has printed."""


@contextlib.contextmanager
def afterwards(settings: Notify, name: str, config: Path) -> Iterator[list[RunRecord]]:
    """Around a run: what is put into the list when it begins is told at its end; without, a mistake is.

    Args:
        settings: the run's.
        name: of the pipeline.
        config: the run's TOML file.
    """
    begun: list[RunRecord] = []
    try:
        yield begun
    except InputError as error:
        if not begun:
            tell(settings, not_begun(name, config, str(error)))
        raise
    finally:
        for record in begun:
            tell(settings, record.document())


@contextlib.contextmanager
def of_checks(config: Path) -> Iterator[None]:
    """Around the checks before a run: tells a mistake that they find, if the TOML file itself can be read."""
    try:
        yield
    except InputError as error:
        with contextlib.suppress(InputError):
            run = load.load_any(config)
            tell(run.notify, not_begun(run.name, config, str(error)))
        raise


def not_begun(name: str, config: Path, error: str) -> dict[str, Any]:
    """What there is to tell of a run that has no record: the fields of one that it has."""
    return {
        "id": None,
        "name": name,
        "config": str(config.resolve()),
        "state": "failed",
        "pushed": None,
        "error": error,
    }


def tell(settings: Notify, run: dict[str, Any]) -> None:
    """Starts the command, if it wants to hear of the run's state, and waits for it.

    It gets the run as JSON on its standard input, and runs in the directory of the TOML file.

    Args:
        settings: the run's.
        run: its record, or `not_begun`.
    """
    if not settings.words or run["state"] not in settings.on:
        return
    try:
        problem = _problem(settings, run)
    except (OSError, ValueError) as error:
        problem = f"cannot be started ({getattr(error, 'strerror', None) or error})"
    except KeyboardInterrupt:
        problem = "was interrupted"
    if problem:
        said = f"! notify: {settings.words[0]} {problem}; the run is {run['state']} all the same"
        # Standard error may be on a disk that is full.
        with contextlib.suppress(OSError):
            print(printable(said), file=sys.stderr, flush=True)


def _problem(settings: Notify, run: dict[str, Any]) -> str:
    """What went wrong with the command; empty: nothing.

    Raises:
        OSError: it cannot be started, or nothing can be written.
    """
    # Files, not pipes: a process that it leaves behind could keep these open.
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile() as said:
        given.write(json_text.dumps(run, indent=1))
        given.seek(0)
        folder = Path(run["config"]).parent
        process = subprocess.Popen(  # noqa: S603
            settings.words,
            stdin=given,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=folder if folder.is_dir() else None,
            # A group of its own, to end all of it.
            start_new_session=True,
        )
        try:
            if problem := _what_ended_it(process, said, settings.seconds):
                return problem
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode == 0:
            return ""
        said.seek(max(0, said.seek(0, os.SEEK_END) - _READ))
        lines = said.read().decode(errors="replace").strip().splitlines()
        return f"ended with {process.returncode}" + (f" ({lines[-1][:_SHOWN]})" if lines else "")


def _what_ended_it(process: subprocess.Popen[bytes], said: IO[bytes], seconds: float) -> str:
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
                return f"took longer than notify.seconds, {seconds:g}, and was ended"

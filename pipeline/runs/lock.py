"""One run at a time in a pipeline's home, and nobody else in ML Metadata's file."""

from __future__ import annotations

import contextlib
import datetime
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from components.common import locks, progress, stored_paths
from components.common.errors import InputError
from components.common.streams import printable
from pipeline.runs.paths import PipelinePaths

LOCKED_SECONDS = 20.0
"""So long ML Metadata's file may be locked; what it does itself takes milliseconds."""


@contextlib.contextmanager
def held(paths: PipelinePaths, wait: Callable[[Any], None] | None = None, shared: bool = False) -> Iterator[None]:
    """Keeps a second run, or whatever changes what runs left, out of the same place.

    Args:
        paths: where.
        wait: called with a line about who is in, before that is waited for; None: an error.
        shared: lets others in who say so too: nodes that a scheduler starts side by side.

    Raises:
        InputError: somebody else is in, or the place cannot be written, or is a link out of its root.
    """
    # What leads elsewhere is not ours to change; `push.destination` may be anywhere.
    serving = [paths.serving] if paths.serving.is_relative_to(paths.home) else []
    links = [path for pattern in ("*", "*/*") for path in paths.artifacts.glob(pattern) if path.is_symlink()]
    remedy = (
        f"Put the directory itself in the link's place; for a larger disk move all of {paths.home.parent} there then, "
    )
    remedy += "and give its new place by --root: the next run goes on with it"
    for place in (paths.home, paths.lock, paths.metadata, paths.artifacts, *links, paths.runs, *serving):
        stored_paths.inside(paths.home.parent, place, remedy)
    with writable(paths.home):
        paths.home.mkdir(parents=True, exist_ok=True)
        # Of a link, what it leads to would be written over.
        lock = os.fdopen(os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666), "a+")

    with lock:
        try:
            locks.lock(lock, shared=shared)
        except BlockingIOError:
            lock.seek(0)
            problem = f"another run is running here ({lock.read().strip() or 'another process'})"
            if wait is None:
                remedy = "Wait for its end, with --wait, or give this one another --root"
                raise InputError(str(paths.home), problem, remedy) from None
            wait(f"{paths.home.name}: {problem}, waiting for its end")
            with progress.watch(sys.stderr, "waiting"):
                locks.lock(lock, shared=shared, waiting=lambda: None)
        lock.truncate(0)
        lock.write(f"process {os.getpid()} since {datetime.datetime.now().astimezone().isoformat(timespec='seconds')}")
        lock.flush()
        yield


def told(what: str) -> None:
    """Says on standard error who is waited for."""
    print(printable(what), file=sys.stderr, flush=True)


def check_metadata(path: Path, seconds: float = LOCKED_SECONDS, whole: bool = False) -> None:
    """Looks whether ML Metadata can use its file, for which it would wait for minutes without a word.

    Args:
        path: the SQLite file; where there is none yet, or an empty one, it will be made.
        seconds: how long others may have it to themselves, as nodes side by side have it for moments.
        whole: whether to look through all of the file for damage: a second for each hundred megabytes.

    Raises:
        InputError: another process has it locked, it cannot be written, or it is damaged.
    """
    try:
        # A file that is not there would be made.
        with contextlib.closing(sqlite3.connect(path if path.is_file() else ":memory:", timeout=seconds)) as database:
            database.execute("BEGIN EXCLUSIVE")
            found = database.execute("PRAGMA quick_check(1)" if whole else "PRAGMA schema_version").fetchone()[0]
            database.rollback()
    except sqlite3.OperationalError as error:
        problem, remedy = f"cannot be used ({error})", "Look at its permissions, and at the disk"
        if "locked" in str(error):
            problem = f"another process has it locked, and {seconds:g} s on still has"
            remedy = f"`fuser -v {path}` or `lsof {path}` shows which: end it, or wait for its end; then run again"
        raise InputError(str(path), problem, remedy) from None
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from None
    if whole and found != "ok":
        raise _damaged(path, str(found).splitlines()[-1])


def _damaged(path: Path, why: str) -> InputError:
    remedy = "Put it back from where it was archived; without that, delete it: the next run puts aside what nodes made "
    remedy += "and makes it anew. Pushed versions and the records of runs stay"
    return InputError(str(path), f"ML Metadata's file is damaged ({why})", remedy)


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Around what writes below a root.

    Raises:
        InputError: it cannot be written there.
    """
    try:
        yield
    except OSError as error:
        raise InputError(str(path), f"cannot be written ({error.strerror})", "Give a --root you may write to") from None

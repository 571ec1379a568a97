"""One run at a time in a pipeline's home."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from components.common.errors import InputError
from pipeline.runs.paths import PipelinePaths


@contextlib.contextmanager
def held(places: PipelinePaths, wait: Callable[[Any], None] | None = None, shared: bool = False) -> Iterator[None]:
    """Keeps a second run, or whatever changes what runs left, out of the same place.

    Args:
        places: where.
        wait: told that somebody else is in before it is waited for; None: an error.
        shared: lets others in who say so too: nodes that a scheduler starts side by side.

    Raises:
        InputError: somebody else is in, or the place cannot be written.
    """
    with writable(places.home):
        places.home.mkdir(parents=True, exist_ok=True)
        lock = places.lock.open("a+")
    with lock:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            problem = f"another run is on here ({holder})"
            if wait is None:
                remedy = "Wait for its end, with --wait, or give this one another --root"
                raise InputError(str(places.home), problem, remedy) from None
            wait(f"{places.home.name}: {problem}, waiting for its end")
            fcntl.flock(lock, kind)
        lock.truncate(0)
        lock.write(f"process {os.getpid()} since {datetime.datetime.now().astimezone().isoformat(timespec='seconds')}")
        lock.flush()
        yield


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turns a failure to write below a root into an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(str(path), f"cannot be written ({error.strerror})", "Give a --root you may write to") from None

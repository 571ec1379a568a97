"""One run at a time in a pipeline's home."""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from components.common import locks, progress, stored_paths
from components.common.errors import InputError
from components.common.streams import printable
from pipeline.runs.paths import PipelinePaths


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

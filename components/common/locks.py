"""Advisory locks between processes of one machine (flock): they end with the process that holds them."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any


def lock(file: IO[Any] | int, *, shared: bool = False, waiting: Callable[[], object] | None = None) -> None:
    """Locks an open file, or a directory's descriptor, until it is closed.

    Args:
        file: the file.
        shared: lets others in who say so too.
        waiting: called if somebody else is in, before the end of that is waited for; it may raise instead.

    Raises:
        BlockingIOError: somebody else is in, and `waiting` is None.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        if waiting is None:
            raise
        waiting()
        fcntl.flock(file, kind)


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Lets one process at a time in, and the others wait, `waiting` called first.

    Args:
        path: a directory, or a file, which is made if it is not there, and stays.
        waiting: as for `lock`.
    """
    # A link to a file is not followed: it might make one somewhere else.
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        lock(descriptor, waiting=waiting)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether somebody has the file locked for themselves alone; a file that is not there nobody has."""
    try:
        with path.open() as file:
            lock(file, shared=True)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False

"""The models that were loaded last, for another split of the same run: loading one and its first answer take 1.5 s."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

_MOST = 2
"""Models that are kept: a candidate and the one in production."""

_models: dict[tuple[str, tuple[int, ...]], Any] = {}


def kept(directory: Path, load: Callable[[], Any]) -> Any:
    """A model that this process has loaded already, or else loads now.

    Args:
        directory: of the SavedModel. Where its files are others by what `stat` tells, it is loaded again.
        load: does so.
    """
    key = str(directory), _told(directory)
    if key not in _models:
        while len(_models) >= _MOST:
            del _models[next(iter(_models))]
        _models[key] = load()
    return _models[key]


def _told(directory: Path) -> tuple[int, ...]:
    """Nobody but the file system sets the last one of a file."""
    found: list[int] = []
    for path in sorted((directory, *directory.rglob("*"))):
        status = path.stat()
        found += (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return tuple(found)

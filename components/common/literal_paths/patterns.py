"""Patterns of files below directories that may be named like patterns themselves."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MAGIC = frozenset("*?[\\")
"""What Python's, Beam's or TensorFlow's patterns give a meaning."""


def looks_like_pattern(path: Path | str) -> bool:
    """Whether a library could take a path for a pattern."""
    return not _MAGIC.isdisjoint(str(path))


def parted(pattern: str) -> tuple[str, str]:
    """The directory that a pattern's files lie below, and the pattern within it.

    What is there under the very name is meant by it: of `/data[x]/*.tsv`, with a directory of that name, `/data[x]/`
    and `*.tsv`.
    """
    *directories, rest = pattern.split("/")
    start = ""
    for place, part in enumerate(directories):
        # What may not be looked into is none, and no error.
        if looks_like_pattern(part) and not os.path.isdir(start + part):  # noqa: PTH112
            return start, "/".join([*directories[place:], rest])
        start += f"{part}/"
    return start, rest


def matching(pattern: str) -> list[str]:
    """The paths that match, sorted; `**` stands for directories of any depth.

    Raises:
        OSError: a directory that cannot be read.
    """
    start, rest = parted(pattern)
    return sorted(glob.glob(glob.escape(start) + rest, recursive=True))


@contextmanager
def plain(directory: Path) -> Iterator[Path]:
    """A name of a directory that nothing takes for a pattern, as long as the block lasts.

    TensorFlow looks for the weights in a SavedModel by a pattern, in C++, where nothing of Python's takes its place.
    """
    if not looks_like_pattern(directory):
        yield directory
        return
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{number}")
    finally:
        os.close(number)

"""Patterns of files below directories that may be named like patterns themselves."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.common.errors import InputError

_MAGIC = frozenset("*?[\\")
"""What Python's, Beam's or TensorFlow's patterns give a meaning."""


MOST_NAMES = 1_000_000
"""That are looked at for a pattern: some seconds' work. A whole file system has more."""

TOLD_FROM = 100_000
"""From so many on, a person is told what takes the time."""


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
        InputError: more than `MOST_NAMES` names had to be looked at.
    """
    return below(*parted(pattern))


def below(directory: str, pattern: str) -> list[str]:
    """The paths below a directory that match, sorted: what `glob.glob` finds there with `recursive=True`, each once.

    Args:
        directory: as it is called; empty, or with a `/` at its end.
        pattern: within it.

    Raises:
        InputError: more than `MOST_NAMES` names had to be looked at.
    """
    return sorted({path.rstrip("/") or path for path in _below(directory, pattern)})


def _below(directory: str, pattern: str) -> Iterator[str]:
    seen = 0

    def entries(folder: str) -> Iterator[os.DirEntry[str]]:
        nonlocal seen
        # As for `glob`, a directory that cannot be read is an empty one.
        with contextlib.suppress(OSError), os.scandir(folder or ".") as there:
            for entry in there:
                seen += 1
                if seen == TOLD_FROM:
                    text = "%s%s: looking for files, %s names so far"
                    logging.getLogger(__name__).warning(text, directory, pattern, f"{seen:,}")
                if seen > MOST_NAMES:
                    problem = f"matches too widely: {MOST_NAMES:,} names were looked at, the last in {folder[:100]}"
                    remedy = "Name the directory of the files, say data/*.tsv"
                    raise InputError(f"{directory}{pattern}", problem, remedy)
                yield entry

    # Where the search is, and what of the pattern is left there.
    places = [(directory, [part for part in pattern.split("/") if part])]
    while places:
        folder, parts = places.pop()
        if not parts:
            if folder:
                yield folder
            continue
        part, *rest = parts
        if part == "**":
            if not folder or Path(folder).is_dir():
                places.append((folder, rest))
            for entry in entries(folder):
                path = os.path.join(folder, entry.name)  # noqa: PTH118
                if not entry.name.startswith("."):
                    if _is_directory(entry):
                        places.append((path, parts))
                    elif not rest:
                        yield path
        elif glob.has_magic(part):
            matches = re.compile(fnmatch.translate(part)).match
            for entry in entries(folder):
                hidden = entry.name.startswith(".") and not part.startswith(".")
                if not hidden and matches(entry.name) and (not rest or _is_directory(entry)):
                    places.append((os.path.join(folder, entry.name), rest))  # noqa: PTH118
        elif os.path.lexists(path := os.path.join(folder, part)):  # noqa: PTH118
            places.append((path, rest))


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


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

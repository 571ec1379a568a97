"""Input files: found, opened, and refused where they cannot be read."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import gzip
import json
import logging
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from components.common import atomic_files
from components.common.errors import InputError
from components.common.suggest import did_you_mean
from components.rows.tsv import CHUNK
from components.settings.data import Data


def require_file(path: Path, of_directory: str) -> None:
    """Refuses what is not there, and what is no file: a pipe or a device would be waited for, or has no end.

    Args:
        path: should be a file.
        of_directory: the remedy where it is a directory.

    Raises:
        InputError: it is not; with the nearest name there is.
    """
    with readable(path):
        if path.is_dir():
            raise InputError(str(path), "a directory, not a file", of_directory)
        if path.is_file():
            return
        if path.exists():
            remedy = "Write its rows to a file, and name that: the rows are read more than once"
            raise InputError(str(path), "a pipe or a device, not a file", remedy)
    remedy = f"There is no directory {path.parent} either: correct the path, or fetch a sample with `data NAME`"
    if path.parent.is_dir():
        there = [other.name for other in path.parent.iterdir()]
        nearest = did_you_mean(path.name, there, lambda name: str(path.parent / name))
        remedy = f"{nearest}Correct the path" if nearest else "Correct the path; its directory is there"
    raise InputError(str(path), "no such file", remedy)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what can go wrong while a file is read into an InputError.

    Raises:
        InputError: missing, not permitted, damaged gzip, or another failure of the disk.
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError(str(path), "no such file", "It was there a moment ago: put it back") from None
    except PermissionError:
        raise InputError(
            str(path), "no permission to read it", "Give yourself the right with chmod, or run as its owner"
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(str(path), f"not a whole gzip file ({error})", "Compress it again, or drop the .gz") from None
    except OSError as error:
        raise InputError(
            str(path), f"cannot be read ({error.strerror or error})", "Check the disk and the path"
        ) from None


def opened(path: Path) -> IO[bytes]:
    """The file's bytes, decompressed if its name ends in .gz."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb", buffering=CHUNK)  # type: ignore[return-value]


def bytes_read(file: IO[bytes]) -> int:
    """Bytes read from the disk so far, compressed ones for gzip."""
    return file.fileobj.tell() if isinstance(file, gzip.GzipFile) else file.tell()


MOST_NAMES = 1_000_000
"""That are looked at for a glob: some seconds' work. A whole file system has more."""

TOLD_FROM = 100_000
"""From so many on, a person is told what takes the time."""


def matching(pattern: str) -> list[str]:
    """The paths that a glob matches, sorted: what `glob.glob` finds with `recursive=True`, each once.

    Raises:
        InputError: more than `MOST_NAMES` names had to be looked at, or the pattern can be no path.
    """
    with readable(Path(pattern)):
        return sorted(set(_matching(pattern)))


def _matching(pattern: str) -> Iterator[str]:
    seen = 0

    def entries(folder: str) -> Iterator[os.DirEntry[str]]:
        nonlocal seen
        # As for `glob`, a directory that cannot be read is an empty one.
        with contextlib.suppress(OSError), os.scandir(folder or ".") as there:
            for entry in there:
                seen += 1
                if seen == TOLD_FROM:
                    logging.getLogger(__name__).warning("%s: looking for files, %s names so far", pattern, f"{seen:,}")
                if seen > MOST_NAMES:
                    problem = f"matches too widely: {MOST_NAMES:,} names were looked at, the last in {folder[:100]}"
                    raise InputError(pattern, problem, "Name the directory of the files, say data/*.tsv")
                yield entry

    def is_directory(entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_dir()
        except OSError:
            return False

    # Where the search is, and what of the pattern is left there.
    places = [("/" if pattern.startswith("/") else "", [part for part in pattern.split("/") if part])]
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
                    if is_directory(entry):
                        places.append((path, parts))
                    elif not rest:
                        yield path
        elif glob.has_magic(part):
            matches = re.compile(fnmatch.translate(part)).match
            for entry in entries(folder):
                hidden = entry.name.startswith(".") and not part.startswith(".")
                if not hidden and matches(entry.name) and (not rest or is_directory(entry)):
                    places.append((os.path.join(folder, entry.name), rest))  # noqa: PTH118
        elif os.path.lexists(path := os.path.join(folder, part)):  # noqa: PTH118
            places.append((path, rest))


InputFiles = list[tuple[str | None, Path]]
"""Split and path of each input file; a split of None: a hash decides."""


def of_train(files: InputFiles) -> InputFiles:
    """The files that may hold rows of train."""
    return [(split, path) for split, path in files if split in (None, "train")]


def find_files(data: Data) -> InputFiles:
    """(split, file) of every input, globs resolved in sorted order.

    Raises:
        InputError: a pattern that matches nothing, a directory, or a file that stands in two splits.
    """
    found: InputFiles = []
    owner: dict[Path, str | None] = {}
    for split, pattern in data.patterns:
        # A name may hold brackets and be no glob.
        with readable(Path(pattern)):
            names = [pattern] if Path(pattern).exists() else matching(pattern)
        for path in map(Path, names or [pattern]):
            require_file(path, f"Name its files, say {path}/*.tsv")
            real = path.resolve()
            if real in owner:
                both = "twice" if owner[real] == split else f"in {owner[real]} and in {split}"
                raise InputError(str(path), f"the same file is used {both}", "Name each file once")
            owner[real] = split
            found.append((split, path))
    return found


def fingerprints(data: Data) -> str:
    """[split, suffix, sha256] of every input file, in the order in which they are read: equal wherever they lie.

    Returns:
        JSON. The suffix is empty but for .gz, which says that the bytes are decompressed.
    """
    files = [(split, path, fingerprint(path)) for split, path in find_files(data)]
    return json.dumps([[split, path.suffix * (path.suffix == ".gz"), sha256] for split, path, sha256 in files])


def fingerprint(path: Path) -> str:
    """sha256 of a file's bytes, hexadecimal."""
    with readable(path):
        return atomic_files.sha256(path)

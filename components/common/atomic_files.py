"""Files that are there whole or not at all, whatever happens to the process or the machine; and what they hold."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from components.common.errors import InputError


def sha256(path: Path) -> str:
    """Of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Replaces a file's content in one step."""
    aside = path.with_name(f".{path.name}.new")
    if aside.is_symlink():
        # Not through it, to another file.
        aside.unlink()
    aside.write_text(text, encoding="utf-8")
    publish(aside, path)


def link_or_copy(source: str, destination: str) -> None:
    """A hard link where the file system allows, for files that nobody changes: they are replaced, if need be."""
    try:
        os.link(source, destination)
    except OSError:
        shutil.copy2(source, destination)


def force_to_disk(path: Path) -> None:
    """Returns when a file's content, or a directory's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(aside: Path, path: Path) -> None:
    """Gives a finished file or directory its name, in the same folder, in one step that survives a crash."""
    force_to_disk(aside)
    aside.replace(path)
    force_to_disk(path.parent)


@contextlib.contextmanager
def appearing(destination: Path) -> Iterator[Path]:
    """A new directory that is there under its name when it is complete, to its last byte on the disk; or nothing is.

    Yields:
        The directory by another name, beside it.

    Raises:
        InputError: there is something of this name.
    """
    require_new(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    aside = destination.with_name(f".{destination.name}-{uuid.uuid4().hex}")
    try:
        aside.mkdir()
        yield aside
        for path in aside.rglob("*"):
            force_to_disk(path)
        publish(aside, destination)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def require_new(destination: Path) -> None:
    """Refuses a place that is taken.

    Raises:
        InputError: it is.
    """
    if destination.exists() or destination.is_symlink():
        raise InputError(str(destination), "is there already, and nothing is written over", "Give another place")


def require_folder(destination: Path) -> None:
    """Refuses a file in a directory that is not there, before anything is computed for it.

    Raises:
        InputError: it is not.
    """
    if not destination.absolute().parent.is_dir():
        raise InputError(str(destination.parent), "no such directory", "Make it first")


@contextlib.contextmanager
def written(destination: Path | None, mode: Literal["w", "wb"] = "w") -> Iterator[Any]:
    """A file that appears under its name when it is complete; None: standard output.

    Raises:
        InputError: it cannot be written.
    """
    if destination is None:
        yield sys.stdout
        return
    if destination.is_dir():
        raise InputError(str(destination), "a directory, not a file", "Give the path of a file")
    # A pipe or a device is written to, not replaced; of a link, what it points to is replaced.
    place = destination.resolve()
    special = place.exists() and not place.is_file()
    aside = place if special else place.with_name(f".{place.name}.{os.getpid()}")
    try:
        text = {"encoding": "utf-8", "newline": "\n"} if mode == "w" else {}
        with aside.open(mode, **text) as out:  # type: ignore[call-overload]
            yield out
        if not special:
            aside.replace(place)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(
            str(destination), f"cannot be written ({error.strerror})", "Give a path you may write to"
        ) from None
    finally:
        if not special:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)

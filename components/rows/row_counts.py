"""How many rows of which split and label an ExampleGen read, kept beside its Examples."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

ROWS_FILE = "rows.json"
"""Beside the Examples: per file its rows per split and class, and how many were bad."""


def row_counts(examples: Path) -> Counter[tuple[str, str]]:
    """(split, label as the task counts it) -> rows, from beside the Examples."""
    rows: Counter[tuple[str, str]] = Counter()
    for file in json.loads((examples / ROWS_FILE).read_text())["files"]:
        for split, label, count in file["rows"]:
            rows[split, label] += count
    return rows


def rows_by_file(examples: Path) -> dict[str, tuple[int, int]]:
    """File -> its good rows and its bad ones, from beside the Examples."""
    files = json.loads((examples / ROWS_FILE).read_text())["files"]
    return {file["file"]: (sum(count for _, _, count in file["rows"]), file["bad"]) for file in files}

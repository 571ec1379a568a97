"""How many rows of which split and label an ExampleGen read, kept beside its Examples."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FILE = "rows.json"


def write(examples: Path, files: list[dict[str, Any]], contents: Mapping[str, str]) -> None:
    """Writes the counts beside the Examples.

    Args:
        examples: directory of the artifact.
        files: of each file `file`, its path; `rows`, a list of [split, label as the task counts it, count]; `bad`; and
            `alone`, if it has one, the label of its line 1 as of `label_names.check_headers`.
        contents: path -> sha256 of the file.
    """
    (examples / _FILE).write_text(json.dumps([{**file, "sha256": contents.get(file["file"])} for file in files]))


def row_counts(examples: Path) -> Counter[tuple[str, str]]:
    """(split, label as the task counts it) -> rows, from beside the Examples."""
    rows: Counter[tuple[str, str]] = Counter()
    for file in _read(examples):
        for split, label, count in file["rows"]:
            rows[split, label] += count
    return rows


def labels_of_train(examples: Path) -> Counter[str]:
    """Label as the task counts it -> rows of train, from beside the Examples."""
    return Counter({label: count for (split, label), count in row_counts(examples).items() if split == "train"})


def rows_by_file(examples: Path) -> dict[str, tuple[int, int]]:
    """File -> its good rows and its bad ones, from beside the Examples."""
    return {file["file"]: (sum(count for _, _, count in file["rows"]), file["bad"]) for file in _read(examples)}


def labels_alone(examples: Path) -> dict[int, str]:
    """File, by its place in the order of reading -> the label that only its line 1 has in train."""
    return {place: file["alone"] for place, file in enumerate(_read(examples)) if "alone" in file}


def contents(examples: Path) -> set[str]:
    """sha256 of each file, from beside the Examples."""
    return {file["sha256"] for file in _read(examples)}


def _read(examples: Path) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = json.loads((examples / _FILE).read_text())
    return files

"""What rows an artifact comes from: a hash that travels beside it, from ExampleGen to the model's card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

_FILE = "data.sha256"


def of_files(files: Iterable[tuple[str | None, str]]) -> str:
    """sha256 of input files, wherever they lie.

    Args:
        files: (split, sha256 of the file); the split is None where a hash decides.
    """
    ordered = sorted((split or "", sha256) for split, sha256 in files)
    return hashlib.sha256(json.dumps(ordered).encode()).hexdigest()


def write(directory: str | Path, data_sha256: str) -> None:
    """Writes the hash beside an artifact."""
    Path(directory, _FILE).write_text(data_sha256, encoding="ascii")


def read(directory: str | Path) -> str:
    """The hash from beside an artifact."""
    return Path(directory, _FILE).read_text(encoding="ascii")

"""The texts that a model has learned from, as hashes beside it: so that its successor is not compared on them.

Whoever has the model can find out whether a text that they know was among them, but not what the texts are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.leakage import row_hashes

_FILE = "learned_texts.u64"
"""Little-endian uint64, sorted, each once; 8 bytes a text. Another form of `text_hash` needs another name."""

_OF_MODEL = "assets.extra"
"""Within a SavedModel."""


def carry_on(examples: Path, directory: Path) -> None:
    """Writes the texts of train beside an artifact that is made of Examples."""
    _write(directory, row_hashes.distinct(row_hashes.read(examples, "train")))


def write(model: Path, made_of: Path, start: Path | None) -> None:
    """Writes what a model has learned into its SavedModel: the texts of train, and what the model it started from had.

    Args:
        model: a SavedModel.
        made_of: where `carry_on` wrote.
        start: the SavedModel that its training went on from; one that does not say what it learned from leaves that
            unknown of this one, too.
    """
    known = _read(made_of)
    before = np.zeros(0, np.uint64) if start is None else read(start)
    if known is not None and before is not None:
        _write(model / _OF_MODEL, np.union1d(known, before))


def read(model: Path) -> np.ndarray | None:
    """uint64[texts], sorted, of a SavedModel; None: unknown."""
    return _read(model / _OF_MODEL)


def _write(directory: Path, texts: np.ndarray) -> None:
    (directory / _FILE).write_bytes(texts.astype("<u8").tobytes())


def _read(directory: Path) -> np.ndarray | None:
    path = directory / _FILE
    return np.frombuffer(path.read_bytes(), "<u8") if path.is_file() else None

"""A number for the texts of each row, kept beside Examples with its line: what equal texts are found by."""

from __future__ import annotations

import hashlib
import zlib
from array import array
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.rows.row_counts import rows_by_file
from components.rows.splits import text_hash
from components.tasks import Task
from components.tasks.multilabel import LABEL_SEPARATOR

if TYPE_CHECKING:
    from components.rows.reader import Row

_FOLDER = "hashes"

ROW = np.dtype([("texts", "<u8"), ("label", "<u4"), ("line", "<u4")])
"""16 bytes a row: `text_hash` of its texts, CRC-32 of its label, its line in the file."""

OfFile = tuple[int, np.ndarray]
"""A file, by its place in the order of reading, and ROW[rows] of those in one split, in their order."""


def of_texts(texts: tuple[str, ...], task: Task) -> int:
    """`text_hash` of a row's texts: where the encoder sees each by itself, in whatever order."""
    return text_hash(texts, ordered=not task.bi_encoder)


class Hashes:
    """Collects the rows of one file, 16 bytes for each.

    Args:
        task: whose rows they are.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        # Of a class it is the same in many rows; other labels may be as long as a text, and are not kept.
        self._label = lru_cache(maxsize=1 << 10)(self._hash_of_label) if task.single_label else self._hash_of_label
        self._found: dict[str, tuple[array[int], array[int], array[int]]] = {}

    def add(self, row: Row) -> None:
        """Adds a row of any split."""
        if row.split not in self._found:
            self._found[row.split] = array("Q"), array("I"), array("I")
        texts, label, line = self._found[row.split]
        texts.append(of_texts(row.texts, self._task))
        label.append(self._label(row.label))
        line.append(row.line)

    def _hash_of_label(self, label: str) -> int:
        return zlib.crc32(_label(label, self._task).encode(errors="surrogateescape"))

    def rows(self) -> dict[str, np.ndarray]:
        """Split -> ROW[rows]."""
        found = {}
        for split, columns in self._found.items():
            found[split] = np.empty(len(columns[0]), ROW)
            for name, column in zip(ROW.names or (), columns, strict=True):
                found[split][name] = column
        return found

    def write(self, examples: Path, path: str) -> None:
        """Writes them beside Examples, as those of the file `path`."""
        (examples / _FOLDER).mkdir(exist_ok=True)
        for split, rows in self.rows().items():
            np.save(_place(examples, path, split), rows)


def read(examples: Path, split: str) -> list[OfFile]:
    """The rows of a split from beside Examples, mapped from disk, not read."""
    places = ((number, _place(examples, file, split)) for number, file in enumerate(rows_by_file(examples)))
    return [(number, np.load(place, mmap_mode="r")) for number, place in places if place.is_file()]


def distinct(files: list[OfFile]) -> np.ndarray:
    """uint64[texts], sorted: the hashes of some rows, each once; 8 bytes a row."""
    hashes = np.concatenate([np.zeros(0, np.uint64), *(rows["texts"] for _, rows in files)])
    return np.unique(hashes)


def among(hashes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """bool[rows]: which of uint64[rows] are in uint64[texts], which is sorted."""
    if not len(known):
        return np.zeros(len(hashes), bool)
    return np.asarray(known[np.minimum(np.searchsorted(known, hashes), len(known) - 1)] == hashes)


def first_place(files: list[OfFile], texts: int) -> list[int]:
    """File and line of the first row whose texts have this hash, which one has."""
    return next([file, int(line)] for file, rows in files for line in rows["line"][rows["texts"] == texts][:1])


def _label(label: str, task: Task) -> str:
    """What two labels have in common that say the same."""
    if task.numeric:
        return str(task.to_feature(label))
    if task.per_token or task.finds_span or task.writes:
        return label
    return LABEL_SEPARATOR.join(sorted(task.label_names(label)))


def _place(examples: Path, file: str, split: str) -> Path:
    name = hashlib.blake2b(file.encode(errors="surrogateescape"), digest_size=16).hexdigest()
    return examples / _FOLDER / f"{name}-{split}.npy"

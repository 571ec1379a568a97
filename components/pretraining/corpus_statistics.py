"""What is counted of a corpus while it is read, kept beside its Examples, and what of it stops a run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.common.errors import InputError
from components.rows.splits import text_hash
from components.settings.kinds.corpus import Corpus

if TYPE_CHECKING:
    from components.pretraining.documents import Document

_FILE = "corpus.json"

_FOLDER = "hashes"

_DOCUMENT = np.dtype([("text", "<u8"), ("line", "<u4")])
"""12 bytes a document: `text_hash` of it, where it begins in its file."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

_COUNTS = ("documents", "held_out", "sentences", "lines", "characters", "one_sentence", "long", "control")


@dataclass(kw_only=True, slots=True)
class CorpusStatistics:
    """Of a corpus, or of one of its files: of good lines alone."""

    documents: int = 0
    held_out: int = 0
    """Of the documents, those that are held out."""
    sentences: int = 0
    lines: int = 0
    """Or texts of rows."""
    characters: int = 0
    one_sentence: int = 0
    """Documents of one sentence, or none."""
    long: int = 0
    """Lines of more than `corpus.most_characters`."""
    control: int = 0
    """Documents with a control character."""
    duplicates: int = 0
    """Documents that stand before; of a whole corpus alone."""
    first: dict[str, str] = field(default_factory=dict)
    """Name of such a count -> FILE:LINE of the first."""

    def add(self, other: CorpusStatistics) -> None:
        """Adds those of another file."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.first = {**other.first, **self.first}

    def note(self) -> str:
        """In a line."""
        mean = self.sentences / max(1, self.documents)
        share = self.duplicates / max(1, self.documents)
        return f"{self.sentences:,} sentences, {mean:.1f} a document, {share:.1%} of documents repeated"


class Counter:
    """Adds up the documents of one file.

    Args:
        path: of the file.
        corpus: its settings.
    """

    def __init__(self, path: str, corpus: Corpus) -> None:
        self._path, self._corpus = path, corpus
        self.found = CorpusStatistics()
        self._hashes, self._lines = array("Q"), array("I")

    def add(self, document: Document, sentences: Sequence[str], split: str) -> None:
        """Counts a document."""
        found = self.found
        found.documents += 1
        found.held_out += split == "dev"
        found.sentences += len(sentences)
        found.lines += len(document.lines)
        found.characters += sum(map(len, document.lines))
        long = [number for number, line in enumerate(document.lines) if len(line) > self._corpus.most_characters]
        self._note("long", len(long), document.line + (long[0] if long and self._corpus.format == "blocks" else 0))
        self._note("one_sentence", int(len(sentences) < 2), document.line)
        self._note("control", int(any(map(_CONTROL.search, document.lines))), document.line)
        self._hashes.append(text_hash([" ".join(document.lines)]))
        self._lines.append(document.line)

    def _note(self, name: str, count: int, line: int) -> None:
        if count:
            setattr(self.found, name, getattr(self.found, name) + count)
            self.found.first.setdefault(name, f"{self._path}:{line}")

    def hashes(self) -> np.ndarray:
        """What equal documents are found by, in the order of the file."""
        rows = np.empty(len(self._hashes), _DOCUMENT)
        rows["text"], rows["line"] = self._hashes, self._lines
        return rows

    def write_hashes(self, examples: Path) -> None:
        """Writes them beside the Examples."""
        (examples / _FOLDER).mkdir(exist_ok=True)
        np.save(_place(examples, self._path), self.hashes())


def write(examples: Path, files: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Writes the statistics of each file, as `as_dict` gives them, beside the Examples, in the order of reading."""
    (examples / _FILE).write_text(json.dumps([{"file": path, **found} for path, found in files]), encoding="utf-8")


def read(examples: Path) -> CorpusStatistics:
    """Those of all files, with their duplicates."""
    every = json.loads((examples / _FILE).read_text(encoding="utf-8"))
    paths = [one.pop("file") for one in every]
    hashes = (np.load(_place(examples, path), mmap_mode="r") for path in paths)
    return whole([(path, CorpusStatistics(**one), rows) for path, one, rows in zip(paths, every, hashes, strict=True)])


def whole(files: Sequence[tuple[str, CorpusStatistics, np.ndarray]]) -> CorpusStatistics:
    """Of all files together.

    Args:
        files: of each its path, its statistics and its `Counter.hashes`, in the order of reading.
    """
    total = CorpusStatistics()
    for _, one, _ in files:
        total.add(one)
    paths, hashes = [path for path, _, _ in files], [rows for _, _, rows in files]
    texts = np.concatenate([np.zeros(0, np.uint64), *(rows["text"] for rows in hashes)])
    order = np.argsort(texts, kind="stable")
    repeated = order[1:][texts[order[1:]] == texts[order[:-1]]]
    total.duplicates = len(repeated)
    if len(repeated):
        # By their places in the order of reading: the first that stands before, and what it is equal to.
        second = int(repeated.min())
        pair = (int(np.flatnonzero(texts == texts[second])[0]), second)
        before, after = (_located(paths, hashes, place) for place in pair)
        total.first["duplicates"] = f"{after}, which {before} has"
    return total


def _located(paths: Sequence[str], hashes: Sequence[np.ndarray], place: int) -> str:
    for path, rows in zip(paths, hashes, strict=True):
        if place < len(rows):
            return f"{path}:{rows['line'][place]}"
        place -= len(rows)
    raise AssertionError("a place is one of the documents'")


def anomalies(found: CorpusStatistics, corpus: Corpus) -> list[str]:
    """What stops a run, a line each with rule and value."""
    if not found.documents:
        return ["there is no document in it"]
    if found.documents == 1:
        return [f"there is one document in it, of {found.lines:,} lines: an empty line ends a document, or see format"]
    sides = [("train", found.documents - found.held_out), ("dev", found.held_out)]
    lines = [f"none of {found.documents:,} documents is dealt to {name}" for name, count in sides if not count]
    for name, of, limit, what in (
        ("duplicates", found.documents, "max_duplicate_share", "documents stand in it before, as {}"),
        ("one_sentence", found.documents, "max_one_sentence_share", "documents have one sentence, as {}"),
        ("long", found.lines, "max_long_share", f"lines have more than {corpus.most_characters:,} characters, as {{}}"),
        ("control", found.documents, "max_control_share", "documents have a control character, as {}"),
    ):
        count, most = getattr(found, name), getattr(corpus, limit)
        if count > most * of:
            share = f"{count:,} of {of:,} ({count / of:.2%})"
            lines.append(f"{share} {what.format(found.first[name])}; corpus.{limit} is {most:.2%}")
    return lines


def refuse(found: CorpusStatistics, corpus: Corpus, place: str) -> None:
    """Stops at anomalies.

    Raises:
        InputError: there is one, or several.
    """
    if lines := anomalies(found, corpus):
        count = f"{len(lines)} anomal{'y' if len(lines) == 1 else 'ies'} in the corpus"
        listed = "".join(f"\n  {line}" for line in lines)
        remedy = "\nCorrect the files or how they are read, corpus.format first of all, or raise the limit"
        raise InputError(place, count + listed, remedy)


def as_dict(found: CorpusStatistics) -> dict[str, Any]:
    """As JSON has it."""
    return dataclasses.asdict(found)


def write_whole(directory: Path, found: CorpusStatistics) -> None:
    """Writes the statistics of a whole corpus into an artifact's directory."""
    (directory / _FILE).write_text(json.dumps(as_dict(found), indent=1), encoding="utf-8")


def read_whole(directory: Path) -> CorpusStatistics:
    """What `write_whole` wrote."""
    return CorpusStatistics(**json.loads((directory / _FILE).read_text(encoding="utf-8")))


def _place(examples: Path, file: str) -> Path:
    name = hashlib.blake2b(file.encode(errors="surrogateescape"), digest_size=16).hexdigest()
    return examples / _FOLDER / f"{name}.npy"

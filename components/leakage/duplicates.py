"""Rows with equal texts: within a split, and across splits, where a model is measured on what it has learned.

Counted once by ExampleValidator and kept as a file. While a split is counted it takes some 60 bytes for each of its
rows, beside 8 for each different text of the splits before it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.common.errors import InputError
from components.leakage.row_hashes import OfFile, among, distinct, first_place
from components.settings.validation import Validation

_FILE = "duplicates.json"

_MUCH_LEAKED, _MANY_REPEATED, _MUCH_CONTRADICTED = 0.05, 0.2, 0.01
"""Shares of a split's rows above which they are warned of, whatever the limits are."""


class Finding(NamedTuple):
    """Rows of a split with the texts of others."""

    share: float
    """Of the split's rows."""
    sentence: str
    is_much: bool
    limit: str | None
    """The setting in `[validation]` that limits the share, if one does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicates:
    """Of one split; texts are equal if they differ in white space and case alone."""

    rows: int
    repeated: int
    """Rows whose texts another row before them has."""
    contradicting: int
    """Rows whose texts another row has with another label."""
    leaked: dict[str, int]
    """Split before this one (in the order train, dev, gate, test) -> rows whose texts it has."""
    examples: dict[str, list[list[int]]]
    """`repeated`, `contradicting` or a split before -> the places of two such rows: the file, by its place in the order
    of reading, and the line. So they hold wherever the files lie."""

    def findings(self, split: str, files: Sequence[str]) -> Iterator[Finding]:
        """What there is to say of the split; `files` are those of all splits as they are called now."""
        for before, count in self.leaked.items():
            limit = "max_leaked_share" if before == "train" else None
            yield self._finding(split, before, files, count, f"stand in {before} too", _MUCH_LEAKED, limit)
        how = f"stand in {split} with another label too"
        limit = "max_contradicting_share"
        yield self._finding(split, "contradicting", files, self.contradicting, how, _MUCH_CONTRADICTED, limit)
        if split == "train":
            how, limit = "stand in train before", "max_duplicate_share"
            yield self._finding(split, "repeated", files, self.repeated, how, _MANY_REPEATED, limit)

    def _finding(
        self, split: str, example: str, files: Sequence[str], count: int, how: str, much: float, limit: str | None
    ) -> Finding:
        share = count / self.rows
        sentence = f"{split}: the texts of {count:,} of {self.rows:,} rows ({share:.2%}) {how}"
        if count:
            sentence += ", as " + " and ".join(f"{files[file]}:{line}" for file, line in self.examples[example])
        return Finding(share, sentence, share > much, limit)


def count(splits: Mapping[str, list[OfFile]]) -> dict[str, Duplicates]:
    """Split -> what was found, of splits with rows.

    Args:
        splits: their rows, in the order train, dev, gate, test.
    """
    found, known = {}, dict[str, np.ndarray]()
    for split, files in splits.items():
        if not sum(len(rows) for _, rows in files):
            continue
        found[split] = _of_split(files, {before: (splits[before], texts) for before, texts in known.items()})
        known[split] = distinct(files)
    return found


def _of_split(files: list[OfFile], known: dict[str, tuple[list[OfFile], np.ndarray]]) -> Duplicates:
    texts, labels = (np.concatenate([rows[name] for _, rows in files]) for name in ("texts", "label"))
    examples, leaked = dict[str, list[list[int]]](), dict[str, int]()
    for before, (theirs, distinct_texts) in known.items():
        which = among(texts, distinct_texts)
        leaked[before] = int(which.sum())
        if leaked[before]:
            example = int(texts[which.argmax()])
            examples[before] = [first_place(files, example), first_place(theirs, example)]
    # Stable: of equal texts the first in the files comes first.
    order = np.argsort(texts, kind="stable")
    texts, labels = texts[order], labels[order]
    is_first = np.append(True, texts[1:] != texts[:-1])
    starts = np.flatnonzero(is_first)
    sizes = np.diff(np.append(starts, len(texts)))
    differs = labels != np.repeat(labels[starts], sizes)
    contradicted = np.logical_or.reduceat(differs, starts)
    for name, which in (("repeated", ~is_first), ("contradicting", differs)):
        if which.any():
            place = int(which.argmax())
            first = int(starts[np.searchsorted(starts, place, "right") - 1])
            examples[name] = [_place(files, int(order[first])), _place(files, int(order[place]))]
    return Duplicates(
        rows=len(texts),
        repeated=len(texts) - len(starts),
        contradicting=int(sizes[contradicted].sum()),
        leaked=leaked,
        examples=examples,
    )


def _place(files: list[OfFile], number: int) -> list[int]:
    """File and line of a row, counted from 0 through all files."""
    for file, rows in files:
        if number < len(rows):
            return [file, int(rows["line"][number])]
        number -= len(rows)
    raise IndexError(number)


def write(directory: Path, splits: Mapping[str, Duplicates]) -> None:
    """Writes what was found into an artifact's directory."""
    found = {split: dataclasses.asdict(duplicates) for split, duplicates in splits.items()}
    (directory / _FILE).write_text(json.dumps(found, indent=1), encoding="utf-8")


def read(directory: Path) -> dict[str, Duplicates]:
    """Split -> what was found, from an artifact's directory."""
    found = json.loads((directory / _FILE).read_text(encoding="utf-8"))
    return {split: Duplicates(**duplicates) for split, duplicates in found.items()}


def warnings(splits: Mapping[str, Duplicates], files: Sequence[str]) -> list[str]:
    """What a person should know of a split before a model is trained on it or measured on it, a line each."""
    return [one.sentence for split, found in splits.items() for one in found.findings(split, files) if one.is_much]


def refuse(splits: Mapping[str, Duplicates], files: Sequence[str], limits: Validation, place: str) -> None:
    """Refuses splits that are beyond a limit; of all their rows.

    Args:
        splits: what was found.
        files: of all splits, in the order of reading.
        limits: on it.
        place: for the message.

    Raises:
        InputError: they are; all limits are named.
    """
    if over := beyond(splits, files, limits):
        listed = "".join(f"\n  {line}" for line in over)
        remedy = (
            "\nTake such rows out of one of the splits, let data.files deal them (with data.group, give equal texts "
            "one group, or leave out data.group), or raise the limit"
        )
        raise InputError(place, f"texts stand in the data more than once{listed}", remedy)


def beyond(splits: Mapping[str, Duplicates], files: Sequence[str], limits: Validation) -> list[str]:
    """The limits in `[validation]` that splits are beyond, a line each with rule, value and example."""
    return [
        f"{one.sentence}; validation.{one.limit} is {getattr(limits, one.limit):.2%}"
        for split, found in splits.items()
        for one in found.findings(split, files)
        if one.limit and one.share > getattr(limits, one.limit)
    ]

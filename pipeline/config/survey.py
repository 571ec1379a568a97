"""What the rows of a config's files are like, for `check`: one pass over the files in plain Python, no TensorFlow.

Files are read whole, but for the rows of a split behind its first `MOST_ROWS`, or behind as many as have
`_MOST_CHARACTERS`. Of a row 16 bytes are kept, beside each different label, and the texts of the few that are drawn for
the tokenizer.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.common import progress
from components.common.errors import InputError
from components.leakage import duplicates, row_hashes
from components.leakage.row_hashes import Hashes, OfFile
from components.rows import label_names, reader, tsv, writer
from components.rows.files import InputFiles, of_train
from components.rows.reader import Row
from components.settings.data import Data
from components.tasks import Task
from pipeline.config.preflight import Checked
from pipeline.config.surveyed import Frequent, Numbers, Survey

MOST_ROWS = 500_000
"""Of a split: about five seconds' work."""

_MOST_CHARACTERS = 100_000_000
"""Of a split's texts: likewise."""

DRAWN_ROWS = 1000
"""Of a split, whose texts the tokenizer gets: about a second's work."""

_DRAWN_CHARACTERS = 2_000_000
"""Of these: long ones take more than a moment."""

_FIRST = 2
"""Rows of a split that are shown as they are read."""

_FREQUENT = 5
"""Texts that stand in the data most often."""

_HEADERS = 3
"""Rows that look like a header, of which the places are told."""


def survey(checked: Checked) -> Survey:
    """Reads the files.

    Raises:
        InputError: a row breaks a rule where the settings do not put it into quarantine; train has fewer labels than
            its task needs, or too many; or dev or the gate has no rows.
    """
    sizes = sum(path.stat().st_size for _, path in checked.files)
    with progress.progress(sizes):
        found = _Pass(checked).result()
    if found.is_all:
        _check_rows(checked, found)
    return found


class _Pass:
    def __init__(self, checked: Checked) -> None:
        self._data, self._task, self._files = checked.run.data, checked.task, checked.files
        splits = self._data.splits
        self._found = Survey(self._task, dict.fromkeys(splits, 0), set(), {split: Counter() for split in splits})
        self._characters = dict.fromkeys(splits, 0)
        self._draws = {split: _Draw() for split in splits}
        self._sums = {split: _Sums() for split in splits}
        self._first = {split: list[Row]() for split in splits}
        self._hashes: dict[str, list[OfFile]] = {split: [] for split in splits}

    def result(self) -> Survey:
        for number, (split, path) in enumerate(self._files):
            hashes = Hashes(self._task)
            self._read(split, path, hashes)
            for of_split, rows in hashes.rows().items():
                self._hashes[of_split].append((number, rows))
        found = self._found
        found.first = [row for rows in self._first.values() for row in rows]
        found.drawn = {split: draw.rows for split, draw in self._draws.items() if draw.rows}
        found.numbers = {split: sums.numbers for split, sums in self._sums.items() if sums.count}
        found.duplicates = duplicates.count(self._hashes)
        found.frequent = self._frequent()
        if found.is_all:
            _check_bad_share(self._data, found)
            _check_labels(self._files, self._data, self._task, found)
        return found

    def _read(self, split: str | None, path: Path, hashes: Hashes) -> None:
        found = self._found
        may_be_header = self._data.format == "tsv" and not (self._task.numeric or self._task.per_token)
        rows = reader.read_rows(path, split, self._data, self._task.check_row, progress.advance_bytes)
        for row in rows:
            if isinstance(row, tsv.BadRow):
                if self._data.on_bad_row == "fail":
                    raise row.error()
                found.bad += 1
                found.first_bad = found.first_bad or row
                continue
            if found.rows[row.split] == MOST_ROWS or self._characters[row.split] > _MOST_CHARACTERS:
                found.cut.add(row.split)
                # A file of one split has nothing more to give; of others, the large one is done when train is.
                if split is not None or row.split == "train":
                    found.cut.update(self._data.dealt(split))
                    break
                continue
            self._add(row, hashes)
            if may_be_header and row.line > 1 and _looks_like_header(row):
                found.headers += 1
                found.headers_at += [f"{path}:{row.line}"] if len(found.headers_at) < _HEADERS else []

    def _add(self, row: Row, hashes: Hashes) -> None:
        split, length = row.split, sum(map(len, (*row.texts, row.label)))
        self._found.rows[split] += 1
        self._characters[split] += length
        hashes.add(row)
        self._draws[split].add(row.texts, length)
        if len(self._first[split]) < _FIRST:
            self._first[split].append(row)
        if self._task.numeric:
            self._sums[split].add(float(row.label))
        else:
            self._found.labels[split][self._task.count_key(row.label)] += 1

    def _frequent(self) -> list[Frequent]:
        """The texts of most rows, of which the files are read once more as far as the first of each."""
        parts = [rows["texts"] for of_split in self._hashes.values() for _, rows in of_split]
        values, counts = np.unique(np.concatenate([np.zeros(0, np.uint64), *parts]), return_counts=True)
        order = np.lexsort((values, -counts))[:_FREQUENT]
        most = {int(values[place]): int(counts[place]) for place in order if counts[place] > 1}
        places: dict[tuple[int, int], int] = {}
        rows_of: dict[int, dict[str, int]] = {one: {} for one in most}
        for split, of_split in self._hashes.items():
            for number, rows in of_split:
                for one in most:
                    which = rows["texts"] == np.uint64(one)
                    if count := int(which.sum()):
                        if not rows_of[one]:
                            places[number, int(rows["line"][which.argmax()])] = one
                        rows_of[one][split] = rows_of[one].get(split, 0) + count
        texts = self._texts_at(places)
        return [Frequent(rows_of[one], texts[one]) for one in most if one in texts]

    def _texts_at(self, places: dict[tuple[int, int], int]) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for number, (split, path) in enumerate(self._files):
            lines = {line: one for (file, line), one in places.items() if file == number}
            if not lines:
                continue
            for row in reader.read_rows(path, split, self._data, self._task.check_row):
                # A file that was written to meanwhile has other rows there.
                if isinstance(row, Row) and row.line in lines:
                    one = lines.pop(row.line)
                    if row_hashes.of_texts(row.texts, self._task) == one:
                        found[one] = row.texts
                    if not lines:
                        break
        return found


class _Draw:
    """Some of many rows, each with the same probability: those of the least of random numbers, the same every time."""

    def __init__(self) -> None:
        self._random = random.Random(0)  # noqa: S311
        self._kept: list[tuple[float, tuple[str, ...], int]] = []
        self._characters = 0

    def add(self, texts: tuple[str, ...], length: int) -> None:
        key = -self._random.random()
        if len(self._kept) >= DRAWN_ROWS and key < self._kept[0][0]:
            return
        heapq.heappush(self._kept, (key, texts, length))
        self._characters += length
        while len(self._kept) > DRAWN_ROWS or (self._characters > _DRAWN_CHARACTERS and len(self._kept) > 1):
            self._characters -= heapq.heappop(self._kept)[2]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        return [texts for _, texts, _ in sorted(self._kept, reverse=True)]


@dataclass(slots=True)
class _Sums:
    count: int = 0
    total: float = 0.0
    least: float = math.inf
    greatest: float = -math.inf

    def add(self, number: float) -> None:
        self.count += 1
        self.total += number
        self.least, self.greatest = min(self.least, number), max(self.greatest, number)

    @property
    def numbers(self) -> Numbers:
        return Numbers(self.least, self.total / self.count, self.greatest)


def _looks_like_header(row: Row) -> bool:
    fields: Sequence[str] = (*row.texts, row.label)
    # Few rows are as short as that, and only these are looked at closely.
    return all(len(one) < 24 for one in fields) and label_names.name_columns(fields)


def _check_rows(checked: Checked, found: Survey) -> None:
    """Refuses a dev or a gate without rows, as ExampleValidator does.

    Raises:
        InputError: there is one.
    """
    data = checked.run.data
    of_dev = sum(found.rows[split] for split in data.dealt("dev"))
    for split in data.dealt("dev"):
        if found.rows[split]:
            continue
        if not of_dev:
            raise InputError(str(checked.path), "no row is in dev", "Give more rows, or a file for each split")
        rows = f"{of_dev:,} row{'s' * (of_dev > 1)}"
        problem = f"of {rows} of dev `data.held_back` = {data.held_back:g} leaves none to {split}"
        raise InputError(str(checked.path), problem, "Give more rows of dev, or another share")


def _check_bad_share(data: Data, found: Survey) -> None:
    """Refuses more bad rows than a run takes.

    Raises:
        InputError: the first of them.
    """
    total = found.bad + sum(found.rows.values())
    if found.first_bad and (too_many := writer.beyond_limit(found.bad, total, data)):
        error = found.first_bad.error()
        raise InputError(error.place, f"{error.problem}; {too_many}", error.remedy)


def _check_labels(files: InputFiles, data: Data, task: Task, found: Survey) -> None:
    """Refuses labels that stop a run once all rows are read.

    Raises:
        InputError: numbers of train that are no numbers to learn; or too few names or too many; or a row of another
            split has a name that no row of train has.
    """
    if task.numeric and "train" in found.numbers:
        train = found.numbers["train"]
        if broken := task.check_extremes(train.least, train.greatest):
            raise InputError(", ".join(str(path) for _, path in of_train(files)), *broken)
    if task.labels or not task.has_label_names:
        return
    names = {split: set(found.by_name(split)) for split in found.labels}
    known = label_names.task_of(files, data, lambda sources, *_: {path: names["train"] for _, path in sources})
    for split, path in files:
        # Their rows would be read again for nothing.
        others = set().union(*(names[one] for one in ([split] if split else names)))
        if data.on_bad_row == "fail" and not others <= set(known.labels):
            for row in reader.read_rows(path, split, data, known.check_row):
                if isinstance(row, tsv.BadRow):
                    raise row.error()

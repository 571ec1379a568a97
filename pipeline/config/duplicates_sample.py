"""Rows with equal texts among the first of each split, for `check`: the message of ExampleValidator before a run."""

from __future__ import annotations

from components.leakage import duplicates
from components.leakage.duplicates import Duplicates
from components.leakage.row_hashes import Hashes, OfFile
from components.rows import reader, tsv
from pipeline.config.preflight import Checked

DUPLICATES_ROWS = 100_000
"""Of a split, about a second's work."""

_MOST_CHARACTERS = 20_000_000
"""Of a split's texts."""


def duplicates_sample(checked: Checked) -> tuple[dict[str, Duplicates], bool]:
    """Split -> what is found among its first `DUPLICATES_ROWS` rows that are good; and whether these are all."""
    data, task = checked.run.data, checked.task
    found: dict[str, list[OfFile]] = {split: [] for split in data.splits}
    rows, characters = dict.fromkeys(data.splits, 0), dict.fromkeys(data.splits, 0)
    is_all = True
    for number, (of_file, path) in enumerate(checked.files):
        hashes = Hashes(task)
        for row in reader.read_rows(path, of_file, data, task.check_row):
            if isinstance(row, tsv.BadRow):
                continue
            if rows[row.split] == DUPLICATES_ROWS or characters[row.split] > _MOST_CHARACTERS:
                is_all = False
                # A file of one split has nothing more to give; of others, the large one is done when train is.
                if of_file is not None or row.split == "train":
                    break
                continue
            hashes.add(row)
            rows[row.split] += 1
            characters[row.split] += sum(map(len, row.texts))
        for split, of_split in hashes.rows().items():
            found[split].append((number, of_split))
    return duplicates.count(found), is_all

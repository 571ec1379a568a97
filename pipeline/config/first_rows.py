"""The first rows of each split as they are read, so that a wrong column shows before a run."""

from __future__ import annotations

from itertools import islice

from components.rows import reader
from components.rows.reader import Row
from pipeline.config.preflight import PREFLIGHT_ROWS, Checked

_OF_A_SPLIT = 2


def first_rows(checked: Checked) -> list[Row]:
    """The first good ones of each split, in the order of the splits; of files that are dealt, of their first rows."""
    data, found = checked.run.data, {split: list[Row]() for split in checked.run.data.splits}
    for split, path in checked.files:
        if split is not None and len(found[split]) == _OF_A_SPLIT:
            continue
        for row in islice(reader.read_rows(path, split, data, checked.task.check_row), PREFLIGHT_ROWS):
            if isinstance(row, Row) and len(found[row.split]) < _OF_A_SPLIT:
                found[row.split].append(row)
            if all(len(found[one]) == _OF_A_SPLIT for one in ([split] if split else found)):
                break
    return [row for rows in found.values() for row in rows]

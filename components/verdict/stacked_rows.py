"""Rows of numbers, gathered one by one, as one array."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from components.tasks.tagging import IGNORED


def stacked(rows: Iterable[np.ndarray]) -> np.ndarray:
    """Rows of any length as one array, filled up with -1 as those of labels a token are."""
    rows = list(rows)
    made = np.full((len(rows), max(map(len, rows))), IGNORED, np.result_type(*{row.dtype for row in rows}))
    for place, row in zip(made, rows, strict=True):
        place[: len(row)] = row
    return made

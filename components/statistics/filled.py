"""Rows of numbers that differ in length, as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike


def filled_up(rows: Sequence[np.ndarray], value: float, dtype: DTypeLike | None = None) -> np.ndarray:
    """[rows, longest], with a value behind what is shorter.

    Args:
        rows: of one dimension each; with a dtype there may be none.
        value: what fills them up.
        dtype: of the array; None: the one that holds all rows' numbers.
    """
    import numpy as np

    dtype = np.result_type(*{row.dtype for row in rows}) if dtype is None else dtype
    made = np.full((len(rows), max(map(len, rows), default=0)), value, dtype)
    for place, row in zip(made, rows, strict=True):
        place[: len(row)] = row
    return made

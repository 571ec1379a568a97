"""The rows that are nearest to others, by the cosine of their vectors."""

from __future__ import annotations

import numpy as np


def nearest(queries: np.ndarray, vectors: np.ndarray, count: int) -> list[list[tuple[int, float]]]:
    """Of each query the places of the nearest vectors with their cosines, the nearest first; of equal ones the first.

    Args:
        queries: float32[q, hidden], of length 1.
        vectors: float32[n, hidden], of length 1.
        count: how many of each; fewer where there are no more.
    """
    cosines = queries @ vectors.T
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return [
        [(int(place), float(of_query[place])) for place in places]
        for of_query, places in zip(cosines, order, strict=True)
    ]

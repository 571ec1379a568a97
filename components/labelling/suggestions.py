"""Rows that are worth a label: those that a model is least sure of, and among these such as are unlike each other."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

PRESELECTED = 10
"""Of the least sure rows so many are kept for each one that is wanted (`beta` of Zhdanov 2019, section 4)."""

_SEED = 0
"""Of the draws of k-means++: the same rows give the same suggestions."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that may be suggested."""

    line: int
    fields: list[str] = field(repr=False)
    """As they stand in the file."""
    text_hash: int
    """`row_hashes.of_texts`."""
    answer: str
    """The model's, as a label's field."""
    uncertainty: float | None
    """None: the task's answers are numbers."""
    vector: np.ndarray = field(repr=False)
    """float32[hidden], of length 1."""


class Candidates:
    """The least sure of any number of rows, each text once; where no answer says how sure it is, some at random.

    Memory does not grow with the rows: kept are fields and vector of `PRESELECTED` rows for each one that is wanted,
    some 2 KB and the fields a row for vectors of 384 numbers. Which rows these are does not depend on their order, but
    for rows of equal texts, of which the first stays: among equally sure ones the hashes of their texts decide, which
    are as good as drawn at random.

    Args:
        wanted: how many rows are to be suggested.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted, self._most = wanted, PRESELECTED * wanted
        self._heap: list[tuple[float, int]] = []
        self._kept: dict[int, Candidate] = {}

    def add(self, candidate: Candidate) -> None:
        """Keeps a row, if it is among the least sure ones so far and its texts are not kept already."""
        key = candidate.text_hash
        if key in self._kept:
            return
        entry = candidate.uncertainty or 0.0, key
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, entry)
        else:
            _, gone = heapq.heappushpop(self._heap, entry)
            if gone == key:
                return
            del self._kept[gone]
        self._kept[key] = candidate

    def chosen(self) -> list[Candidate]:
        """As many as are wanted, or all there are; the least sure first, of numbers in the order of the draws."""
        kept = [self._kept[key] for _, key in sorted(self._heap, reverse=True)]
        if not kept:
            return []
        weights = [one.uncertainty for one in kept if one.uncertainty is not None]
        picked = spread(np.stack([one.vector for one in kept]), weights or None, self._wanted)
        return [kept[place] for place in (sorted(picked) if weights else picked)]


def spread(vectors: np.ndarray, weights: Sequence[float] | None, count: int) -> list[int]:
    """Rows that lie apart: those that k-means++ begins with (Arthur & Vassilvitskii 2007), by scikit-learn.

    Each is drawn with a probability in proportion to its weight times its squared distance from the nearest one drawn
    before, the best of a few draws is taken. So BADGE picks a batch (Ash et al. 2020, section 3), there of gradients;
    here of the rows that were preselected for a small margin, weighted by it, as Zhdanov 2019 (Diverse mini-batch
    Active Learning, arXiv:1901.05954) clusters them.

    Args:
        vectors: float32[n, hidden], of length 1.
        weights: of each, 0 or more; None: all are equal.
        count: how many rows are wanted; all are taken where there are no more.

    Returns:
        Their places, in the order of the draws.
    """
    if len(vectors) <= count:
        return list(range(len(vectors)))
    from sklearn.cluster import kmeans_plusplus
    from threadpoolctl import threadpool_limits

    # Never all 0.
    weight = None if weights is None else np.maximum(np.asarray(weights, np.float64), 1e-9)
    # Sums that several threads share may be rounded otherwise each time.
    with threadpool_limits(1):
        _, drawn = kmeans_plusplus(vectors.astype(np.float64), count, sample_weight=weight, random_state=_SEED)
    found = list(dict.fromkeys(map(int, drawn)))
    # Of vectors that are all equal one may be drawn twice.
    rest = np.setdiff1d(np.arange(len(vectors)), found)[: count - len(found)]
    return [*found, *map(int, rest)]

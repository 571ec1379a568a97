"""Random weights of rows, from which a metric's spread follows: the Bayesian bootstrap, smoothed by prior counts.

Each draw gives every row a weight of its own from the exponential distribution (Rubin 1981, "The Bayesian bootstrap"):
a metric of the weighted rows is one that another set of rows could have had. Counts of a label's rows get a little
more, `Draws.hits`, `missed` and `false`: of a label with two rows, both right, the rows alone would say that it is
never missed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

DRAWS = 1000
"""For intervals of 95%, of which 25 draws lie beyond each end."""

DRAWS_OF_MANY = 400
"""Where there are more than `MANY` rows: their metrics spread as a normal distribution does."""

MANY = 20_000

_HIT, _MISS = 1 / 3, 1 / 6
"""Prior counts of each label: a third of a hit, a third of a mistake (a sixth missed, a sixth false). A third is the
neutral prior of a binomial share (Kerman 2011, "Neutral noninformative and informative conjugate beta and gamma prior
distributions"), and F1 / (2 - F1) is a share. Measured by bench/verdict.py."""

_AT_ONCE = 4_000_000
"""Weights that are kept at a time, 32 MB."""

_ROUNDING = 1e-12
"""What rounding leaves of a sum of squares that should be 0, as a share of its terms, at most."""

_SEED = 22
"""Equal rows have equal intervals, wherever and however often they are measured."""


@dataclasses.dataclass(frozen=True)
class Draws:
    """Some draws, `b`, of weights for `n` rows and of prior counts for `k` labels."""

    weights: np.ndarray
    """float64[b, n]."""
    hits: np.ndarray
    """float64[b, k]: rows of a label that are rightly found to have it."""
    missed: np.ndarray
    """float64[b, k]: those that are not."""
    false: np.ndarray
    """float64[b, k]: rows that are wrongly found to have it."""


def draws(rows: int, labels: int) -> Iterator[Draws]:
    """All draws for so many rows and labels, a part at a time."""
    import numpy as np

    random = np.random.default_rng(_SEED)
    total = DRAWS if rows <= MANY else DRAWS_OF_MANY
    part = max(1, min(total, _AT_ONCE // max(1, rows)))
    for begin in range(0, total, part):
        count = min(part, total - begin)
        weights = random.standard_exponential((count, rows))
        prior = (random.standard_gamma(shape, (count, labels)) for shape in (_HIT, _MISS, _MISS))
        yield Draws(weights, *prior)


def label_ratios(hits: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> tuple[np.ndarray, ...]:
    """Precision, recall and F1, each 0 where its denominator is; of counts of any one shape."""
    import numpy as np

    wholes = (predicted, actual, predicted + actual)
    parts = (hits, hits, 2 * hits)
    return tuple(
        np.divide(part, whole, out=np.zeros_like(whole, float), where=whole > 0)
        for part, whole in zip(parts, wholes, strict=True)
    )


def smoothed_ratios(
    drawn: Draws, hits: np.ndarray, predicted: np.ndarray, actual: np.ndarray
) -> tuple[np.ndarray, ...]:
    """`label_ratios` of labels' rows under each draw, float[b, k] each, and of the prior counts with them."""
    prior = (drawn.hits, drawn.hits + drawn.false, drawn.hits + drawn.missed)
    return label_ratios(*(one + more for one, more in zip((hits, predicted, actual), prior, strict=True)))


def macro(of_labels: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The mean over labels under each draw, float[b].

    A label that these rows are without others may have: where it is the only one, or among a tenth of all, what is not
    known of it counts. Of more, too little is known to say anything but of those that were seen.

    Args:
        of_labels: float[b, k].
        seen: bool[k], of which labels there are rows or predictions.
    """
    unseen = int((~seen).sum())
    few = unseen <= max(1, len(seen) // 10)
    found: np.ndarray = (of_labels if few else of_labels[:, seen]).mean(axis=1)
    return found


def weighted_correlation(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's correlation under each draw's weights, float[b]; 0 where one side is constant.

    Args:
        one: float[n] or float[b, n].
        other: likewise.
        weights: float[b, n].
    """
    import numpy as np

    # Without their means of each row, or little would be left of the sums of squares but rounding.
    first, second = (np.broadcast_to(side - side.mean(axis=-1, keepdims=True), weights.shape) for side in (one, other))
    whole = weights.sum(axis=1)
    means = [np.einsum("bn,bn->b", weights, side) / whole for side in (first, second)]

    def product(left: int, right: int) -> tuple[np.ndarray, np.ndarray]:
        sides = first, second
        about = np.einsum("bn,bn,bn->b", weights, sides[left], sides[right])
        return about - whole * means[left] * means[right], about

    both, _ = product(0, 1)
    spreads = []
    for side in (0, 1):
        spread, about = product(side, side)
        # Of a constant side rounding is all there is.
        spreads.append(np.where(spread > _ROUNDING * about, spread, 0.0))
    spread = np.sqrt(spreads[0] * spreads[1])
    return np.divide(both, spread, out=np.zeros_like(both), where=spread > 0)


def weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The rank of each row among all under each draw's weights, in the middle of its equals, float[b, n].

    Args:
        values: float[n].
        weights: float[b, n].
    """
    import numpy as np

    _, places = np.unique(values, return_inverse=True)
    order = np.argsort(places, kind="stable")
    begins = np.flatnonzero(np.diff(places[order], prepend=-1))
    ordered = np.take(weights, order, axis=1)
    # Where no two are equal, which is usual, there is nothing to add up.
    of_value = ordered if len(begins) == len(values) else np.add.reduceat(ordered, begins, axis=1)
    middle = np.cumsum(of_value, axis=1)
    middle -= of_value / 2
    ranks: np.ndarray = np.take(middle, places, axis=1)
    return ranks


def weighted_auc(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve under each draw's weights, float[b]; 0 without a row on one of the sides.

    Args:
        positive: bool[n].
        scores: float[n].
        weights: float[b, n].
    """
    import numpy as np

    _, places = np.unique(scores, return_inverse=True)
    order = np.argsort(places, kind="stable")
    begins = np.flatnonzero(np.diff(places[order], prepend=-1))
    sides = (np.add.reduceat(weights[:, order] * side[order], begins, axis=1) for side in (positive, ~positive))
    ours, theirs = sides
    wins = (ours * (np.cumsum(theirs, axis=1) - theirs / 2)).sum(axis=1)
    pairs = ours.sum(axis=1) * theirs.sum(axis=1)
    return np.divide(wins, pairs, out=np.zeros_like(wins), where=pairs > 0)


def weighted_average_precision(actual: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`metrics.average_precision` under each draw's weights, float[b].

    Args:
        actual: bool[n].
        scores: float[n].
        weights: float[b, n].
    """
    import numpy as np

    if not actual.any():
        return np.zeros(len(weights))
    descending = np.argsort(scores, kind="stable")[::-1]
    ends = np.append(np.flatnonzero(np.diff(scores[descending])), len(scores) - 1)
    ordered = weights[:, descending]
    all_rows = np.cumsum(ordered, axis=1)[:, ends]
    hits = np.cumsum(ordered * actual[descending], axis=1)[:, ends]
    gains = np.diff(hits, axis=1, prepend=0.0) / hits[:, -1:]
    found: np.ndarray = (gains * hits / all_rows).sum(axis=1)
    return found


def whole_counts(weights: np.ndarray) -> np.ndarray:
    """How often each row is taken, int[n], so that this is as near to its weight, float[n], as rows go; n in all."""
    import numpy as np

    steps = np.floor(np.cumsum(weights) * (len(weights) / weights.sum()) + 0.5).astype(np.int64)
    steps[-1] = len(weights)
    return np.diff(steps, prepend=0)

"""Shares of independent rows: in which interval the true one lies, and the difference of two of the same rows."""

from __future__ import annotations

import math

Interval = tuple[float, float]
"""Lower and upper end."""

_DECIMALS = 6
"""Of an interval's ends: no more of them means anything, and the last bits of a sum depend on the processor."""


def wilson(part: float, whole: float, confidence: float) -> Interval:
    """Of a share of `whole` independent rows, of which `part` count (Wilson 1927), by SciPy; of no row, all."""
    from scipy import stats

    if not whole:
        return 0.0, 1.0
    found = stats.binomtest(round(part), round(whole)).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def difference(better: int, worse: int, rows: int, confidence: float) -> Interval:
    """Of the difference of two shares of the same rows, (better - worse) / rows.

    Args:
        better: rows that count for the candidate alone.
        worse: those that count for the other model alone.
        rows: all.
        confidence: of each end of the interval.
    """
    from scipy import optimize, stats

    quantile, value = float(stats.norm.ppf(confidence)), (better - worse) / rows

    if quantile <= 0:
        return rounded((value, value))

    def beyond(delta: float, sign: int) -> float:
        if delta == value:
            # Exactly, where sums of floats may not be.
            return -quantile
        return sign * tango(better, worse, rows, delta) - quantile

    # The statistic falls from one end to the other.
    low = optimize.brentq(beyond, -1 + 1e-9, value, (1,)) if value > -1 + 1e-9 else -1.0
    high = optimize.brentq(beyond, value, 1 - 1e-9, (-1,)) if value < 1 - 1e-9 else 1.0
    return rounded((float(low), float(high)))


def tango(better: int, worse: int, rows: int, delta: float) -> float:
    """How many standard errors the difference of two shares of the same rows is above `delta`, normal where it is that.

    Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design", section 2: the score test. At 0 it is McNemar's: (better - worse) / sqrt(better + worse).

    Args:
        better: rows that count for the first alone.
        worse: those that count for the second alone.
        rows: all.
        delta: the difference that is tested.
    """
    over = better - worse - rows * delta
    # The share of `worse` that is most likely if the difference is `delta`: the greater root.
    linear, constant = -better - worse + (2 * rows - better + worse) * delta, -worse * delta * (1 - delta)
    share = (math.sqrt(max(linear**2 - 8 * rows * constant, 0.0)) - linear) / (4 * rows)
    spread = rows * (2 * share + delta * (1 - delta))
    if spread <= 0:
        return math.copysign(math.inf, over) if over else 0.0
    return over / math.sqrt(spread)


def rounded(ends: Interval) -> Interval:
    """As it is written."""
    return round(ends[0], _DECIMALS), round(ends[1], _DECIMALS)

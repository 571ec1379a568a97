"""What dev has rows enough for, said before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Iterator

from components.settings.gate import Gate
from components.statistics.shares import wilson
from components.tasks import Task

NARROW = 0.05
"""Half of an interval of this width is still a measurement: a bound that is met by less is met by chance."""

DISAGREEING = 0.1
"""Share of the rows on which one of two equal models is right and the other is not: assumed, not measured. Models of an
accuracy of 0.95 that err independently of one another would have 2 x 0.95 x 0.05 = 0.095; a run tells the real one."""

POWER = 0.8
"""How likely a test should find what there is, as is usual (Cohen 1988)."""


def warnings(gate: Gate, task: Task, rows: int, split: str = "dev") -> list[str]:
    """Bounds that so many rows of dev cannot show, each with its remedy.

    Args:
        gate: the bounds.
        task: whose metrics they are.
        rows: that the gate looks at.
        split: whose they are.
    """
    found = []
    for name, bound in gate.min.items():
        metric = task.metric_of(name)
        # Of one label there are fewer rows than all; how many depends on dev.
        if metric is None or "/" in name or (metric.lower_bound, metric.upper_bound) != (0.0, 1.0):
            continue
        if half_width(bound, rows, gate.confidence) > NARROW:
            low, high = wilson(bound * rows, rows, gate.confidence)
            found.append(
                f"{rows:,} rows of {split} cannot show {name} {bound:g} within {NARROW:g}: a model measured at "
                f"{bound:g} may truly have {low:.2f} to {high:.2f}; take {enough(bound, gate.confidence):,} rows or "
                "more"
            )
    return found


def half_width(share: float, rows: int, confidence: float) -> float:
    """Half of the interval of a share of independent rows; that of most other metrics is wider."""
    low, high = wilson(share * rows, rows, confidence)
    return (high - low) / 2


def enough(share: float, confidence: float) -> int:
    """The fewest rows, in tens, that show a share within `NARROW`."""
    rows = 10
    while half_width(share, rows, confidence) > NARROW:
        rows += 10
    return rows


def power(margin: float, rows: int, confidence: float) -> float:
    """How likely two equal models are found no worse.

    Args:
        margin: that is allowed.
        rows: of dev.
        confidence: of the claim.
    """
    from scipy import stats

    error = math.sqrt(DISAGREEING / rows)
    return float(stats.norm.cdf(margin / error - stats.norm.ppf(confidence)))


def rows_for(margin: float, confidence: float) -> int | None:
    """Rows with which that is as likely as `POWER`; None: no number is enough."""
    if not margin:
        return None
    return math.ceil(DISAGREEING * (_quantiles(confidence) / margin) ** 2)


def margin_for(rows: int, confidence: float) -> float:
    """The margin with which it is."""
    return math.sqrt(DISAGREEING / rows) * _quantiles(confidence)


def _quantiles(confidence: float) -> float:
    from scipy import stats

    return float(stats.norm.ppf(confidence) + stats.norm.ppf(POWER))


def about_power(gate: Gate, task: Task, rows: int, split: str = "dev") -> Iterator[str]:
    """A line for each `no_worse`: how often equal models pass it; arguments as `warnings`."""
    for name, margin in gate.no_worse.items():
        metric = task.metric_of(name)
        if metric is None or "/" in name or metric.upper_bound != 1.0:
            yield f"{name}: how often {rows:,} rows of {split} decide, only a run can tell"
            continue
        passed = power(margin, rows, gate.confidence)
        needed = rows_for(margin, gate.confidence)
        more = f" or {split} have {needed:,} rows" if needed and needed > rows else ""
        would = "refused" if gate.undecided == "refuse" else "pushed all the same"
        line = f"{name}: of two equal models, {passed:.0%} are found no worse by {margin:g} on {rows:,} rows of {split}"
        if passed < POWER:
            line += (
                f", the others are undecided and {would}; for {POWER:.0%} let the margin be "
                f"{math.ceil(margin_for(rows, gate.confidence) * 1000) / 1000:g}{more}"
            )
        yield f"{line} (if one of them alone is right on {DISAGREEING:.0%} of the rows)"

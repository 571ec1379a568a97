"""A metric as a table has it: its value, and below it the interval in which the true value lies; and the slices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from components.verdict.summary import CANDIDATE, intervals_of


def value(metrics: dict[str, float], metric: str) -> str:
    """A metric, or a dash where it is undefined, as AUC is without rows of a class."""
    return "-" if (found := metrics.get(metric)) is None else f"{found:.4f}"


def interval(ends: Sequence[float] | None) -> str:
    """`LOW..HIGH`; empty where it is not known."""
    return "" if ends is None else f"{ends[0]:.3f}..{ends[1]:.3f}"


def cell(summary: dict[str, Any], metric: str, of_slice: str = "", change: str = "") -> Text:
    """A metric of the candidate with its interval below.

    Args:
        summary: as `components.evaluation.tfma_summary.read_summary`.
        metric: its full name.
        of_slice: the slice; empty: all rows.
        change: what stands behind the value.
    """
    shown = Text(value(summary["metrics"][CANDIDATE][of_slice], metric) + change)
    if ends := intervals_of(summary, of_slice).get(metric):
        shown.append(f"\n{interval(ends)}", "dim")
    return shown


def about(summaries: Sequence[dict[str, Any]]) -> str:
    """What the intervals below the values are; empty where there are none."""
    levels = {summary["confidence"] for summary in summaries if intervals_of(summary)}
    if not levels:
        return ""
    return f"below each value the range that holds the true one, with {100 * max(levels):g}% confidence"


def slices(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The slices that the candidate was measured on, ranges in order of their numbers: name, and how it is shown."""
    for name in sorted(filter(None, summary.get("metrics", {}).get(CANDIDATE, {})), key=_natural):
        yield name, name if name.partition("=")[2] else f"{name}(empty)"


def _natural(name: str) -> tuple[str, int, str]:
    feature, _, value = name.partition("=")
    digits = value.split("-")[0].split("+")[0]
    return feature, int(digits) if digits.isdecimal() else 0, value

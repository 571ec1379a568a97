"""A metric as a table has it: its value, and below it the interval in which the true value lies; and the slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from components.tasks.generation.task import COPY
from components.verdict.summary import CANDIDATE, intervals_of


def number(found: float | None, form: str = ".4f") -> str:
    """A number, or a dash where there is none."""
    return "-" if found is None else format(found, form)


def value(metrics: Mapping[str, float], metric: str) -> str:
    """A metric, or a dash where it is undefined, as AUC is without rows of a class."""
    return number(metrics.get(metric))


def ends(of_interval: Sequence[float] | None) -> str:
    """`LOW..HIGH` as exact as the value, where there is room; a dash where it is not known."""
    return "-" if of_interval is None else f"{of_interval[0]:.4f}..{of_interval[1]:.4f}"


def interval(of_interval: Sequence[float] | None) -> str:
    """`LOW..HIGH` for a terminal; empty where it is not known."""
    return "" if of_interval is None else f"{of_interval[0]:.3f}..{of_interval[1]:.3f}"


def cell(summary: dict[str, Any], metric: str, of_slice: str = "", change: str = "") -> Text:
    """A metric of the candidate with its interval below.

    Args:
        summary: as `components.evaluation.tfma_summary.read_summary`.
        metric: its full name.
        of_slice: the slice; empty: all rows.
        change: what stands behind the value.
    """
    shown = Text(value(summary["metrics"][CANDIDATE][of_slice], metric) + change)
    if known := intervals_of(summary, of_slice).get(metric):
        shown.append(f"\n{interval(known)}", "dim")
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


def without_copies(headline: Sequence[str]) -> list[str]:
    """The names of metrics but for those of sources that are copied in place of what a model writes."""
    return [name for name in headline if not name.startswith(COPY)]


def of_copies(metrics: Mapping[str, float], headline: Sequence[str]) -> dict[str, float]:
    """Of metrics of what a model writes, those of copied sources, by the same names; none for other tasks."""
    return {name: metrics[f"{COPY}{name}"] for name in headline if f"{COPY}{name}" in metrics}


def _natural(name: str) -> tuple[str, int, str]:
    feature, _, value = name.partition("=")
    digits = value.split("-")[0].split("+")[0]
    return feature, int(digits) if digits.isdecimal() else 0, value

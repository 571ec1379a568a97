"""The classes of an evaluation, and which are taken for which: in full for some, the weakest and the worst for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from components.verdict.summary import CANDIDATE
from pipeline.reports.metric_values import cell
from pipeline.reports.tables import FittingTable, Hanging, new_table

_CLASSES = 30
"""That are listed all; of more, the weakest."""

_WEAKEST = 20

_PAIRS = 15
"""Of classes, the most often confused ones, where a matrix cannot be read."""

_MATRIX = 15
"""Classes of a matrix that can be read, if the terminal is wide enough."""


def classes(split: str, summary: dict[str, Any]) -> list[RenderableType]:
    """A line a class: its rows, where each row has one class, and its metrics; nothing for a task without them.

    Args:
        split: its name.
        summary: as `components.evaluation.tfma_summary.read_summary`.
    """
    names, metrics = summary["labels"], summary["per_label"]
    if not metrics:
        return []
    overall = summary["metrics"][CANDIDATE][""]
    rows = [sum(counts) for counts in summary["confusion"].get(CANDIDATE, ())]
    table = new_table(f"{split}, by class", *(["rows"] if rows else []), *metrics)
    order, said = list(range(len(names))), []
    if len(names) > _CLASSES:
        # Of those that no row has, nothing is known.
        order.sort(key=lambda at: overall.get(f"{metrics[-1]}/{names[at]}", 2.0))
        order = order[:_WEAKEST]
        text = f"the {_WEAKEST} of {len(names):,} classes with the lowest {metrics[-1]}; `show --json` has all"
        said = [Hanging(Text(), Text(text, "dim"))]
    for at in order:
        cells = [cell(summary, f"{metric}/{names[at]}") for metric in metrics]
        table.add_row(names[at], *([f"{rows[at]:,}"] if rows else []), *cells)
    return [table, *said]


def mistakes(split: str, summary: dict[str, Any]) -> list[RenderableType]:
    """Which classes are taken for which; nothing for a task whose rows have no class.

    The confusion matrix if there is room for it, its columns numbered if that helps; else its largest mistakes.

    Args:
        split: its name.
        summary: as `components.evaluation.tfma_summary.read_summary`.
    """
    names, matrix = summary["labels"], summary["confusion"].get(CANDIDATE)
    if not matrix:
        return []
    tables = []
    if len(names) <= _MATRIX:
        numbers = [str(number) for number in range(1, len(names) + 1)]
        numbered = [f"{number} {name}" for number, name in zip(numbers, names, strict=True)]
        tables = [_table(names, names, matrix), _table(numbered, numbers, matrix)]
    return [Text(f"{split}, actual \\ predicted", "dim"), _Confusion(tables, _pairs(names, matrix))]


class _Confusion:
    """The first table that there is room for, else what is to be shown instead."""

    def __init__(self, tables: list[FittingTable], otherwise: list[RenderableType]) -> None:
        self._tables, self._otherwise = tables, otherwise

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fitting = next((table for table in self._tables if table.fits(options.max_width)), None)
        yield from [fitting] if fitting else self._otherwise


def _table(rows: list[str], headings: list[str], matrix: list[list[int]]) -> FittingTable:
    table = new_table("", *headings)
    for name, counts in zip(rows, matrix, strict=True):
        table.add_row(name, *(f"{count:,}" for count in counts))
    return table


def confused(matrix: Sequence[Sequence[int]]) -> list[tuple[int, int, int]]:
    """(rows, actual, predicted) of each pair of classes of which one is taken for the other, most frequent first."""
    found = [
        (count, actual, predicted)
        for actual, counts in enumerate(matrix)
        for predicted, count in enumerate(counts)
        if count and actual != predicted
    ]
    return sorted(found, key=lambda one: (-one[0], one[1:]))


def _pairs(names: list[str], matrix: list[list[int]]) -> list[RenderableType]:
    """The classes that are confused most often, and how many rows these are of."""
    found = confused(matrix)
    table = new_table("", "rows", "of actual")
    for count, actual, predicted in found[:_PAIRS]:
        share = f"{count / sum(matrix[actual]):.1%}"
        table.add_row(f"{names[actual]} -> {names[predicted]}", f"{count:,}", share)
    wrong, shown = (sum(count for count, *_ in some) for some in (found, found[:_PAIRS]))
    more = f", {shown:,} of them in these {_PAIRS} pairs" if len(found) > _PAIRS else ""
    text = f"{wrong:,} of {sum(map(sum, matrix)):,} rows are predicted wrongly{more}; `show --json` has the matrix"
    return [*([table] if found else []), Hanging(Text(), Text(text, "dim"))]

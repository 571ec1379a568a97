"""The terminal's console, and the tables that reports are made of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

import rich.text
from rich.console import Console
from rich.table import Table
from rich.text import Text

from components.common.streams import printable, terminal_of
from components.leakage.duplicates import Duplicates
from components.rows.text_statistics import TextStatistics

_PLAIN_WIDTH = 120

# What is shown comes from files, too. Rich drops some of the characters that control a terminal and writes the others:
# here none vanishes, and none controls anything.
rich.text.strip_control_codes = printable  # type: ignore[assignment]


def console(stream: TextIO) -> Console:
    """Rich on a terminal; plain lines of a steady width elsewhere."""
    width = None if stream.isatty() else _PLAIN_WIDTH
    return Console(file=terminal_of(stream), highlight=False, markup=False, emoji=False, width=width, soft_wrap=True)


def short_path(path: str) -> str:
    """A path as one would type it from here."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def fact_lines(facts: list[tuple[str, str]]) -> Text:
    """A name and a value a line; never wrapped, so that a path or a command can be copied."""
    return Text("\n").join(Text.assemble((f"{name:<12}  ", "dim"), value) for name, value in facts)


def new_table(first: str, *others: str) -> Table:
    """A table without lines; the first column is text, the others are numbers."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def duplicates_table(splits: Mapping[str, Duplicates]) -> Table:
    """How many rows of each split have the texts of others, as shares of its rows."""
    before = list(dict.fromkeys(name for one in splits.values() for name in one.leaked))
    table = new_table("equal texts", "rows", "repeated", "contradicting", *(f"also in {name}" for name in before))
    for split, one in splits.items():
        shares = [one.repeated, one.contradicting, *(one.leaked.get(name) for name in before)]
        cells = ("" if count is None else f"{count / one.rows:.1%}" for count in shares)
        table.add_row(split, f"{one.rows:,}", *cells)
    return table


def text_table(splits: Mapping[str, TextStatistics]) -> Table:
    """How the texts of each split fit the tokenizer."""
    headings = ["words unknown", "spelled out", "whole", "rows truncated", "tokens cut", "mean tokens", "99% have"]
    with_labels = any(one.unseen_share is not None for one in splits.values())
    table = new_table("texts", *headings, *(["words unseen"] if with_labels else []))
    for split, one in splits.items():
        shares = (one.unknown_share, one.spelled_share, one.whole_share, one.truncated_share, one.cut_share)
        cells = [*(f"{share:.1%}" for share in shares), f"{one.mean_tokens:.1f}", f"<= {one.percentiles['99']:,}"]
        table.add_row(split, *cells, *([f"{one.unseen_share or 0:.1%}"] if with_labels else []))
    return table

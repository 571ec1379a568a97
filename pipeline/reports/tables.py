"""The terminal's console, and the tables that reports are made of."""

from __future__ import annotations

import os
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 120


def console(stream: TextIO) -> Console:
    """Rich on a terminal; plain lines of a steady width elsewhere."""
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _PLAIN_WIDTH, soft_wrap=True)


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

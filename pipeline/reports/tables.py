"""The terminal's console, and the tables that reports are made of."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import rich.text
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderResult
from rich.table import Table
from rich.text import Text

from components.common.checkout import started_as
from components.common.streams import columns, printable, terminal_of
from components.leakage.duplicates import Duplicates
from components.rows.text_statistics import TextStatistics

_PLAIN_WIDTH = 120

_HEIGHT = 25
"""Nothing depends on it."""

# What is shown comes from files, too. Rich drops some of the characters that control a terminal and writes the others:
# here none vanishes, and none controls anything.
rich.text.strip_control_codes = printable  # type: ignore[assignment]


def console(stream: TextIO) -> Console:
    """Rich on a terminal; plain lines of a steady width elsewhere."""
    # Rich would ask standard input how wide it is; and without a height, take a terminal it does not know for 80.
    width = columns(stream) if stream.isatty() else _PLAIN_WIDTH
    file = terminal_of(stream)
    return _Console(file=file, highlight=False, markup=False, emoji=False, width=width, height=_HEIGHT, soft_wrap=True)


class _Console(Console):
    """Folds a line that is given as a string, too."""

    def print(self, *objects: Any, **options: Any) -> None:
        lines = (Hanging(Text(), Text(one)) if isinstance(one, str) else one for one in objects)
        super().print(*lines, **options)


def short_path(path: str) -> str:
    """A path as one would type it from here."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def started() -> list[str]:
    """The words in front of a command's name, as one would type them from here."""
    return [short_path(word) if Path(word).is_absolute() else word for word in started_as()]


class Command(str):
    """A command that somebody is to copy."""


class Hanging:
    """A line of which what is too long for the terminal goes on below, set in; off a terminal it stays one line.

    Args:
        head: what the other lines stand behind, as far as there is room.
        text: broken at spaces alone, so that a path can be copied; a `Command` behind backslashes.
        indent: columns that the other lines are set in by otherwise.
    """

    def __init__(self, head: Text, text: Text | Command, indent: int = 2) -> None:
        self._head, self._indent = head, indent
        is_command = isinstance(text, Command)
        self._text = Text(text) if isinstance(text, Command) else text
        self._words, self._goes_on = (_SHELL_WORD, " \\") if is_command else (_WORD, "")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = self._head.cell_len
        room = options.max_width - indent
        if not console.is_terminal or (self._text.cell_len <= room and "\n" not in self._text.plain):
            yield Text.assemble(self._head, self._text)
            return
        head = self._head
        longest = max(map(cell_len, self._words.findall(self._text.plain)), default=0)
        if indent > _MARK and (room < _LEAST_ROOM or longest + len(self._goes_on) > room):
            yield head
            indent = self._indent
            head = Text(" " * indent)
        *lines, last = _broken(self._text, self._words, options.max_width - indent - len(self._goes_on))
        for line in lines:
            yield Text.assemble(head, line, self._goes_on)
            head = Text(" " * indent)
        yield Text.assemble(head, last)


_MARK = 4
"""Columns; beside a head as short as that the text stands in any case."""

_LEAST_ROOM = 24
"""Columns; where fewer are left beside the head, the text stands below it."""


_WORD = re.compile(r"(?:<- )?(?:`[^`]*`|\S)+")
"""What an arrow points from stays beside it, what is quoted stays whole."""

_SHELL_WORD = re.compile(r"(?:--\S+ )?(?:'[^']*'|\"[^\"]*\"|[^\s'\"])+")
"""So does an option's value."""


def _broken(text: Text, words: re.Pattern[str], room: int) -> list[Text]:
    """Its lines, broken between words; one that is longer than a line stays whole."""
    begin, ends = 0, []
    for word in words.finditer(text.plain):
        is_too_long = cell_len(text.plain[begin : word.end()]) > room
        if begin < word.start() and (is_too_long or "\n" in text.plain[begin : word.start()]):
            begin = word.start()
            ends.append(begin)
    lines = list(text.divide(ends))
    for line in lines:
        line.rstrip()
    return lines


def fact_lines(facts: list[tuple[str, str]], width: int = 12) -> Group:
    """A name, `width` columns, and a value a line."""
    return Group(*(_Fact(name, value, width) for name, value in facts))


class _Fact:
    def __init__(self, name: str, value: str, width: int) -> None:
        self._name, self._width = name, width
        # As it will be written, else it would be taken for shorter than it is.
        self._value = value if isinstance(value, Command) else Text(printable(value))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Where names are long and the terminal is narrow, there is no room for columns.
        is_narrow = console.is_terminal and options.max_width - self._width < _LEAST_ROOM
        yield Hanging(Text(f"{self._name:<{0 if is_narrow else self._width}}  ", "dim"), self._value)


def new_table(first: str, *others: str) -> FittingTable:
    """A table without lines; the first column is text, the others are numbers."""
    table = FittingTable()
    table.add_column(first, justify="left")
    for name in others:
        table.add_column(name)
    return table


class FittingTable:
    """A table of which nothing is cut off: the columns that a screen has no room for stand below the others.

    Names of rows, in the first column, are folded where they are long; then so are other cells that would fill the
    whole width.
    """

    def __init__(self) -> None:
        self._headings: list[str] = []
        self._justify: list[JustifyMethod] = []
        self._rows: list[list[Text]] = []

    def add_column(self, heading: str, justify: JustifyMethod = "right") -> None:
        """A column behind the others."""
        # As it will be written; what is no text fails here, and not when the table is shown.
        self._headings.append(printable(heading))
        self._justify.append(justify)

    def add_row(self, *cells: Text | str) -> None:
        """A cell for each column."""
        # As they will be written, else they would be taken for shorter than they are.
        self._rows.append([Text().append(printable(cell) if isinstance(cell, str) else cell) for cell in cells])

    def fits(self, width: int) -> bool:
        """Whether all of it stands beside each other on a screen of this width, with headings and names in one line."""
        return _total(self._widths(self._headings), _GAP) <= width

    def _shape(self, width: int) -> tuple[list[str], list[int], int]:
        """Headings, a word a line if there is no room for them otherwise; each column's width; what is between two."""
        headings = self._headings
        if _total(widths := self._widths(headings), _GAP) > width:
            headings = [headings[0], *(heading.replace(" ", "\n") for heading in headings[1:])]
            widths = self._widths(headings)
        # Names of rows give way first, then what is between the columns.
        named = max((row[0].cell_len for row in self._rows), default=0)
        least = max(min(named, _NAME), *map(cell_len, headings[0].split()), 0)
        for gap in (_GAP, 1):
            names = max(widths[0] - max(0, _total(widths, gap) - width), least)
            if _total([names, *widths[1:]], gap) <= width:
                return headings, [names, *widths[1:]], gap
        names = min(widths[0], least)
        return headings, [names, *(max(1, min(one, width - names - _GAP)) for one in widths[1:])], _GAP

    def _widths(self, headings: list[str]) -> list[int]:
        columns = zip(headings, *([cell.plain for cell in row] for row in self._rows), strict=True)
        return [max(cell_len(line) for cell in column for line in cell.split("\n")) for column in columns]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        headings, widths, gap = self._shape(options.max_width)
        words = (cell_len(word) for name, *_ in self._rows for word in name.plain.split())
        own = self._widths(self._headings)[1:]
        if widths[0] < max(words, default=0) and _total([0, *own], _GAP) <= options.max_width:
            yield from self._stacked(own)
            return
        blocks = [[0]]
        for at in range(1, len(widths)):
            if len(blocks[-1]) > 1 and _total([widths[one] for one in (*blocks[-1], at)], gap) > options.max_width:
                blocks.append([0])
            blocks[-1].append(at)
        for number, places in enumerate(blocks):
            if number:
                yield Text()
            block = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
            for at in places:
                block.add_column(headings[at], justify=self._justify[at], width=widths[at], overflow="fold")
            for row in self._rows:
                block.add_row(*(row[at] for at in places))
            yield block

    def _stacked(self, widths: list[int]) -> RenderResult:
        """Each name in a line of its own, where a name would be broken within a word."""

        def line(cells: Iterable[Text]) -> Text:
            shown = Text()
            for cell, width in zip(cells, widths, strict=True):
                aligned = cell.copy()
                aligned.align("right", width)
                shown.append(" " * _GAP).append_text(aligned)
            return shown

        if self._headings[0]:
            yield Text(self._headings[0], "dim")
        yield line(Text(heading, "dim") for heading in self._headings[1:])
        for name, *cells in self._rows:
            yield Hanging(Text(), name)
            for parts in itertools.zip_longest(*(cell.split("\n") for cell in cells), fillvalue=Text()):
                yield line(parts)


_NAME = 12
"""Columns that a table leaves to the names of its rows, if they are longer than that."""

_GAP = 2
"""Columns between two of a table; where they make it too wide, 1."""


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def duplicates_table(splits: Mapping[str, Duplicates]) -> FittingTable:
    """How many rows of each split have the texts of others, as shares of its rows."""
    before = list(dict.fromkeys(name for one in splits.values() for name in one.leaked))
    table = new_table("equal texts", "rows", "repeated", "contradicting", *(f"also in {name}" for name in before))
    for split, one in splits.items():
        shares = [one.repeated, one.contradicting, *(one.leaked.get(name) for name in before)]
        cells = ("" if count is None else f"{count / one.rows:.1%}" for count in shares)
        table.add_row(split, f"{one.rows:,}", *cells)
    return table


def text_table(splits: Mapping[str, TextStatistics]) -> FittingTable:
    """How the texts of each split fit the tokenizer."""
    headings = ["words unknown", "spelled out", "whole", "rows truncated", "tokens cut", "mean tokens", "99% have"]
    with_labels = any(one.unseen_share is not None for one in splits.values())
    table = new_table("texts", *headings, *(["words unseen"] if with_labels else []))
    for split, one in splits.items():
        shares = (one.unknown_share, one.spelled_share, one.whole_share, one.truncated_share, one.cut_share)
        cells = [*(f"{share:.1%}" for share in shares), f"{one.mean_tokens:.1f}", f"<= {one.percentiles['99']:,}"]
        table.add_row(split, *cells, *([f"{one.unseen_share or 0:.1%}"] if with_labels else []))
    return table

"""What a page is made of, as plain values: the template alone knows HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from markupsafe import Markup

MOST_CHARACTERS = 600
"""Of a text in a cell; what is longer is cut, and says so."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is not just text."""

    text: str
    mark: str = ""
    """`good`, `bad` or `warn`: its colour, of what the text says too."""
    weight: float = 0.0
    """From 0 to 1, how dark its ground is: of counts in a matrix."""


Cells = Sequence[Cell | str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; the first cell of each names it."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[Cells]
    texts: Sequence[int] = (0,)
    """Columns of words; the others are of numbers."""
    folded: bool = False
    """Whether it opens by a click."""
    kind: ClassVar[str] = "table"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what there is to say of each."""

    rows: Sequence[tuple[str, Cell | str]]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True, slots=True)
class Note:
    """A line of prose."""

    text: str
    mark: str = ""
    kind: ClassVar[str] = "note"


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody is to copy."""

    text: str
    about: str
    kind: ClassVar[str] = "command"


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing whose numbers stand in a table beside it, too."""

    title: str
    description: str
    svg: Markup
    kind: ClassVar[str] = "chart"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart and the table of its numbers, beside each other where there is room."""

    chart: Chart
    table: Table
    kind: ClassVar[str] = "drawn"


@dataclass(frozen=True, slots=True)
class Weight:
    """A word with what it weighs."""

    text: str
    weight: float
    share: float
    """From 0 to 1, of the largest: how dark its ground is, of what the number says too."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Words of a text, some of them with their weights."""

    caption: str
    words: Sequence[Weight | str]
    kind: ClassVar[str] = "passage"


Block = Table | Facts | Note | Command | Chart | Drawn | Passage


@dataclass(slots=True)
class Section:
    """A part of a page."""

    name: str
    """Its anchor."""
    title: str
    blocks: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class Page:
    """A page, its sections in order."""

    title: str
    subtitle: str
    sections: list[Section]
    state: Cell | None = None


def cut(text: str) -> str:
    """A text as far as a cell has room for it."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}… ({len(text):,} characters)"

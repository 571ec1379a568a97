"""The worst mistakes of a model on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from components.verdict.answers import Answers
from pipeline.reports.tables import Hanging, new_table

_PAIRS = 15
"""Most confused ones that are listed."""

_CHARACTERS = 400
"""Of a text; the TSV has all."""


def mistakes_report(answers: Answers, top: int) -> RenderableType:
    """The worst rows with what they are and what was answered, and what is taken for what.

    Args:
        answers: of a split.
        top: rows that are listed.
    """
    worst = answers.worst()
    judged = [row for row in answers.rows if row.candidate.right is not None]
    what = f"{len(worst):,} of {answers.total:,} rows of {answers.split} are wrong" if judged else "the farthest first"
    parts: list[RenderableType] = [Hanging(Text(), Text(f"{answers.split}: {what}", "bold"))]
    for row in worst[:top]:
        found = row.candidate
        sure = "" if found.confidence is None else f", {found.confidence:.3f} sure"
        head = Text.assemble((f"{row.place:,}  ", "dim"), f"{found.truth} → {found.answer}", (sure, "dim"))
        parts += [Text(), Hanging(Text(), head), Hanging(Text("   "), Text(shown(row.texts)))]
    if len(worst) > top:
        parts += [Text(), Hanging(Text(), Text(f"{len(worst) - top:,} more: --top, or --output FILE", "dim"))]
    if pairs := answers.confused()[:_PAIRS]:
        table = new_table(f"{answers.split}, most confused", "rows")
        for (truth, answer), rows in pairs:
            table.add_row(f"{truth} → {answer}", f"{rows:,}")
        parts += [Text(), table]
    return Group(*parts)


def shown(texts: Sequence[str]) -> str:
    """The texts of a row in a line, as much as one cares to read."""
    text = " | ".join(texts).replace("\n", " ")
    return text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]}…"

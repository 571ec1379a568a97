"""Labels that are likely wrong, on a terminal and as a list to review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from rich.console import Group, RenderableType
from rich.text import Text

from components.label_errors import corrections
from components.rows import writer
from pipeline.reports.mistakes_report import shown
from pipeline.reports.suspects import Suspects
from pipeline.reports.tables import Hanging


def write(suspects: Suspects, out: TextIO) -> None:
    """The list as TSV with a header, quoted where a text has a tab or a line break; the last column is to be filled."""
    task = suspects.task
    of_word, texts = [corrections.WORD, "token"] * task.per_token, corrections.text_columns(task)
    put = writer.writer(out, "csv")
    measure = "off" if task.numeric else "probability"
    labels = [corrections.LABEL, "suggested", measure, corrections.CORRECT]
    put([corrections.FILE, corrections.LINE, *of_word, "split", *texts, *labels])
    for one in suspects.found:
        word = [] if one.word is None else [str(one.word), one.texts[0].split(" ")[one.word - 1]]
        place = [one.file, str(one.line), *word, one.split]
        put([*place, *one.texts, one.label, one.suggestion, f"{one.quality:.6f}", ""])


def report(suspects: Suspects, top: int) -> RenderableType:
    """The worst ones with their place, what they are and what was predicted.

    Args:
        suspects: of a run.
        top: rows that are listed.
    """
    parts: list[RenderableType] = [Hanging(Text(), Text(line, "bold")) for line in summary(suspects)]
    for one in suspects.found[:top]:
        word = "" if one.word is None else f", word {one.word}, {one.texts[0].split(' ')[one.word - 1]}"
        measure = f", {one.quality:.4g} off" if suspects.task.numeric else f", {one.quality:.3f}"
        head = Text.assemble((f"{one.file}:{one.line}{word}  ", "dim"), f"{one.label or '-'} → {one.suggestion or '-'}")
        head.append(measure, "dim")
        parts += [Text(), Hanging(Text(), head), Hanging(Text("   "), Text(shown(one.texts)))]
    if len(suspects.found) > top:
        more = f"{len(suspects.found) - top:,} more: --top, or --output FILE"
        parts += [Text(), Hanging(Text(), Text(more, "dim"))]
    return Group(*parts)


def summary(suspects: Suspects) -> Sequence[str]:
    """A line a split, and one for what was not judged."""
    counts = Counter(one.split for one in suspects.found)
    lines = [
        f"{split}: {counts[split]:,} label{'s' * (counts[split] != 1)} of {rows:,} rows may be wrong"
        for split, rows in suspects.rows.items()
    ]
    if suspects.unjudged:
        lines.append(f"train: {suspects.unjudged:,} not judged, because no row that could tell has the label")
    return lines

"""Sections on single rows: the worst mistakes, how sure the model is of what, and what production answered."""

from __future__ import annotations

from collections.abc import Sequence

from components.verdict.answers import AnsweredRow, Answers
from pipeline.reports.html import charts
from pipeline.reports.html.blocks import Block, Cell, Note, Section, Table, cut

_WORST = 50
"""Rows that are listed."""

_CHANGED = 25
"""Rows won, and rows lost, that are listed."""

_BINS = 10

_POINTS = 2000
"""Of a scatter plot."""


def mistakes(answers: Answers) -> Section:
    """The rows that the model is worst at."""
    worst = answers.worst()
    judged = [row for row in answers.rows if row.candidate.right is not None]
    blocks: list[Block] = []
    if not judged:
        blocks.append(_scatter(answers.rows))
    of = f"{len(answers.rows):,}" if answers.is_complete else f"the first {len(answers.rows):,} of {answers.total:,}"
    if judged:
        blocks.append(Note(f"{len(worst):,} of {of} rows of {answers.split} are wrong; the worst stand first."))
    if worst:
        rows = [_row(row) for row in worst[:_WORST]]
        caption = f"{answers.split}, the {len(rows):,} worst rows"
        headings = ["row", "text", "truth", "prediction", "confidence", "loss"]
        blocks.append(Table(caption, headings, rows, texts=(1, 2, 3)))
    elif judged:
        blocks.append(Note(f"Every one of {of} rows of {answers.split} is right.", "good"))
    return Section("mistakes", "Worst mistakes", blocks)


def joined(texts: Sequence[str]) -> str:
    """A row's texts in one."""
    return cut("\n".join(texts))


def _row(row: AnsweredRow) -> list[Cell | str]:
    found = row.candidate
    sure = "-" if found.confidence is None else f"{found.confidence:.3f}"
    return [f"{row.place:,}", joined(row.texts), cut(found.truth), cut(found.answer), sure, f"{found.loss:.3f}"]


def _scatter(rows: Sequence[AnsweredRow]) -> Block:
    # Evenly, where there are more than can be told apart.
    step = -(-len(rows) // _POINTS)
    points = [{"x": float(row.candidate.truth), "y": float(row.candidate.answer)} for row in rows[::step]]
    said = f"A point for each of {len(points):,} rows; on the line both are equal."
    return charts.scatter("Predicted and true numbers", said, points, "true", "predicted")


def reliability(answers: Answers) -> list[Block]:
    """How often the model is right where it is so sure; nothing for answers without a confidence."""
    judged = [row.candidate for row in answers.rows if row.candidate.right is not None]
    sure = [(one.confidence, bool(one.right)) for one in judged if one.confidence is not None]
    if not sure or len(sure) < len(judged):
        return []
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(_BINS)]
    for confidence, right in sure:
        bins[min(_BINS - 1, int(confidence * _BINS))].append((confidence, right))
    rows, drawn = [], []
    for place, found in enumerate(bins):
        if found:
            mean, share = (sum(column) / len(found) for column in zip(*found, strict=True))
            rows.append(
                [f"{place / _BINS:.1f} to {(place + 1) / _BINS:.1f}", f"{len(found):,}", f"{mean:.3f}", f"{share:.3f}"]
            )
            drawn.append({"x": mean, "y": share})
    said = "Mean confidence and share of right answers by range of confidence; on the line both are equal."
    return [
        charts.reliability(f"{answers.split}, how often it is right", said, drawn),
        Table(f"{answers.split}, by confidence", ["confidence", "rows", "mean confidence", "share right"], rows),
    ]


def production(answers: Answers) -> Section | None:
    """Row by row, where the model is better than the one in production, and where worse; None: not known."""
    both = [(row, row.candidate, row.production) for row in answers.rows if row.production is not None]
    if not both:
        return None
    by_loss = all(now.right is None for _, now, _ in both)
    won, lost = [], []
    for row, now, other in both:
        better = other.loss - now.loss if by_loss else bool(now.right) - bool(other.right)
        if better > 0:
            won.append((better, row))
        elif better < 0:
            lost.append((better, row))
    before, worse = f"version {answers.version}", f"{len(lost):,} the reverse"
    what = f"nearer to the label than by {before}" if by_loss else f"right now and were wrong by {before}"
    text = f"Of {len(both):,} rows of {answers.split} {len(won):,} are {what}, {worse}."
    blocks: list[Block] = [Note(text)]
    for name, rows in (("won", won), ("lost", lost)):
        # The largest change first.
        rows.sort(key=lambda one: (-abs(one[1].production.loss - one[1].candidate.loss), one[1].place))  # type: ignore[union-attr]
        if listed := [_changed(row) for _, row in rows[:_CHANGED]]:
            caption = f"{len(listed):,} of {len(rows):,} rows {name}"
            headings = ["row", "text", "truth", "candidate", before]
            blocks.append(Table(caption, headings, listed, texts=(1, 2, 3, 4)))
    return Section("production", "Against production", blocks)


def _changed(row: AnsweredRow) -> list[Cell | str]:
    before = row.production
    assert before is not None  # noqa: S101
    found = [row.candidate.truth, row.candidate.answer, before.answer]
    return [f"{row.place:,}", joined(row.texts), *map(cut, found)]

"""Why the worst mistakes were made: a text with the weights of its words, and the nearest rows of train."""

from __future__ import annotations

from collections.abc import Sequence

from components.verdict.answers import AnsweredRow, Answers
from pipeline.reports.html import explanations
from pipeline.reports.html.blocks import Block, Note, Passage, Section, Table, Weight, cut
from pipeline.reports.html.explanations import Explained, Explanations, Weighed
from pipeline.reports.html.row_sections import joined

_NUMBERS = 12
"""Words of a text that get their weights, the heaviest."""

_LEAST = 0.005
"""The weight of a word that gets its number, which has two decimals."""

_AROUND = 6
"""Words on either side of one with a weight that are shown of a long text."""

_SHORT = 80
"""Words of a text that is shown as a whole."""


def why(answers: Answers, reasons: Explanations) -> Section | None:
    """The mistakes in the order of their losses; None: there are none."""
    rows = explanations.worst(answers)
    if not rows:
        return None
    blocks: list[Block] = [Note(_about(rows, reasons))]
    for row, found in zip(rows, reasons.rows, strict=True):
        blocks += _of_row(row, found)
    return Section("why", "Why", blocks)


def _about(rows: Sequence[AnsweredRow], reasons: Explanations) -> str:
    parts = []
    if any(found.words for found in reasons.rows):
        if all(row.candidate.right is None for row in rows):
            what = "how much it raised or lowered the number, in the label's unit"
        else:
            what = "how much it spoke for the answer (+) or for the label (-), in nats"
        parts.append(
            f"The number behind a word is {what}: integrated gradients, from masked words to the text's own. "
            f"The {_NUMBERS} heaviest words of each text have theirs; those of all words add up to the difference."
        )
    elif rows:
        parts.append(
            "Words have no weights here: the answer is the cosine of two vectors, no sum of its outputs, or all "
            "words that the model saw have their right tags."
        )
    if off := [found for found in reasons.rows if not found.is_complete]:
        parts.append(f"Of {len(off)} texts the sum is off by up to {max(found.gap for found in off):.2f}.")
    among = "all" if reasons.train == reasons.total else f"the first {reasons.train:,} of {reasons.total:,}"
    parts.append(f"Near are those among {among} rows of train whose vectors have the largest cosine.")
    return " ".join(parts)


def _of_row(row: AnsweredRow, found: Explained) -> list[Block]:
    head = f"row {row.place:,}: {cut(row.candidate.truth)} → {cut(row.candidate.answer)}"
    near = [
        [f"{one.place:,}", cut(one.label) or "-", joined(one.texts), f"{one.similarity:.3f}"] for one in found.nearest
    ]
    shown = Passage(head, _passage(found.words)) if found.words else Passage(head, [joined(row.texts)])
    headings = ["row", "label", "text", "similarity"]
    return [shown, Table(f"Nearest rows of train to row {row.place:,}", headings, near, texts=(1, 2))]


def _passage(words: Sequence[Weighed]) -> list[Weight | str]:
    """The words in their order, the heaviest with their weights; of a long text what is around these."""
    by_weight = sorted(range(len(words)), key=lambda place: -abs(words[place].weight))
    heaviest = {place for place in by_weight[:_NUMBERS] if abs(words[place].weight) >= _LEAST}
    most = max(abs(word.weight) for word in words)
    found: list[Weight | str] = []
    for place, word in enumerate(words):
        if place in heaviest:
            found.append(Weight(cut(word.text), word.weight, abs(word.weight) / most))
        elif len(words) <= _SHORT or any(abs(place - one) <= _AROUND for one in heaviest):
            found.append(cut(word.text))
        elif not found or found[-1] != "…":
            found.append("…")
    return found

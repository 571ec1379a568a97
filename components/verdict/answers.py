"""What models answer to the rows of a split, as plain values: kept by the Evaluator, shown by reports."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from components.tasks.metrics import Assessment

ANSWERS_FILE = "answers.json"
"""Within the evaluation: `Answers` to every row of the split. There is none of a split that is too large for it, of one
that Beam measured, and of tasks whose evaluation has less than an answer (`Task.evaluated`)."""


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """A row of a split, and what models answer to it."""

    place: int
    """In the split's Examples, from 1."""
    texts: tuple[str, ...]
    candidate: Assessment
    production: Assessment | None = None
    """None: there was no model in production, or it is gone, or one of other labels."""


@dataclass(slots=True)
class Answers:
    """Of one split, in its order."""

    split: str
    model: str
    """`components.export.card.identity` of the run's model."""
    version: str | None
    """Of the model in production; None: it was not asked."""
    total: int
    """Rows of the split, of which the first ones may be here alone."""
    rows: list[AnsweredRow] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether every row of the split is here."""
        return len(self.rows) == self.total

    def worst(self) -> list[AnsweredRow]:
        """The rows that are not right, those of the greatest loss first; of numbers all."""
        wrong = [row for row in self.rows if not row.candidate.right]
        return sorted(wrong, key=lambda row: (-row.candidate.loss, row.place))

    def confused(self) -> list[tuple[tuple[str, str], int]]:
        """(truth, answer) -> wrong rows, the most frequent first; nothing of numbers."""
        found = Counter(
            (row.candidate.truth, row.candidate.answer) for row in self.rows if row.candidate.right is False
        )
        return sorted(found.items(), key=lambda one: (-one[1], one[0]))

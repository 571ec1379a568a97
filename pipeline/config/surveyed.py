"""What `survey` finds of the rows of a config's files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from components.leakage.duplicates import Duplicates
from components.rows import label_names, tsv
from components.rows.reader import Row
from components.tasks import Task


@dataclass(frozen=True, slots=True)
class Numbers:
    """Labels that are numbers, of one split."""

    least: float
    mean: float
    greatest: float


@dataclass(frozen=True, slots=True)
class Frequent:
    """Texts that several rows have; they may differ in white space and case."""

    rows: dict[str, int]
    """Split -> how many."""
    texts: tuple[str, ...]
    """Of the first of them."""


@dataclass(slots=True)
class Survey:
    """What was found, by split, in the order train, dev, test; of good rows."""

    task: Task
    rows: dict[str, int]
    cut: set[str]
    """Splits of which not all rows were read."""
    labels: dict[str, Counter[str]]
    """A label's field as the task counts it -> rows; nothing of numbers."""
    numbers: dict[str, Numbers] = field(default_factory=dict)
    bad: int = 0
    """Rows that break a rule and would go into quarantine."""
    first_bad: tsv.BadRow | None = None
    headers: int = 0
    """Rows that look like a header."""
    headers_at: list[str] = field(default_factory=list)
    """FILE:LINE of the first ones."""
    first: list[Row] = field(default_factory=list)
    """The first rows of each split."""
    drawn: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    """The texts of some rows, each drawn with the same probability."""
    duplicates: dict[str, Duplicates] = field(default_factory=dict)
    frequent: list[Frequent] = field(default_factory=list)

    @property
    def is_all(self) -> bool:
        """Whether every row was read."""
        return not self.cut

    def by_name(self, split: str) -> Counter[str]:
        """Name of a label -> rows of a split."""
        return label_names.rows_by_name(self.labels[split], self.task)

    def unlabelled(self, split: str) -> int:
        """Rows of a split without any of the names."""
        return sum(count for field, count in self.labels[split].items() if not self.task.label_names(field))

    @property
    def of(self) -> str:
        """Of which rows all this is, in words."""
        return "of all rows" if self.is_all else f"of the first {max(self.rows.values()):,} rows of a split at most"

    @property
    def drawn_of(self) -> str:
        """Of which rows `drawn` is, in words."""
        kept = {split: len(texts) for split, texts in self.drawn.items()}
        if self.is_all and kept == {split: rows for split, rows in self.rows.items() if rows}:
            return self.of
        listed = ", ".join(f"{split} {rows:,}" for split, rows in kept.items())
        return f"of rows drawn from these by chance ({listed}); a run counts all"

"""A run's answers to the rows of a split, for commands that show them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.common import progress, streams

if TYPE_CHECKING:
    from components.verdict.answers import Answers
    from pipeline.reports.html.explanations import Explanations
    from pipeline.runs.record import RunRecord


@contextlib.contextmanager
def working(record: RunRecord, doing: str) -> Iterator[None]:
    """Around what a model computes: the terminal tells what is done, what TensorFlow prints goes to the run's log."""
    with progress.stop_on_signals(), streams.redirected_output(record.log) as shown, progress.watch(shown, doing):
        yield


def answers_of(record: RunRecord, split: str, most: int | None) -> Answers:
    """What is kept of them, or else what the run's model answers.

    Args:
        record: of the run.
        split: its name.
        most: rows that are needed, the first ones; None: all.

    Raises:
        InputError: as `row_answers.asked`.
    """
    from pipeline.reports import row_answers

    if (found := row_answers.enough(record, split, most)) is not None:
        return found
    with working(record, f"asking the model about {split}"):
        return row_answers.asked(record, split, most)


def explanations_of(record: RunRecord, answers: Answers) -> Explanations:
    """What is kept of the worst mistakes' reasons, or else what is found now, likewise.

    Args:
        record: of the run.
        answers: of a split.

    Raises:
        InputError: as `explanations.explained`.
    """
    from pipeline.reports.html import explanations

    if (found := explanations.kept(record, answers)) is not None:
        return found
    with working(record, f"explaining mistakes of {answers.split}"):
        return explanations.explained(record, answers)

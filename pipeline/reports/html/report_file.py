"""The report of a run as a file beside its record."""

from __future__ import annotations

import shlex
import traceback
from pathlib import Path

from components.common import atomic_files
from components.common.errors import describe
from components.verdict.answers import Answers
from pipeline.reports import model_card, row_answers
from pipeline.reports.html import run_page
from pipeline.reports.html.explanations import Explanations
from pipeline.reports.html.render import render
from pipeline.reports.tables import short_path, started
from pipeline.runs.record import RunRecord


def write(
    record: RunRecord, answers: Answers | None, no_answers: str = "", reasons: Explanations | None = None
) -> Path:
    """Writes the report of a run, in one step; arguments as for `run_page`."""
    atomic_files.write_text(record.report, render(run_page.run_page(record, answers, no_answers, reasons)))
    return record.report


def write_at_end(record: RunRecord) -> str | None:
    """Writes the report of a run that has ended, as far as its rows' answers are known, and the card of the version
    that it pushed. No run fails for it.

    Returns:
        What went wrong, in a line; None: nothing. The log has the rest.
    """
    try:
        model_card.write(record)
        answers = row_answers.kept(record, record.gated)
        is_known = answers or "dev" not in record.evaluations or record.is_of_documents
        write(record, answers, "" if is_known else _later(record))
    except Exception as error:
        with record.log.open("a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
        return f"not all of the run's report was written: {describe(error)}"
    return None


def _later(record: RunRecord) -> str:
    """How the rows' answers come to be known, where the Evaluator has not kept them."""
    command = [*started(), "report", record.id, "--root", short_path(str(Path(record.directory).parents[2]))]
    return (
        f"The model was not asked about single rows yet. This asks it, and writes the page anew: {shlex.join(command)}"
    )

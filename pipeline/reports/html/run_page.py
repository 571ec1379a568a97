"""The page of a run: the verdict first, then what it follows from."""

from __future__ import annotations

import contextlib
from pathlib import Path

from components import tasks
from components.common.errors import InputError
from components.tasks import Task
from components.verdict.answers import Answers
from pipeline.reports import row_answers
from pipeline.reports.html import data_sections, explanation_sections, lineage_sections, result_sections, row_sections
from pipeline.reports.html.blocks import Cell, Note, Page, Section
from pipeline.reports.html.explanations import Explanations
from pipeline.runs import manifest
from pipeline.runs.manifest import Manifest
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import RunRecord

_STATES = {
    "pushed": Cell("blessed and pushed", "good"),
    "refused": Cell("refused", "bad"),
    "failed": Cell("failed", "bad"),
    "interrupted": Cell("interrupted", "warn"),
    "running": Cell("running", "warn"),
}


def run_page(
    record: RunRecord, answers: Answers | None, no_answers: str = "", reasons: Explanations | None = None
) -> Page:
    """The page of a run.

    Args:
        record: of the run.
        answers: its model's, row by row; None: they are not known.
        no_answers: why not, or why the mistakes cannot be explained.
        reasons: of the worst mistakes; None: they are not known.
    """
    found, examples, task = _kept(record)
    sections: list[Section | None] = [
        result_sections.verdict(record),
        *_rows(answers, no_answers, reasons),
        result_sections.classes(record),
        result_sections.slices(record),
        data_sections.training(record),
        data_sections.data(record, examples, task),
        data_sections.drift(record),
        lineage_sections.nodes(record),
        lineage_sections.lineage(record, found),
    ]
    subtitle = f"run {record.id}, started {record.started}, {record.seconds:.1f} s"
    shown = [section for section in sections if section is not None]
    return Page(record.name, subtitle, shown, _STATES[record.state])


def _rows(answers: Answers | None, no_answers: str, reasons: Explanations | None) -> list[Section | None]:
    if answers is None:
        return [Section("mistakes", "Worst mistakes", [Note(no_answers)])] if no_answers else []
    mistakes = row_sections.mistakes(answers)
    calibration = row_sections.reliability(answers)
    return [
        mistakes,
        explanation_sections.why(answers, reasons) if reasons else _why_not(no_answers),
        row_sections.production(answers),
        Section("calibration", "Calibration", calibration) if calibration else None,
    ]


def _why_not(said: str) -> Section | None:
    return Section("why", "Why", [Note(said)]) if said else None


def _kept(record: RunRecord) -> tuple[Manifest | None, Path | None, Task | None]:
    """The manifest, and the rows' artifact with its task, as far as they are there."""
    with contextlib.suppress(InputError, OSError, ValueError, LookupError, TypeError):
        found = manifest.read_alone(Path(record.directory))
        with contextlib.suppress(InputError, OSError, ValueError, LookupError, TypeError):
            paths = PipelinePaths.of_run(found.settings, Path(record.directory))
            examples = row_answers.examples(record, paths)
            return found, examples, tasks.read(examples)
        return found, None, None
    return None, None, None

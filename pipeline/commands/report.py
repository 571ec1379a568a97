"""`report`: a run, or several beside each other, as a page to look at."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from components.common import atomic_files, streams
from components.common.errors import InputError
from components.common.exit_status import DONE

MOST_ROWS = 10_000
"""Of a split, whose answers a page is made of."""

COMPARISON_FILE = "compared.html"


def execute(options: argparse.Namespace) -> int:
    from pipeline.reports import tables

    if options.compare:
        if options.explain:
            raise InputError("--explain", "goes with the page of one run", "Leave out --compare, or --explain")
        path = _compared(options)
    else:
        if options.output is not None:
            raise InputError(
                "--output", "goes with --compare: the page of a run lies beside its record", "Leave it out"
            )
        path = _of_run(options)
    print(tables.short_path(str(path)))
    return DONE


def _of_run(options: argparse.Namespace) -> Path:
    from pipeline.commands.asked_models import answers_of, explanations_of
    from pipeline.reports import row_answers
    from pipeline.reports.html import explanations, report_file
    from pipeline.runs import record

    directory = record.find(options.root, options.run)[-1]
    found = record.read(directory)
    answers, reasons, why = None, None, ""
    with record.as_written(directory):
        split = options.split or found.gated
        if found.rows and not found.is_of_documents:
            row_answers.check_split(found, split)
        try:
            answers = answers_of(found, split, MOST_ROWS)
            reasons = explanations_of(found, answers) if options.explain else explanations.kept(found, answers)
        except InputError as error:
            what = "The rows' answers are not known" if answers is None else "The mistakes cannot be explained"
            why = f"{what}: {error.problem}. {error.remedy}."
        path = report_file.write(found, answers, why, reasons)
    if why:
        print(streams.printable(why), file=sys.stderr)
    return path


def _compared(options: argparse.Namespace) -> Path:
    from pipeline.commands.compare import of_runs
    from pipeline.reports.html.compare_page import compare_page
    from pipeline.reports.html.render import render

    found = of_runs(options.root, [*([options.run] if options.run else []), *options.compare])
    path: Path = options.output or Path(COMPARISON_FILE)
    try:
        page = render(compare_page(found))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        problem = f"one of the runs has a damaged record ({type(error).__name__}: {error})"
        raise InputError("--compare", problem, "Give other runs") from None
    with atomic_files.written(path) as out:
        out.write(page)
    return path

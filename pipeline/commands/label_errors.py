"""`label-errors`: the rows of a run whose labels are likely wrong, as a list to review."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from components.common import atomic_files, json_text, streams
from components.common.errors import InputError
from components.common.exit_status import DONE
from pipeline.commands import asked_models

if TYPE_CHECKING:
    from pipeline.reports.suspects import Suspects


def execute(options: argparse.Namespace) -> int:
    from pipeline.reports import suspects
    from pipeline.runs import record

    if options.output is not None:
        atomic_files.require_folder(options.output)
        if options.output.is_file():
            problem = "is there already, and what somebody corrected in it would be lost"
            raise InputError(str(options.output), problem, "Give another by --output, or delete it")
    directory = record.find(options.root, options.run)[-1]
    found = record.read(directory)
    with record.as_written(directory):
        given = suspects.check(found, options.split)
    splits = list(found.rows) if options.split is None else [options.split]
    with asked_models.working(found, "label-errors"):
        made = suspects.suspects(found, *given, splits)
    _show(made, found.id, options)
    return DONE


def _show(made: Suspects, run: str, options: argparse.Namespace) -> None:
    from pipeline.reports import suspects_report, tables

    if options.json:
        rows = [one._asdict() for one in made.found]
        print(json_text.dumps({"run": run, "judged": made.rows, "unjudged": made.unjudged, "rows": rows}))
    elif options.output is not None or not sys.stdout.isatty():
        with atomic_files.written(options.output) as out:
            suspects_report.write(made, out)
    else:
        tables.console(sys.stdout).print(suspects_report.report(made, options.top))
    if options.output is not None and not options.json:
        for line in suspects_report.summary(made):
            print(streams.printable(line), file=sys.stderr)
        print(streams.printable(f"{len(made.found):,} rows: {options.output}"), file=sys.stderr)

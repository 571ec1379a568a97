"""`report`: a run as a page to look at."""

from __future__ import annotations

import argparse
import sys

from components.common import streams
from components.common.errors import InputError
from components.common.exit_status import DONE

MOST_ROWS = 10_000
"""Of a split, whose answers a page is made of."""


def execute(options: argparse.Namespace) -> int:
    from pipeline.commands.asked_models import answers_of
    from pipeline.reports import tables
    from pipeline.reports.html import report_file
    from pipeline.runs import record

    directory = record.find(options.root, options.run)[-1]
    found = record.read(directory)
    answers, why = None, ""
    with record.as_written(directory):
        try:
            answers = answers_of(found, options.split, MOST_ROWS)
        except InputError as error:
            why = f"The rows' answers are not known: {error.problem}. {error.remedy}."
        path = report_file.write(found, answers, why)
    if why:
        print(streams.printable(why), file=sys.stderr)
    print(tables.short_path(str(path)))
    return DONE

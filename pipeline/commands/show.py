"""`show`: a run with its nodes, verdict and metrics, or the list of the runs."""

from __future__ import annotations

import argparse
import json
import sys

from components.common import json_text
from components.common.errors import InputError
from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from pipeline.reports import run_report, tables
    from pipeline.runs import manifest
    from pipeline.runs.record import as_written, find, read

    if options.all and options.manifest:
        raise InputError("--all", "lists runs, and --manifest prints the one of a run", "Leave one of them out")
    directories = find(options.root, options.run)
    if options.manifest:
        print(manifest.read(directories[-1]).as_json())
        return DONE
    records = []
    for path in directories if options.all else directories[-1:]:
        try:
            found = read(path)
            with as_written(path):
                shown = run_report.run_list([found]) if options.all else run_report.run_report(found, full=True)
            records.append(found)
        except InputError as error:
            # One damaged record does not hide the others.
            if not options.all:
                raise
            print(f"error: {error}", file=sys.stderr)
    if options.json:
        documents = [json.loads(r.as_json()) for r in records]
        print(json_text.dumps(documents if options.all else documents[0]))
    else:
        tables.console(sys.stdout).print(run_report.run_list(records) if options.all else shown)
    return DONE

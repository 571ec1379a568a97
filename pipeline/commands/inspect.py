"""`show` and `versions`: what was run, and what was pushed."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from components.common.errors import InputError
from components.common.exit_status import DONE


def show(options: argparse.Namespace) -> int:
    """`show`: a run, or the list of them."""
    from pipeline.reports import run_report, tables
    from pipeline.runs import manifest
    from pipeline.runs.record import find, read

    directories = find(options.root, options.run)
    if options.manifest:
        print(manifest.read(directories[-1]).as_json())
        return DONE
    records = []
    for path in directories if options.all else directories[-1:]:
        try:
            records.append(read(path))
        except InputError as error:
            # One damaged record does not hide the others.
            if not options.all:
                raise
            print(f"error: {error}", file=sys.stderr)
    if options.json:
        documents = [json.loads(r.as_json()) for r in records]
        print(json.dumps(documents if options.all else documents[0]))
    else:
        shown = run_report.run_list(records) if options.all else run_report.run_report(records[0], full=True)
        tables.console(sys.stdout).print(shown)
    return DONE


def versions(options: argparse.Namespace) -> int:
    """`versions`: what was pushed, by which run, with which metrics."""
    from pipeline.reports import run_report, tables
    from pipeline.runs import pushed_versions

    pushed = pushed_versions.pushed(pushed_versions.pipeline_paths(options.root, options.name))
    if options.json:
        print(json.dumps([dataclasses.asdict(version) for version in pushed]))
    else:
        tables.console(sys.stdout).print(run_report.version_list(pushed))
    return DONE

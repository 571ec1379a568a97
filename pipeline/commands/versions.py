"""`versions`: what was pushed, by which run, with which metrics."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from components.common import json_text
from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from pipeline.reports import run_report, tables
    from pipeline.runs import pushed_versions

    pushed = pushed_versions.pushed(pushed_versions.pipeline_paths(options.root, options.name))
    if options.json:
        print(json_text.dumps([dataclasses.asdict(version) for version in pushed]))
    else:
        tables.console(sys.stdout).print(run_report.version_list(pushed))
    return DONE

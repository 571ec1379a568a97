"""`compare`: runs beside each other."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components.common import json_text
from components.common.errors import InputError
from components.common.exit_status import DONE

if TYPE_CHECKING:
    from pipeline.reports.side_by_side import SideBySide


def of_runs(root: Path, wanted: Sequence[str]) -> SideBySide:
    """Runs, or the newest runs of pipelines, beside each other.

    Raises:
        InputError: fewer than two, one that is named twice, none of that name, a damaged record.
    """
    from pipeline.reports.side_by_side import side_by_side
    from pipeline.runs import record

    directories = [record.find(root, name)[-1] for name in wanted]
    if len(directories) < 2:
        raise InputError("RUN", f"got {len(directories)} run, two or more can be compared", "Give another one")
    if twice := next((path for path in directories if directories.count(path) > 1), None):
        raise InputError("RUN", f"run {twice.name} is named twice", "Give each once; a pipeline is its newest run")
    records = []
    for directory in directories:
        found = record.read(directory)
        with record.as_written(directory):
            side_by_side([found])
        records.append(found)
    return side_by_side(records)


def execute(options: argparse.Namespace) -> int:
    from pipeline.reports import tables
    from pipeline.reports.side_by_side import comparison_table

    found = of_runs(options.root, options.run)
    if options.json:
        print(json_text.dumps(found.document()))
    else:
        tables.console(sys.stdout).print(comparison_table(found))
    return DONE

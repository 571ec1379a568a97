"""`check`: a config against its files, without running anything."""

from __future__ import annotations

import argparse
import sys

from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from pipeline.config import preflight
    from pipeline.reports import check_report, tables
    from pipeline.runs.paths import PipelinePaths

    checked = preflight.check(options.config)
    if options.json:
        from components.settings.serialization import dump

        print(dump(checked.run))
    else:
        tables.console(sys.stdout).print(
            check_report.check_report(checked, PipelinePaths.of(checked.run, options.root))
        )
    return DONE

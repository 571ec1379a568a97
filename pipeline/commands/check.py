"""`check`: a config against its files, without running anything."""

from __future__ import annotations

import argparse
import json
import sys

from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from components.leakage import duplicates
    from pipeline.config import duplicates_sample, preflight, text_sample
    from pipeline.config.chosen import chosen
    from pipeline.reports import check_report, tables
    from pipeline.reports.check_report import Counted
    from pipeline.runs.known_texts import known_texts
    from pipeline.runs.paths import PipelinePaths

    checked = preflight.check(options.config)
    paths = PipelinePaths.of(checked.run, options.root)
    found, files = chosen(checked, paths.serving), [str(path) for _, path in checked.files]
    if options.json:
        from components.settings.serialization import dump

        print(json.dumps({**json.loads(dump(checked.run)), "chosen": [choice.as_dict() for choice in found]}))
    else:
        if known := known_texts(checked, paths):
            by_run = f"of all rows, as run {known.run} counted them"
            counted = Counted(known.texts, by_run, known.duplicates, by_run)
            duplicates.refuse(known.duplicates, files, checked.run.validation, str(options.config))
        else:
            first = "of the first {:,} rows at most; a run counts all"
            repeated, is_all = duplicates_sample.duplicates_sample(checked)
            if is_all:
                duplicates.refuse(repeated, files, checked.run.validation, str(options.config))
            counted = Counted(
                text_sample.text_sample(checked),
                first.format(preflight.PREFLIGHT_ROWS),
                repeated,
                "of all rows" if is_all else first.format(duplicates_sample.DUPLICATES_ROWS),
            )
        tables.console(sys.stdout).print(check_report.check_report(checked, paths, counted, found))
    return DONE

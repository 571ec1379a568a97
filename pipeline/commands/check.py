"""`check`: a config against its files, without running anything."""

from __future__ import annotations

import argparse
import json
import sys

from components.common.errors import InputError
from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from components.leakage import duplicates
    from pipeline.config import duplicates_sample, first_rows, load, preflight, text_sample
    from pipeline.config.chosen import chosen
    from pipeline.reports import check_report, tables
    from pipeline.reports.check_report import Counted
    from pipeline.runs.known_texts import known_texts
    from pipeline.runs.paths import PipelinePaths

    if options.all and options.json:
        raise InputError("--all", "with --json all settings are printed anyway", "Leave it out")
    checked = preflight.check(options.config)
    rows = first_rows.first_rows(checked)
    paths = PipelinePaths.of(checked.run, options.root)
    found, files = chosen(checked, paths.serving), [str(path) for _, path in checked.files]
    if options.json:
        from components.settings.serialization import dump

        chosen_by_rows = [choice.as_dict() for choice in found]
        shown = [
            {"split": row.split, "label": row.label, **dict(zip(checked.task.texts, row.texts, strict=True))}
            for row in rows
        ]
        print(json.dumps({**json.loads(dump(checked.run)), "chosen": chosen_by_rows, "rows": shown}))
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
        stated = None if options.all else load.stated(options.config)
        tables.console(sys.stdout).print(check_report.check_report(checked, paths, counted, found, rows, stated))
    return DONE

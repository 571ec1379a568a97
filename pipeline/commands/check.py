"""`check`: a config against its files, without running anything."""

from __future__ import annotations

import argparse
import json
import sys

from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from pipeline.config import preflight, text_sample
    from pipeline.config.chosen import chosen
    from pipeline.reports import check_report, tables
    from pipeline.runs.known_texts import known_texts
    from pipeline.runs.paths import PipelinePaths

    checked = preflight.check(options.config)
    paths = PipelinePaths.of(checked.run, options.root)
    found = chosen(checked, paths.serving)
    if options.json:
        from components.settings.serialization import dump

        print(json.dumps({**json.loads(dump(checked.run)), "chosen": [choice.as_dict() for choice in found]}))
    else:
        if known := known_texts(checked, paths):
            run_id, texts = known
            counted = f"of all rows, as run {run_id} counted them"
        else:
            texts = text_sample.text_sample(checked)
            counted = f"of the first {preflight.PREFLIGHT_ROWS:,} rows at most; a run counts all"
        tables.console(sys.stdout).print(check_report.check_report(checked, paths, texts, counted, found))
    return DONE

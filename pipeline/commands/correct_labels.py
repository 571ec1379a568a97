"""`correct-labels`: a run's data set with the labels that somebody gave in a reviewed list."""

from __future__ import annotations

import argparse

from components.common import json_text, streams
from components.common.exit_status import DONE


def execute(options: argparse.Namespace) -> int:
    from components.label_errors import corrections
    from pipeline.reports import suspects
    from pipeline.reports.tables import short_path
    from pipeline.runs import record

    found = record.read(record.find(options.root, options.run)[-1])
    given = suspects.labelled_files(found)
    corrected = corrections.read(options.reviewed, given.task, corrections.names(given.files))
    counts = corrections.write(given.files, given.settings.data, given.task, corrected, options.output)
    if options.json:
        print(json_text.dumps({"run": found.id, "output": str(options.output), "corrected": counts}))
        return DONE
    for name, count in counts.items():
        said = f"{count:,} label{'s' * (count != 1)} corrected" if count else "as it was"
        print(streams.printable(f"{short_path(str(options.output / name))}: {said}"))
    return DONE

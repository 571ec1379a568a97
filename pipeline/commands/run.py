"""`run`: the DAG on this machine."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from components.common import json_text
from components.common.errors import Failure
from components.common.exit_status import DONE, FAILED, REFUSED


def execute(options: argparse.Namespace) -> int:
    from components.settings.run import Run
    from pipeline.config import preflight
    from pipeline.reports import run_report, tables
    from pipeline.runners import local, notify
    from pipeline.runs import lifecycle, lock
    from pipeline.runs.cache_key import code_at_start
    from pipeline.runs.paths import PipelinePaths

    code_at_start()
    with notify.of_checks(options.config):
        checked = preflight.check_any(options.config)

    def say(what: Any) -> None:
        if not options.json:
            tables.console(sys.stdout).print(what)

    paths = PipelinePaths.of(checked.run, options.root)
    if options.wait:
        # Told without the lock, which what it starts may want.
        with notify.of_checks(options.config), lock.held(paths, lock.told):
            # What is new is seen after the other run's end.
            checked = preflight.check_any(options.config)
    spans = checked.run.data.spans if isinstance(checked.run, Run) else ()
    if not options.force and (nothing_new := lifecycle.nothing_new(checked, paths)):
        say(f"{checked.run.name}: nothing new: {nothing_new.why}")
        status = DONE if nothing_new.pushed else REFUSED
        if options.json:
            summary = {"name": checked.run.name, "state": "nothing new", "spans": spans}
            refused = Failure(REFUSED, nothing_new.run, nothing_new.why, run_report.AFTER_REFUSAL)
            print(json_text.dumps({**summary, **nothing_new._asdict(), **(refused.document() if status else {})}))
        return status
    record = local.run(checked, options.root, say, options.wait)
    failure = run_report.not_pushed(record, "Run again: what is finished comes from cache.")
    if options.json:
        document = {**record.document(), **(failure.document() if failure else {})}
        print(json_text.dumps(document, indent=1))
    elif record.state in ("pushed", "refused"):
        say("")
        say(run_report.run_report(record, full=False))
    if failure and failure.exit_status == FAILED:
        print(f"error: {run_report.as_message(failure)}", file=sys.stderr)
    return failure.exit_status if failure else DONE

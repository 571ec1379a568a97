"""`run`: the DAG on this machine."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from components.common import json_text
from components.common.exit_status import DONE, FAILED, REFUSED


def execute(options: argparse.Namespace) -> int:
    from pipeline.config import preflight
    from pipeline.reports import run_report, tables
    from pipeline.runners import local, notify
    from pipeline.runs import lifecycle, lock
    from pipeline.runs.cache_key import code_at_start
    from pipeline.runs.paths import PipelinePaths

    code_at_start()
    with notify.of_checks(options.config):
        checked = preflight.check(options.config)

    def say(what: Any) -> None:
        if not options.json:
            tables.console(sys.stdout).print(what)

    paths = PipelinePaths.of(checked.run, options.root)
    if options.wait:
        with lock.held(paths, lock.told), notify.of_checks(options.config):
            # What is new is seen after the other run's end.
            checked = preflight.check(options.config)
    if not options.force and (nothing_new := lifecycle.nothing_new(checked, paths)):
        say(f"{checked.run.name}: nothing new: {nothing_new.why}")
        if options.json:
            summary = {"name": checked.run.name, "state": "nothing new", "spans": checked.run.data.spans}
            print(json_text.dumps({**summary, **nothing_new._asdict()}))
        return DONE if nothing_new.pushed else REFUSED
    record = local.run(checked, options.root, say, options.wait)
    if options.json:
        print(record.as_json())
    elif record.state in ("pushed", "refused"):
        say("")
        say(run_report.run_report(record, full=False))
    if record.state in ("failed", "interrupted"):
        print(f"error: {run_report.failure(record, 'Run again: what is finished comes from cache.')}", file=sys.stderr)
        return FAILED
    return DONE if record.state == "pushed" else REFUSED

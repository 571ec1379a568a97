"""`run`: the DAG on this machine; of several configs one after the other."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NamedTuple

from components.common import json_text
from components.common.errors import Failure
from components.common.exit_status import DONE, FAILED, REFUSED


class Ended(NamedTuple):
    """How one config fared."""

    status: int
    document: dict[str, Any]
    """For `--json`."""


def execute(options: argparse.Namespace) -> int:
    from pipeline.reports import tables
    from pipeline.runs.cache_key import code_at_start

    code_at_start()

    def say(what: Any) -> None:
        if not options.json:
            tables.console(sys.stdout).print(what)

    ended: list[Ended] = []
    try:
        for config in options.config:
            if ended:
                say("")
            ended.append(_run(config, options, say))
            # What comes next may stand on what this one should have pushed.
            if ended[-1].status != DONE:
                break
    finally:
        # Also before the mistake that ended it is told: what went before it is there.
        if options.json and ended:
            documents = [one.document for one in ended]
            print(json_text.dumps(documents if len(options.config) > 1 else documents[0], indent=1))
    return ended[-1].status


def _run(config: Path, options: argparse.Namespace, say: Any) -> Ended:
    from components.settings.run import Run
    from pipeline.config import preflight
    from pipeline.reports import run_report
    from pipeline.runners import local, notify
    from pipeline.runs import lifecycle, lock
    from pipeline.runs.paths import PipelinePaths
    from pipeline.runs.pushed_versions import NamedRuns

    named = NamedRuns(options.root)
    with notify.of_checks(config):
        checked = preflight.check_any(config, named)
    paths = PipelinePaths.of(checked.run, options.root)
    if options.wait:
        # Told without the lock, which what it starts may want.
        with notify.of_checks(config), lock.held(paths, lock.told):
            # What is new is seen after the other run's end.
            checked = preflight.check_any(config, named)
    spans = checked.run.data.spans if isinstance(checked.run, Run) else ()
    if not options.force and (nothing_new := lifecycle.nothing_new(checked, paths)):
        say(f"{checked.run.name}: nothing new: {nothing_new.why}")
        status = DONE if nothing_new.pushed else REFUSED
        summary = {"name": checked.run.name, "state": "nothing new", "spans": spans}
        refused = Failure(REFUSED, nothing_new.run, nothing_new.why, run_report.AFTER_REFUSAL)
        return Ended(status, {**summary, **nothing_new._asdict(), **(refused.document() if status else {})})
    record = local.run(checked, options.root, say, options.wait)
    failure = run_report.not_pushed(record, "Run again: what is finished comes from cache.")
    if record.state in ("pushed", "refused"):
        say("")
        say(run_report.run_report(record, full=False))
    if failure and failure.exit_status == FAILED:
        print(f"error: {run_report.as_message(failure)}", file=sys.stderr)
    document = {**record.document(), **(failure.document() if failure else {})}
    return Ended(failure.exit_status if failure else DONE, document)

"""`run`, `check` and `train-worker`."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from typing import Any

from components.common.exit_status import DONE, FAILED, REFUSED


def run(options: argparse.Namespace) -> int:
    """`run`: the DAG on this machine."""
    from pipeline.config import preflight
    from pipeline.reports import run_report, tables
    from pipeline.runners import local
    from pipeline.runs import lock, manifest
    from pipeline.runs.paths import PipelinePaths

    checked = preflight.check(options.config)

    def say(what: Any) -> None:
        if not options.json:
            tables.console(sys.stdout).print(what)

    paths = PipelinePaths.of(checked.run, options.root)
    if options.wait:
        with lock.held(paths, say):
            # What is new is seen after the other run's end.
            checked = preflight.check(options.config)
    if not options.force and (nothing_new := manifest.nothing_new(checked, paths)):
        say(f"{checked.run.name}: nothing new: {nothing_new}")
        if options.json:
            newest = manifest.newest_ended(paths.runs)
            summary = {"name": checked.run.name, "state": "nothing new", "spans": checked.run.data.spans}
            print(json.dumps({**summary, "run": newest and newest.run}))
        return DONE
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


def check(options: argparse.Namespace) -> int:
    """`check`: a config against its files, without running anything."""
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


def train_worker(options: argparse.Namespace) -> int:
    """`train-worker`: a process of a training by several, but for the chief's."""
    from components.common import progress
    from components.distributed import cluster, supervisor
    from pipeline.runs.provenance import source_hash

    cluster.follower()
    source = source_hash("components.nodes.trainer")
    log = options.log.open("w", encoding="utf-8") if options.log else None
    try:
        with progress.stop_on_signals(), progress.watch(sys.stderr, "train-worker"), log or contextlib.nullcontext():
            supervisor.follow(source, options.wait, log, lambda line: print(line, flush=True))
    except RuntimeError as error:
        print(f"error: {error}. Run again, here and on the others; --log FILE keeps the details.", file=sys.stderr)
        return FAILED
    print("the training has ended")
    return DONE

"""A run whose steps a scheduler starts, each as a process of its own: they meet in the run's directory.

The scheduler has what `export` wrote, an `ExportedDag`; the run's directory has its record, its manifest and the DAG as
it was compiled for this very run, with the data, the code and the base model of that day. Which directory is a run's,
what `begin` did says: nothing that changes between two steps is asked for it.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.common import atomic_files, locks, stored_paths
from components.common.errors import InputError, describe, find_input_error
from components.common.exit_status import DONE, FAILED, REFUSED, SKIPPED
from components.common.progress import asked_to_stop, stop_on_signals
from components.common.streams import printable
from components.export.card import identity, read_card
from components.serving.versions import production
from components.settings.kinds.registry import AnyRun
from pipeline.config import load, preflight
from pipeline.reports import run_report, tables
from pipeline.reports.html import report_file
from pipeline.runners import claims, libraries, notify
from pipeline.runners.exported_dag import ExportedDag, edges
from pipeline.runners.tracking import mlflow_log
from pipeline.runs import lifecycle, manifest, record
from pipeline.runs.cache_key import code_at_start
from pipeline.runs.lock import held
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.pushed_versions import NamedRuns
from pipeline.runs.record import RunRecord

if TYPE_CHECKING:
    from pipeline.runners.launch import CompiledPipeline

_COMPILED_FILE = "pipeline.json"
"""Beside a run's record: its DAG, TFX's intermediate representation as JSON."""


_ENDED = ("done", "cached")


def begin(exported: Path, run_id: str) -> int:
    """The first step: checks the config against its files, compiles the DAG for this run, mends what is damaged.

    Args:
        exported: what `export` wrote.
        run_id: the scheduler's id of the run.

    Returns:
        The exit status: SKIPPED where a run would be the last one again.

    Raises:
        InputError: the user's config, data or model is wrong; or the DAG is no longer the one that was exported.
    """
    code_at_start()
    dag = ExportedDag.read(exported)
    # Of a run that was cleared, what it did before counts no more.
    claims.path(dag, run_id).unlink(missing_ok=True)
    try:
        return _begin(dag, exported, run_id)
    except InputError as error:
        if not claims.path(dag, run_id).is_file():
            # For `end` to tell.
            with contextlib.suppress(OSError):
                claims.write(dag, run_id, {"failed": str(error)})
        raise


def _begin(dag: ExportedDag, exported: Path, run_id: str) -> int:
    run = load.load_any(Path(dag.config))
    if run.name != dag.name:
        raise InputError(dag.config, f"`name` is {run.name!r}, it was exported as {dag.name!r}", "Export it again")
    with stop_on_signals(), held(PipelinePaths.of(run, Path(dag.root)), _say):
        # What is there is seen after others' end.
        checked = preflight.check_any(Path(dag.config), NamedRuns(Path(dag.root)))
        paths = PipelinePaths.of(checked.run, Path(dag.root))
        if nothing_new := lifecycle.nothing_new(checked, paths):
            claims.write(dag, run_id, {"skipped": nothing_new.why})
            _say(f"{dag.name}: nothing new: {nothing_new.why}")
            return SKIPPED
        lifecycle.check(checked, paths)
        begun = lifecycle.begin(checked, paths, run_id)
        directory = Path(begun.directory)
        claims.write(dag, run_id, {"directory": str(directory)})
        with _failures_in(directory):
            libraries.load()

            from google.protobuf import json_format

            from pipeline.runners.launch import CompiledPipeline, compiled_run

            found = manifest.collect(checked, begun.id, begun.started)
            found.write(directory)
            pipeline = compiled_run(checked, paths, found)
            compiled = json_format.MessageToDict(pipeline)
            if edges(compiled) != edges(dag.pipeline):
                problem = f"{dag.config} has another DAG than the one that was exported"
                raise InputError(str(exported), problem, "Export it again")
            damaged = CompiledPipeline(pipeline, paths, begun.id).recover()
            with record.edited(directory) as kept:
                kept.damaged = damaged
            # Last: with it, nodes can go.
            atomic_files.write_text(directory / _COMPILED_FILE, json.dumps(compiled))
    for what in damaged:
        _say(f"! {what}")
    _say(f"{begun.name} {begun.id}: begun as {run_id}")
    return DONE


def run_node(exported: Path, run_id: str, node_id: str) -> int:
    """One node. A second process for it waits for the first one, and has nothing to do if that was successful.

    Returns:
        The exit status: SKIPPED of a Pusher that had nothing to push, and of all nodes where nothing was new.

    Raises:
        InputError: there is no such node, or run; the code is another one than when the run began; a model was pushed
            that this run's was not held against; or the user's data or model turned out wrong.
        SystemExit: the node failed.
    """
    dag = ExportedDag.read(exported)
    if node_id not in edges(dag.pipeline):
        raise InputError(str(exported), f"no node {node_id!r}", f"The nodes are {', '.join(edges(dag.pipeline))}")
    if (directory := _directory(dag, run_id)) is None:
        return SKIPPED
    found = manifest.read_alone(directory)
    paths = PipelinePaths.of_run(found.settings, directory)
    waiting = functools.partial(_say, f"another process runs {node_id}, waiting for its end")
    with locks.locked(directory / f"{node_id}.lock", waiting), held(paths, _say, shared=True):
        with record.edited(directory) as kept:
            node = kept.node(node_id)
            if node.state in _ENDED:
                _say(f"{node_id} is done already")
                return _status(kept, node_id)
            node.state = kept.state = "running"
            if all(other.state != "failed" for other in kept.nodes):
                kept.error = None
        with _shown_progress(), _failures_in(directory, node_id):
            if node_id == "Pusher" and "Baseline" in edges(dag.pipeline):
                _check_baseline(kept, paths)
            started = time.monotonic()
            compiled = _compiled(directory, paths, found.run)
            compiled.discard_unfinished(node_id)
            outcome = compiled.launch(node_id)
            with record.edited(directory) as kept:
                node = kept.node(node_id)
                node.seconds = time.monotonic() - started
                lifecycle.note(node, outcome, kept, found)
        tables.console(sys.stdout).print(run_report.node_line(node))
    return _status(kept, node_id)


def end(exported: Path, run_id: str) -> int:
    """The last step, whatever became of the others: what the run gave, into record and manifest.

    Returns:
        The exit status: FAILED if a node did, REFUSED if the gate refused the model and `schedule.on_refusal` says so,
        SKIPPED if there was nothing new.

    Raises:
        InputError: the run has not begun.
    """
    dag = ExportedDag.read(exported)
    try:
        directory = _directory(dag, run_id)
    except InputError as error:
        why = claims.read(dag, run_id).get("failed", str(error))
        notify.tell(dag.notify, notify.not_begun(dag.name, Path(dag.config), why) | {"scheduled_as": run_id})
        raise
    if directory is None:
        return SKIPPED
    settings: AnyRun | None = None
    with contextlib.suppress(InputError):
        settings = manifest.read_alone(directory).settings
    with record.edited(directory) as kept:
        compiled = directory / _COMPILED_FILE
        order = list(edges(json.loads(compiled.read_bytes()))) if compiled.is_file() else ["begin"]
        ended = {node.id for node in kept.nodes if node.state in _ENDED}
        missing = [node for node in order if node not in ended]
        kept.seconds = _seconds_since(kept.started)
        kept.nodes.sort(key=lambda node: order.index(node.id))
        for node in kept.nodes:
            if node.state == "running":
                node.state = "failed"
        if missing:
            kept.state, kept.error = "failed", kept.error or f"{missing[0]} did not come to its end"
        else:
            found = manifest.read(directory)
            lifecycle.end(kept, found)
            kept.error = None
    if wrong := report_file.write_at_end(kept):
        print(f"warning: {printable(wrong)}", file=sys.stderr)
    notify.tell(dag.notify if settings is None else settings.notify, kept.document())
    if settings is not None:
        mlflow_log.log(settings, kept, tables.console(sys.stdout).print, "Mend it and clear this task")
    if missing:
        remedy = "Clear the failed tasks to go on from them, or, where data or config were corrected, all tasks"
        print(f"error: {run_report.as_message(run_report.failed(kept, f'{remedy}.'))}", file=sys.stderr)
        return FAILED
    paths = PipelinePaths.of_run(found.settings, directory)
    _compiled(directory, paths, found.run).annotate("manifest", found.as_json())
    tables.console(sys.stdout).print(run_report.run_report(kept, full=True))
    return REFUSED if kept.state == "refused" and dag.schedule.on_refusal == "fail" else DONE


def _say(what: Any) -> None:
    # A scheduler reads a pipe: what is said before something is waited for should be seen before it.
    print(printable(str(what)), flush=True)


def _directory(dag: ExportedDag, run_id: str) -> Path | None:
    """Of the run that has begun under a scheduler's id; None: there was nothing new, which is said."""
    claim = claims.read(dag, run_id)
    if not claim.keys() & {"skipped", "directory"}:
        problem = f"no run has begun as {run_id!r}"
        raise InputError(str(dag.home), problem, "Let `begin-run` go before; its log says why it did not")
    if "skipped" in claim:
        _say(f"{dag.name}: nothing new: {claim['skipped']}")
        return None
    # Of a root that was copied or moved, the run that is in it.
    runs = PipelinePaths(dag.home, dag.home).runs
    return stored_paths.inside(runs, runs / Path(claim["directory"]).name, "Clear all tasks of the run")


def _compiled(directory: Path, paths: PipelinePaths, run_id: str) -> CompiledPipeline:
    libraries.load()

    from google.protobuf import json_format
    from tfx.proto.orchestration import pipeline_pb2

    from pipeline.runners.launch import CompiledPipeline

    text = (directory / _COMPILED_FILE).read_text(encoding="utf-8")
    return CompiledPipeline(json_format.Parse(text, pipeline_pb2.Pipeline()), paths, run_id)


def _check_baseline(kept: RunRecord, paths: PipelinePaths) -> None:
    """Between two nodes nobody holds the root's lock: what the model was held against may have been replaced."""
    own = identity(read_card(lifecycle.made_model(kept, paths)))
    with record.as_written(Path(kept.directory)):
        measured = kept.evaluations["dev"].get("baseline_version")
        same = lifecycle.held_against_production(kept, paths, own)
    if not same:
        against = f"version {measured}" if measured else "no version"
        now = production(paths.serving, but=own)
        problem = f"version {now} is in production now, the model was held against {against}"
        raise InputError(str(paths.serving), problem, "Clear all tasks of the run, to hold it against that one")


def _status(kept: RunRecord, node_id: str) -> int:
    if node_id != "Pusher" or kept.pushed:
        return DONE
    _say(f"skipped, nothing is pushed: {lifecycle.refusal(kept)}")
    return SKIPPED


def _seconds_since(started: str) -> float:
    now = datetime.datetime.now().astimezone()
    # Not less than nothing, if the clock was set back meanwhile.
    return max(0.0, (now - datetime.datetime.fromisoformat(started)).total_seconds())


@contextlib.contextmanager
def _shown_progress() -> Iterator[None]:
    """Shows on standard output what the components log, and lets a scheduler's SIGTERM end the step in order."""
    progress, ours = logging.StreamHandler(sys.stdout), logging.getLogger("components")
    ours.setLevel(logging.INFO)
    ours.addHandler(progress)
    try:
        with stop_on_signals():
            yield
    finally:
        ours.removeHandler(progress)


@contextlib.contextmanager
def _failures_in(directory: Path, node_id: str | None = None) -> Iterator[None]:
    """Notes in the record what fails within, of a node or of the run; one that is tried again runs again.

    Raises:
        InputError: the user's mistake that it comes from.
        SystemExit: another failure; its traceback is printed.
    """
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt) or asked_to_stop()
        mistake = None if stopped else find_input_error(error)
        why = "the scheduler stopped it, by hand or after node_hours" if stopped else str(mistake or describe(error))
        # As far as it goes: the disk may be what failed.
        with contextlib.suppress(OSError), record.edited(directory) as kept:
            kept.state, kept.error = "failed", why
            if node_id:
                kept.node(node_id).state = "failed"
        if mistake is not None:
            raise mistake from None
        traceback.print_exc()
        print(printable(f"error: {node_id or 'the run'} failed: {why}"), file=sys.stderr)
        raise SystemExit(FAILED) from None

"""A run whose steps a scheduler starts, each as a process of its own: they meet in the run's directory.

The scheduler has what `export` wrote, an `Exported`; the run's directory has its record, its manifest and the DAG as it
was compiled for this very run, with the data, the code and the base model of that day.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from components import console, durable
from components.errors import InputError, in_words, mistake_behind
from components.settings_placement import Schedule
from pipeline import config, manifest, record, report, steps
from pipeline.places import RECORD_FILE, Places
from pipeline.record import RunRecord
from pipeline.runners.local import held

if TYPE_CHECKING:
    from pipeline.launch import Compiled

DONE, FAILED, REFUSED = 0, 1, 3
SKIPPED = 99
"""Exit status of a step that has nothing to do: what Airflow's BashOperator takes for skipped by default."""
_COMPILED_FILE = "pipeline.json"
"""Beside a run's record: its DAG, TFX's intermediate representation as JSON."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What a scheduler knows of a pipeline. Paths are absolute, as they are where it was exported."""

    name: str
    config: str
    root: str
    python: str
    runner: str
    """`pipeline_runner.py`."""
    schedule: Schedule
    pipeline: dict[str, Any]
    """The compiled DAG: TFX's intermediate representation as JSON."""

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_bytes(TypeAdapter(Exported).dump_json(self, indent=1))

    @classmethod
    def read(cls, path: Path) -> Exported:
        """What `write` wrote.

        Raises:
            InputError: it cannot be read.
        """
        remedy = "Give the .json file that `export` wrote beside the DAG file"
        try:
            return TypeAdapter(Exported).validate_json(path.read_bytes())
        except OSError as error:
            raise InputError(str(path), f"cannot be read ({error.strerror})", remedy) from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            problem = f"not an exported pipeline ({'.'.join(map(str, first['loc']))}: {first['msg']})"
            raise InputError(str(path), problem, remedy) from None

    @property
    def edges(self) -> dict[str, list[str]]:
        """Node -> the nodes it waits for."""
        return edges(self.pipeline)


def edges(pipeline: dict[str, Any]) -> dict[str, list[str]]:
    """Of a compiled DAG: node -> the nodes it waits for."""
    nodes = [step["pipelineNode"] for step in pipeline["nodes"]]
    return {node["nodeInfo"]["id"]: sorted(node.get("upstreamNodes", [])) for node in nodes}


def begin(exported: Path, run_id: str) -> int:
    """The first step: checks the config against its files, compiles the DAG for this run, mends what is damaged.

    Args:
        exported: what `export` wrote.
        run_id: the scheduler's id of the run.

    Returns:
        The exit status: SKIPPED where the newest span of data was in an earlier run.

    Raises:
        InputError: the user's config, data or model is wrong; or the DAG is no longer the one that was exported.
    """
    dag = Exported.read(exported)
    checked = config.check(Path(dag.config))
    places = Places.of(checked.run, Path(dag.root))
    with held(places, print):
        if nothing_new := manifest.nothing_new(checked, places):
            print(f"{checked.run.name}: nothing new: {nothing_new}")
            return SKIPPED
        begun = steps.begin(checked, places, run_id)
        directory = Path(begun.directory)
        with _failures_in(directory):
            from google.protobuf import json_format

            from pipeline.launch import Compiled, compiled_run

            found = manifest.collect(checked, begun.id, begun.started)
            found.write(directory)
            pipeline = compiled_run(checked, places, found)
            compiled = json_format.MessageToDict(pipeline)
            if edges(compiled) != dag.edges:
                problem = f"{dag.config} has another DAG than the one that was exported"
                raise InputError(str(exported), problem, "Export it again")
            durable.write_text(directory / _COMPILED_FILE, json.dumps(compiled))
            damaged = Compiled(pipeline, places, begun.id).recover()
            with record.edited(directory) as kept:
                kept.damaged = damaged
    for what in damaged:
        print(f"! {what}")
    print(f"{begun.name} {begun.id}: begun as {run_id}")
    return DONE


def run_node(exported: Path, run_id: str, node_id: str) -> int:
    """One node. A second process for it waits for the first one, and has nothing to do if that was successful.

    Returns:
        The exit status: SKIPPED of a Pusher that had nothing to push.

    Raises:
        InputError: there is no such node, or run; or the user's data or model turned out wrong.
        Exception: whatever the node raised.
    """
    dag = Exported.read(exported)
    if node_id not in dag.edges:
        raise InputError(str(exported), f"no node {node_id!r}", f"The nodes are {', '.join(dag.edges)}")
    directory = _directory(dag, run_id)
    found = manifest.read(directory)
    places = Places.of_run(found.settings, directory)
    with durable.locked(directory / f"{node_id}.lock"), held(places, print, shared=True):
        with record.edited(directory) as kept:
            node = kept.node(node_id)
            if node.state in ("done", "cached"):
                print(f"{node_id} is done already")
                return _status(kept, node_id)
            node.state = kept.state = "running"
            kept.error = None
        with _failures_in(directory, node_id), _logged():
            started = time.monotonic()
            compiled = _compiled(directory, places, found.run)
            compiled.discard_unfinished(node_id)
            outcome = compiled.launch(node_id)
            with record.edited(directory) as kept:
                node = kept.node(node_id)
                node.seconds = time.monotonic() - started
                steps.note(node, outcome, kept, found)
        report.console(sys.stdout).print(report.node_line(node))
    return _status(kept, node_id)


def end(exported: Path, run_id: str) -> int:
    """The last step, whatever became of the others: what the run gave, into record and manifest.

    Returns:
        The exit status: FAILED if a node did, REFUSED if the gate refused the model and `schedule.on_refusal` says so,
        SKIPPED if the run had nothing new to begin with.

    Raises:
        InputError: the run has not begun.
    """
    dag = Exported.read(exported)
    try:
        directory = _directory(dag, run_id)
    except InputError:
        checked = config.check(Path(dag.config))
        if nothing_new := manifest.nothing_new(checked, Places.of(checked.run, Path(dag.root))):
            print(f"{checked.run.name}: nothing new: {nothing_new}")
            return SKIPPED
        raise
    found = manifest.read(directory)
    with record.edited(directory) as kept:
        ended = {node.id for node in kept.nodes if node.state in ("done", "cached")}
        missing = [node for node in dag.edges if node not in ended]
        order = list(dag.edges)
        kept.nodes.sort(key=lambda node: order.index(node.id))
        for node in kept.nodes:
            if node.state == "running":
                node.state = "failed"
        kept.seconds = _seconds_since(kept.started)
        if missing:
            kept.state = "failed"
            kept.error = kept.error or f"{missing[0]} did not come to its end"
        else:
            steps.end(kept, found)
            _compiled(directory, Places.of_run(found.settings, directory), found.run).annotate(
                "manifest", found.as_json()
            )
    if missing:
        print(f"error: {report.failure(kept, 'Clear the failed tasks to go on from them.')}", file=sys.stderr)
        return FAILED
    report.console(sys.stdout).print(report.run_report(kept, full=True))
    return REFUSED if kept.state == "refused" and dag.schedule.on_refusal == "fail" else DONE


def _directory(dag: Exported, run_id: str) -> Path:
    """Of the newest run with a scheduler's id: a cleared one begins anew."""
    runs = Places.of(config.load_config(Path(dag.config)), Path(dag.root)).runs
    for path in sorted(runs.glob(f"*/{RECORD_FILE}"), reverse=True):
        with contextlib.suppress(InputError):
            if record.read(path.parent).scheduled_as == run_id:
                return path.parent
    raise InputError(str(runs), f"no run has begun as {run_id!r}", "Let `begin-run` go before")


def _compiled(directory: Path, places: Places, run_id: str) -> Compiled:
    from google.protobuf import json_format
    from tfx.proto.orchestration import pipeline_pb2

    from pipeline.launch import Compiled

    text = (directory / _COMPILED_FILE).read_text(encoding="utf-8")
    return Compiled(json_format.Parse(text, pipeline_pb2.Pipeline()), places, run_id)


def _status(kept: RunRecord, node_id: str) -> int:
    if node_id != "Pusher" or kept.pushed:
        return DONE
    reasons = kept.evaluations["dev"]["reasons"] or ["a rollback took these weights out of production"]
    print(f"skipped, nothing is pushed: {'; '.join(reasons)}")
    return SKIPPED


def _seconds_since(started: str) -> float:
    return (datetime.datetime.now().astimezone() - datetime.datetime.fromisoformat(started)).total_seconds()


@contextlib.contextmanager
def _logged() -> Iterator[None]:
    """Shows on standard output what the components log, and lets a scheduler's SIGTERM end the step in order."""
    progress, ours = logging.StreamHandler(sys.stdout), logging.getLogger("components")
    ours.setLevel(logging.INFO)
    ours.addHandler(progress)
    try:
        with console.stop_on_signals():
            yield
    finally:
        ours.removeHandler(progress)


@contextlib.contextmanager
def _failures_in(directory: Path, node_id: str | None = None) -> Iterator[None]:
    """Notes in the record what fails within: of a node, which may be tried again, or of the run.

    Raises:
        InputError: the user's mistake that it comes from.
        SystemExit: another failure; its traceback is printed.
    """
    try:
        yield
    except BaseException as error:
        mistake = mistake_behind(error)
        # As far as it goes: the disk may be what failed.
        with contextlib.suppress(OSError), record.edited(directory) as kept:
            kept.error = str(mistake or in_words(error))
            if node_id:
                kept.node(node_id).state = "failed"
            else:
                kept.state = "failed"
        if mistake is not None:
            raise mistake from None
        traceback.print_exc()
        print(f"error: {node_id or 'the run'} failed: {in_words(error)}", file=sys.stderr)
        raise SystemExit(FAILED) from None

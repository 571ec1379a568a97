"""The DAG on this machine: the loop of TFX's LocalDagRunner, with a line a node and a record of the run."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from rich.text import Text

from components.common.errors import describe, find_input_error
from components.common.progress import asked_to_stop, stop_on_signals, watch
from components.common.streams import redirected_output
from pipeline.config.preflight import AnyChecked
from pipeline.reports import run_report, tables
from pipeline.runners import libraries, notify
from pipeline.runners.tracking import mlflow_log
from pipeline.runs import lifecycle, manifest
from pipeline.runs.cache_key import code_at_start
from pipeline.runs.lock import held, told, writable
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import RunRecord


def run(checked: AnyChecked, root: Path, say: Callable[[Any], None], wait: bool = False) -> RunRecord:
    """Runs the pipeline.

    Whatever TensorFlow, Beam and TFX print goes to the run's log; standard output is the caller's alone.

    Args:
        checked: the run, in order.
        root: directory that holds the pipelines' homes.
        say: shows a line or a table to the user.
        wait: for the end of another run on this root, instead of an error.

    Returns:
        The run's record: `pushed`, `refused`, `failed` or `interrupted`.

    Raises:
        InputError: the user's data or model turned out wrong, the root cannot be written, or another run is on.
    """
    code_at_start()
    paths = PipelinePaths.of(checked.run, root)
    begun: list[RunRecord] = []
    # Told without the lock, which what it starts may want, and before it is logged, which may take minutes.
    with (
        mlflow_log.afterwards(checked.run, begun, say),
        notify.afterwards(checked.run.notify, checked.run.name, checked.path, begun),
        contextlib.ExitStack() as stack,
    ):
        lifecycle.check(checked, paths)
        stack.enter_context(held(paths, told if wait else None))
        with writable(paths.runs):
            record = lifecycle.begin(checked, paths)
        begun.append(record)
        place = tables.short_path(str(record.log))
        say(tables.Hanging(Text(f"{record.name} {record.id}   "), Text(f"log: {place}")))
        started = time.monotonic()
        with stop_on_signals(), redirected_output(record.log) as terminal:
            try:
                _run_nodes(checked, paths, record, terminal, say)
            except BaseException as error:
                interrupted = isinstance(error, KeyboardInterrupt) or asked_to_stop()
                record.state = "interrupted" if interrupted else "failed"
                mistake = find_input_error(error)
                record.error = str(mistake or describe(error))
                for node in record.nodes:
                    if node.state == "running":
                        node.state = "failed"
                        say(run_report.node_line(node))
                # Last, and as far as it goes: the disk may be what failed.
                with contextlib.suppress(OSError), record.log.open("a", encoding="utf-8") as log:
                    traceback.print_exc(file=log)
                if mistake is not None:
                    raise mistake from None
                if not isinstance(error, Exception | KeyboardInterrupt):
                    raise
            finally:
                record.seconds = time.monotonic() - started
                with contextlib.suppress(OSError):
                    record.write()
            _report(record, terminal, say)
    return record


def _report(record: RunRecord, terminal: TextIO, say: Callable[[Any], None]) -> None:
    """Writes the page about a run that has ended; what it costs is not the run's time."""
    if record.state == "interrupted":
        return
    # It imports what draws charts, which the nodes need not.
    from pipeline.reports.html import report_file

    with watch(terminal, "writing the report"):
        wrong = report_file.write_at_end(record)
    if wrong:
        say(tables.Hanging(Text("! "), Text(wrong)))


def _run_nodes(
    checked: AnyChecked, paths: PipelinePaths, record: RunRecord, terminal: TextIO, say: Callable[[Any], None]
) -> None:
    with watch(terminal, "loading TensorFlow"):
        found = manifest.collect(checked, record.id, record.started)
        found.write(Path(record.directory))
        libraries.load()

        from pipeline.runners.launch import CompiledPipeline

        compiled = CompiledPipeline.of(checked, paths, found)
    with watch(terminal, "checking what is there"):
        record.damaged = compiled.recover()
    for what in record.damaged:
        say(tables.Hanging(Text("! "), Text(what)))
    for node_id in compiled.node_ids:
        node = record.node(node_id)
        record.write()
        started = time.monotonic()
        try:
            with watch(terminal, node_id):
                outcome = compiled.launch(node_id)
        finally:
            node.seconds = time.monotonic() - started
        lifecycle.note(node, outcome, record, found)
        say(run_report.node_line(node))
        record.write()
    lifecycle.end(record, found)
    compiled.annotate("manifest", found.as_json())

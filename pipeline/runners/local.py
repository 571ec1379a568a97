"""The DAG on this machine: the loop of TFX's LocalDagRunner, with a line a node and a record of the run."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import gc
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from components.common.errors import InputError, describe, find_input_error
from components.common.progress import asked_to_stop, stop_on_signals, watch
from components.common.streams import redirected_output
from pipeline import manifest, report, steps
from pipeline.config import Checked
from pipeline.places import Places
from pipeline.record import RunRecord


def run(checked: Checked, root: Path, say: Callable[[Any], None], wait: bool = False) -> RunRecord:
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
    places = Places.of(checked.run, root)
    steps.check(checked, places)
    with held(places, say if wait else None):
        with _writable(places.runs):
            record = steps.begin(checked, places)
        say(f"{record.name} {record.id}   log: {report.near(str(record.log))}")
        started = time.monotonic()
        with stop_on_signals(), redirected_output(record.log) as terminal:
            try:
                _run_nodes(checked, places, record, terminal, say)
            except BaseException as error:
                interrupted = isinstance(error, KeyboardInterrupt) or asked_to_stop()
                record.state = "interrupted" if interrupted else "failed"
                mistake = find_input_error(error)
                record.error = str(mistake or describe(error))
                for node in record.nodes:
                    if node.state == "running":
                        node.state = "failed"
                        say(report.node_line(node))
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
    return record


def _run_nodes(
    checked: Checked, places: Places, record: RunRecord, terminal: TextIO, say: Callable[[Any], None]
) -> None:
    with watch(terminal, "loading TensorFlow"):
        with _no_collections():
            from pipeline.launch import Compiled

        found = manifest.collect(checked, record.id, record.started)
        found.write(Path(record.directory))
        compiled = Compiled.of(checked, places, found)
    with watch(terminal, "checking what is there"):
        record.damaged = compiled.recover()
    for what in record.damaged:
        say(f"! {what}")
    for node_id in compiled.node_ids:
        node = record.node(node_id)
        record.write()
        started = time.monotonic()
        try:
            with watch(terminal, node_id):
                outcome = compiled.launch(node_id)
        finally:
            node.seconds = time.monotonic() - started
        steps.note(node, outcome, record, found)
        say(report.node_line(node))
        record.write()
    steps.end(record, found)
    compiled.annotate("manifest", found.as_json())


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Leaves Python's garbage collector off, and what was made meanwhile out of later collections.

    Modules are never garbage: looking for some among them takes a second of ten while TensorFlow is imported, and time
    in every node.
    """
    if "tensorflow" in sys.modules or not gc.isenabled():
        # Not the first run of this process: there may be garbage.
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


@contextlib.contextmanager
def held(places: Places, wait: Callable[[Any], None] | None = None, shared: bool = False) -> Iterator[None]:
    """Keeps a second run, or whatever changes what runs left, out of the same place.

    Args:
        places: where.
        wait: told that somebody else is in before it is waited for; None: an error.
        shared: lets others in who say so too: nodes that a scheduler starts side by side.

    Raises:
        InputError: somebody else is in, or the place cannot be written.
    """
    with _writable(places.home):
        places.home.mkdir(parents=True, exist_ok=True)
        lock = places.lock.open("a+")
    with lock:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            problem = f"another run is on here ({holder})"
            if wait is None:
                remedy = "Wait for its end, with --wait, or give this one another --root"
                raise InputError(str(places.home), problem, remedy) from None
            wait(f"{places.home.name}: {problem}, waiting for its end")
            fcntl.flock(lock, kind)
        lock.truncate(0)
        lock.write(f"process {os.getpid()} since {datetime.datetime.now().astimezone().isoformat(timespec='seconds')}")
        lock.flush()
        yield


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(str(path), f"cannot be written ({error.strerror})", "Give a --root you may write to") from None

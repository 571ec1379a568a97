"""The DAG on this machine: the loop of TFX's LocalDagRunner, with a line a node and a record of the run."""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import gc
import json
import logging
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from components import console
from components.errors import InputError, input_error
from components.versions import card, versions
from pipeline import manifest, report
from pipeline.config import Checked
from pipeline.places import Places
from pipeline.record import NodeRecord, RunRecord, close_killed


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
    schema = checked.run.validation.schema_file
    if schema is not None and Path(schema).is_relative_to(places.artifacts):
        raise InputError(schema, "a run's own artifact cannot be its reviewed schema", "Copy it elsewhere first")
    with held(places, say if wait else None):
        record = _begin(checked, places)
        say(f"{record.name} {record.id}   log: {report.near(str(record.log))}")
        started = time.monotonic()
        with console.stop_on_signals(), _quiet(record.log) as terminal:
            try:
                _run_nodes(checked, places, record, terminal, say)
            except BaseException as error:
                interrupted = isinstance(error, KeyboardInterrupt) or console.asked_to_stop()
                record.state = "interrupted" if interrupted else "failed"
                mistake = input_error(error)
                record.error = str(mistake or _in_words(error))
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
    with console.watch(terminal, "loading TensorFlow"):
        with _no_collections():
            from tfx.utils import path_utils

            from pipeline.launch import Compiled

        found = manifest.collect(checked, record.id, record.started)
        found.write(Path(record.directory))
        compiled = Compiled(checked, places, found)
    with console.watch(terminal, "checking what is there"):
        record.damaged = compiled.recover()
    for what in record.damaged:
        say(f"! {what}")
    for node_id in compiled.node_ids:
        node = NodeRecord(node_id)
        record.nodes.append(node)
        record.write()
        started = time.monotonic()
        try:
            with console.watch(terminal, node_id):
                outcome = compiled.launch(node_id)
        finally:
            node.seconds = time.monotonic() - started
        node.state = "cached" if outcome.cached else "done"
        node.reason = outcome.reason
        node.outputs = sorted(chain.from_iterable(outcome.outputs.values()))
        node.note = _take_note(record, node_id, outcome.outputs)
        say(report.node_line(node))
        record.write()
        if node_id == "TsvExampleGen":
            _check_files(checked, found, Path(outcome.outputs["examples"][0]))
            found.write(Path(record.directory))
        if node_id == "Trainer":
            (model,) = (Path(path_utils.serving_model_path(uri)) for uri in outcome.outputs["model"])
            earlier = manifest.machine_of(places.runs, str(model)) if outcome.cached else None
            # Only now: until the node was noted as complete, a kill would have had it go on from them.
            shutil.rmtree(places.checkpoints / record.training["key"], ignore_errors=True)
    record.state = "pushed" if record.pushed else "refused"
    found.result = {
        "state": record.state,
        "weights_sha256": card(model)["weights_sha256"],
        "initial_weights": card(model)["initial_weights"],
        "model": str(model),
        "machine": earlier or found.machine,
        "rows": record.rows,
        "metrics": {split: e["metrics"]["candidate"][""] for split, e in record.evaluations.items()},
    }
    found.write(Path(record.directory))
    compiled.annotate("manifest", found.as_json())


def _check_files(checked: Checked, found: manifest.Manifest, examples: Path) -> None:
    """Holds the manifest against the files as they were read, and adds their rows to it."""
    from components.example_gen import rows_by_file

    read = rows_by_file(examples)
    if manifest.data_files(checked) != found.data or set(read) != {file.path for file in found.data}:
        names = ", ".join(read)
        raise InputError(names, "changed while the run began", "Run again once the files are complete")
    for file in found.data:
        file.rows, file.quarantined = read[file.path]


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


def _take_note(record: RunRecord, node: str, outputs: dict[str, list[str]]) -> str:
    """Copies into the record what a node has to tell, and returns it in words."""
    from components.drift_validator import DRIFT_FILE
    from components.evaluator import SUMMARY_FILE
    from components.example_gen import QUARANTINE_FILE, ROWS_FILE, row_counts
    from components.trainer import HISTORY_FILE

    match node:
        case "TsvExampleGen":
            (examples,) = map(Path, outputs["examples"])
            files = json.loads((examples / ROWS_FILE).read_text())["files"]
            for (split, _), count in row_counts(examples).items():
                record.rows[split] = record.rows.get(split, 0) + count
            record.quarantined = sum(file["bad"] for file in files)
            record.quarantine_file = str(examples / QUARANTINE_FILE) if record.quarantined else None
            bad = f", {record.quarantined:,} quarantined" if record.quarantined else ""
            return f"{sum(record.rows.values()):,} rows{bad}"
        case "Trainer":
            record.training = json.loads(Path(outputs["model_run"][0], HISTORY_FILE).read_text())
            return report.training(record.training)
        case "Baseline" | "Predecessor":
            return "" if outputs.get("baseline") else "none in production"
        case "DriftValidator":
            record.drift = json.loads(Path(outputs["anomalies"][0], DRIFT_FILE).read_text())
            return report.drift(record.drift)
        case "Evaluator" | "Evaluator.test":
            summary = json.loads(Path(outputs["evaluation"][0], SUMMARY_FILE).read_text())
            record.evaluations["test" if node.endswith("test") else "dev"] = summary
            metric = summary["headline"][0]
            measured = f"{metric} {summary['metrics']['candidate'][''][metric]:.4f}"
            verdict = {True: ", blessed", False: ", refused", None: ""}[summary.get("blessed")]
            return measured + verdict
        case "Pusher":
            pushed = Path(outputs["pushed_model"][0])
            if int(pushed.name) in versions(pushed.parent) and record.evaluations["dev"]["blessed"]:
                record.pushed = str(pushed)
                return f"version {pushed.name}"
            return "nothing pushed"
    return ""


def _begin(checked: Checked, places: Places) -> RunRecord:
    """Makes the run's directory, with its config and its record."""
    now = datetime.datetime.now().astimezone()
    started = now.strftime("%Y%m%d-%H%M%S")
    taken = len(list(places.runs.glob(f"{started}*")))
    run_id = f"{started}-{taken + 1}" if taken else started
    directory = places.runs / run_id
    with _writable(directory):
        directory.mkdir(parents=True)
        shutil.copy(checked.path, directory / "config.toml")
        record = RunRecord(
            run_id, checked.run.name, str(checked.path.resolve()), str(directory), now.isoformat(timespec="seconds")
        )
        record.write()
    close_killed(places.runs, run_id)
    return record


@contextlib.contextmanager
def held(places: Places, wait: Callable[[Any], None] | None = None) -> Iterator[None]:
    """Keeps a second run, or whatever changes what runs left, out of the same place.

    Args:
        places: where.
        wait: told that somebody else is in before it is waited for; None: an error.

    Raises:
        InputError: somebody else is in, or the place cannot be written.
    """
    with _writable(places.home):
        places.home.mkdir(parents=True, exist_ok=True)
        lock = places.lock.open("a+")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            problem = f"another run is on here ({holder})"
            if wait is None:
                remedy = "Wait for its end, with --wait, or give this one another --root"
                raise InputError(str(places.home), problem, remedy) from None
            wait(f"{places.home.name}: {problem}, waiting for its end")
            fcntl.flock(lock, fcntl.LOCK_EX)
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


@contextlib.contextmanager
def _quiet(log: Path) -> Iterator[TextIO]:
    """Sends file descriptors 1 and 2 to the log; yields the terminal that standard error was.

    Libraries write to the descriptors from C++, which no redirection of `sys.stderr` catches.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    terminal = os.fdopen(os.dup(kept[1]), "w", encoding="utf-8")
    original = sys.stdout
    progress = logging.FileHandler(log, encoding="utf-8")
    ours = logging.getLogger("components")
    ours.setLevel(logging.INFO)
    ours.addHandler(progress)
    try:
        os.dup2(file, 1)
        os.dup2(file, 2)
        # What the caller prints by `say` still goes to where standard output was.
        sys.stdout = os.fdopen(os.dup(kept[0]), "w", encoding="utf-8", buffering=1)
        yield terminal
    finally:
        ours.removeHandler(progress)
        progress.close()
        sys.stdout.flush()
        sys.stdout = original
        sys.stderr.flush()
        for descriptor, number in zip(kept, (1, 2), strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(file)


def _in_words(error: BaseException) -> str:
    # TensorFlow's own class is not imported here, where there may be no TensorFlow.
    first = (str(error).strip() or "no message").splitlines()[0]
    # Of a full disk it has the same.
    no_memory = type(error).__name__ == "ResourceExhaustedError" and os.strerror(errno.ENOSPC) not in str(error)
    if isinstance(error, MemoryError) or no_memory:
        return "out of memory: a smaller training.batch_size, model.max_length or base model needs less"
    return f"{type(error).__name__}: {first[:300]}"

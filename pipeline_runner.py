#!/usr/bin/env python3
"""bert-pipeline's command line: from TSV files of labelled text to a gated, pushed BERT.

Exit status: 0 done, 1 a run failed, 2 the user's input is wrong, 3 the gate refused the model.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from components.common.errors import InputError, describe
from components.common.exit_status import DONE, FAILED, REFUSED, WRONG_INPUT
from pipeline.arguments import parser

# Before any import of TensorFlow, which reads them once: its banners are not for the terminal.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# Two ops at a time on half of the cores each: batches run in halves that do not wait for each other.
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")

os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str((len(os.sched_getaffinity(0)) + 1) // 2))


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    options = parser(__doc__ or "").parse_args(arguments)
    try:
        return _COMMANDS[options.command](options)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_INPUT
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(
            f"error: {place}{error.strerror or error}. Check the path, its permissions and the disk.", file=sys.stderr
        )
        return WRONG_INPUT if isinstance(error, PermissionError) else FAILED
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return FAILED


def run(options: argparse.Namespace) -> int:
    """`run`: the DAG on this machine."""
    from pipeline import config, manifest, report
    from pipeline.places import Places
    from pipeline.runners import local

    checked = config.check(options.config)

    def say(what: Any) -> None:
        if not options.json:
            report.console(sys.stdout).print(what)

    places = Places.of(checked.run, options.root)
    if options.wait:
        with local.held(places, say):
            # What is new is seen after the other run's end.
            checked = config.check(options.config)
    if not options.force and (nothing_new := manifest.nothing_new(checked, places)):
        say(f"{checked.run.name}: nothing new: {nothing_new}")
        if options.json:
            newest = manifest.newest_ended(places.runs)
            told = {"name": checked.run.name, "state": "nothing new", "spans": checked.run.data.spans}
            print(json.dumps({**told, "run": newest and newest.run}))
        return DONE
    record = local.run(checked, options.root, say, options.wait)
    if options.json:
        print(record.as_json())
    elif record.state in ("pushed", "refused"):
        say("")
        say(report.run_report(record, full=False))
    if record.state in ("failed", "interrupted"):
        print(f"error: {report.failure(record, 'Run again: what is finished comes from cache.')}", file=sys.stderr)
        return FAILED
    return DONE if record.state == "pushed" else REFUSED


def check(options: argparse.Namespace) -> int:
    """`check`: a config against its files, without running anything."""
    from pipeline import config, report
    from pipeline.places import Places

    checked = config.check(options.config)
    if options.json:
        from components.settings.serialization import dump

        print(dump(checked.run))
    else:
        report.console(sys.stdout).print(report.check_report(checked, Places.of(checked.run, options.root)))
    return DONE


def train_worker(options: argparse.Namespace) -> int:
    """`train-worker`: a process of a training by several, but for the chief's."""
    from components.common import progress
    from components.distributed import cluster, supervisor
    from pipeline.provenance import source_hash

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


def run_container(options: argparse.Namespace) -> int:
    """`run-container`: a node in a container of Kubeflow's."""
    from pipeline.runners import container

    container.run(options.arguments)
    return DONE


def show(options: argparse.Namespace) -> int:
    """`show`: a run, or the list of them."""
    from pipeline import manifest, report
    from pipeline.record import find, read

    directories = find(options.root, options.run)
    if options.manifest:
        print(manifest.read(directories[-1]).as_json())
        return DONE
    records = []
    for path in directories if options.all else directories[-1:]:
        try:
            records.append(read(path))
        except InputError as error:
            # One damaged record does not hide the others.
            if not options.all:
                raise
            print(f"error: {error}", file=sys.stderr)
    if options.json:
        documents = [json.loads(r.as_json()) for r in records]
        print(json.dumps(documents if options.all else documents[0]))
    else:
        shown = report.run_list(records) if options.all else report.run_report(records[0], full=True)
        report.console(sys.stdout).print(shown)
    return DONE


def list_versions(options: argparse.Namespace) -> int:
    """`versions`: what was pushed, by which run, with which metrics."""
    from pipeline import report, serving

    pushed = serving.pushed(serving.places(options.root, options.name))
    if options.json:
        print(json.dumps([dataclasses.asdict(version) for version in pushed]))
    else:
        report.console(sys.stdout).print(report.version_list(pushed))
    return DONE


def rollback(options: argparse.Namespace) -> int:
    """`rollback`: an older version into production."""
    from components.serving.versions import roll_back
    from pipeline import serving
    from pipeline.runners import local

    places = serving.places(options.root, options.name)
    with local.held(places):
        older, version = roll_back(places.serving, options.version)
    print(f"version {older} is in production again, as version {version}: {places.serving / str(version)}")
    return DONE


def prune(options: argparse.Namespace) -> int:
    """`prune`: artifacts that nothing kept needs."""
    from pipeline import serving
    from pipeline.runners import local

    places = serving.places(options.root, options.name)
    with local.held(places):
        from pipeline import pruning

        pruned = pruning.prune(places, options.keep, options.dry_run)
    if options.json:
        print(json.dumps(dataclasses.asdict(pruned)))
        return DONE
    would = "would remove" if options.dry_run else "removed"
    print(f"{would} {len(pruned.removed)} artifacts, {pruned.bytes / 1e6:,.1f} MB; kept {', '.join(pruned.kept_runs)}")
    return DONE


def reproduce(options: argparse.Namespace) -> int:
    """`reproduce`: a run made again from its manifest, and what differs."""
    from pipeline import report, reproduction
    from pipeline.record import find

    (*_, directory) = find(options.root, options.run)
    say = (lambda _: None) if options.json else report.console(sys.stdout).print
    made, compared = reproduction.reproduce(directory, options.into, say)
    if compared is None:
        again = f"Delete {report.near(str(Path(made.directory).parents[1]))} to try again."
        print(f"error: {report.failure(made, again)}", file=sys.stderr)
        return FAILED
    if options.json:
        print(json.dumps(dataclasses.asdict(compared)))
    else:
        say(report.comparison(compared))
    return FAILED if compared.result else DONE


def check_data(options: argparse.Namespace) -> int:
    """`check-data`: rows beside those that a run's model learned from."""
    from pipeline import report, skew
    from pipeline.record import find

    (*_, directory) = find(options.root, options.against)
    found = skew.check(options.rows, directory, options.column, options.label, not options.no_header)
    if options.json:
        print(json.dumps(dataclasses.asdict(found)))
    else:
        report.console(sys.stdout).print(report.skew(found))
    exceeded = [one["name"] for one in found.measures if one["exceeded"]]
    if exceeded and found.fails:
        problem = f"not like the rows that run {found.run} learned from: {', '.join(exceeded)} beyond the limit"
        raise InputError(str(options.rows), problem, "Correct the rows, or train on rows like them")
    return DONE


def data(options: argparse.Namespace) -> int:
    """`data`: fetches a sample."""
    try:
        from data import fetch
    except ModuleNotFoundError:
        remedy = "Run the command in a checkout of the project"
        raise InputError("data", "the samples belong to a checkout, and this is an installed package", remedy) from None

    fetch.fetch(options.name, Path(__file__).resolve().parent, lambda line: print(line, file=sys.stderr))
    return DONE


def predict(options: argparse.Namespace) -> int:
    """`predict`: what a model says of texts."""
    from components.serving.versions import resolve
    from pipeline import prediction

    resolve(options.model)
    if options.input is None and options.output is not None:
        raise InputError("--output", "goes with --input", "Give --input rows.tsv, or redirect standard output")
    if options.input is not None:
        if options.text:
            raise InputError("--input", "texts are given too", "Give either --input or texts")
        prediction.of_file(
            options.model, options.input, options.output, options.column, sys.stderr, has_header=not options.no_header
        )
        return DONE
    for text in options.text:
        if any("\udc80" <= character <= "\udcff" for character in text):
            # Where Python puts the bytes of an argument that is not UTF-8.
            raise InputError("TEXT", f"not UTF-8, got {text!r}", "Give texts in UTF-8")
    rows = iter([("TEXT", _texts("TEXT", text)) for text in options.text]) if options.text else _lines(sys.stdin)
    prediction.of_texts(options.model, rows, sys.stdout, as_json=options.json)
    return DONE


def bulk_predict(options: argparse.Namespace) -> int:
    """`bulk-predict`: `predict --input` by Beam."""
    from components.common.progress import stop_on_signals
    from pipeline import beam, bulk

    where = bulk.settings(options.config)
    header = not options.no_header
    try:
        with stop_on_signals():
            done = bulk.predict(options.model, options.input, options.output, options.column, header, where, sys.stderr)
    except Exception as error:
        told = beam.told(error)
        if isinstance(told, InputError | OSError):
            raise told from None
        log = options.output / bulk.LOG_FILE
        again = f"Run again: the parts that are there stay. The log has the rest: {log}"
        print(f"error: {describe(told)}. {again}", file=sys.stderr)
        return FAILED
    bad = f", {done.quarantined:,} bad ones in {options.output / bulk.QUARANTINE_FILE}" if done.quarantined else ""
    print(f"{done.rows:,} rows answered in {done.parts} files{bad}: {options.output}", file=sys.stderr)
    return DONE


def embed(options: argparse.Namespace) -> int:
    """`embed`: vectors of texts."""
    from pipeline import vectors

    source = vectors.Source(options.input, options.column, not options.no_header)
    rows, width = vectors.embed(options.model, source, options.output, _pooled(options), sys.stderr)
    print(f"{rows:,} vectors of {width} numbers: {options.output}", file=sys.stderr)
    return DONE


def match(options: argparse.Namespace) -> int:
    """`match`: the nearest texts of a corpus."""
    from components.common import atomic_files
    from pipeline import vectors

    header = not options.no_header
    queries = vectors.Source(options.queries, options.query_column, header)
    corpus = vectors.Source(options.corpus, options.corpus_column, header)
    with atomic_files.written(options.output) as out:
        vectors.match(
            options.model, queries, corpus, options.top, _pooled(options), out, sys.stderr, as_json=options.json
        )
    return DONE


def _pooled(options: argparse.Namespace) -> Any:
    from components.settings.model import Model

    return Model(base=str(options.model), pooling=options.pooling, max_length=options.max_length)


def _texts(place: str, line: str) -> tuple[str, ...]:
    """The texts of a row, between tabs."""
    texts = tuple(line.split("\t"))
    if not all(text.strip() for text in texts):
        raise InputError(place, "got an empty text", "Give texts with something in them")
    return texts


def _lines(stream: TextIO) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The lines of standard input: place, and the texts of a row."""
    if isinstance(stream, io.TextIOWrapper):
        # Python opens it so that bytes of another encoding pass, in disguise.
        stream.reconfigure(encoding="utf-8", errors="strict")
    if stream.isatty():
        print("a text a line, end with Ctrl-D", file=sys.stderr)
    with contextlib.suppress(UnicodeDecodeError):
        for number, line in enumerate(stream, 1):
            text = line.rstrip("\r\n")
            if not text.strip():
                raise InputError(f"standard input:{number}", "an empty line", "Give one text a line")
            yield (place := f"standard input:{number}"), _texts(place, text)
        return
    raise InputError("standard input", "not UTF-8", "Convert it to UTF-8")


def export(options: argparse.Namespace) -> int:
    """`export`: a pipeline for a scheduler."""
    if options.runner == "airflow":
        from pipeline.runners import airflow

        written = airflow.export(options.config, options.root, options.output)
    else:
        from pipeline.runners import kubeflow

        written = [kubeflow.export(options.config, options.output)]
    print(*written, sep="\n")
    return DONE


def begin_run(options: argparse.Namespace) -> int:
    """`begin-run`: the first step of a run that a scheduler starts."""
    from pipeline.runners import scheduled

    return scheduled.begin(options.dag, options.run_id)


def run_node(options: argparse.Namespace) -> int:
    """`run-node`: one node of it."""
    from pipeline.runners import scheduled

    return scheduled.run_node(options.dag, options.run_id, options.node)


def end_run(options: argparse.Namespace) -> int:
    """`end-run`: its last step."""
    from pipeline.runners import scheduled

    return scheduled.end(options.dag, options.run_id)


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": run,
    "check": check,
    "train-worker": train_worker,
    "run-container": run_container,
    "show": show,
    "reproduce": reproduce,
    "predict": predict,
    "bulk-predict": bulk_predict,
    "embed": embed,
    "match": match,
    "check-data": check_data,
    "versions": list_versions,
    "rollback": rollback,
    "prune": prune,
    "data": data,
    "export": export,
    "begin-run": begin_run,
    "run-node": run_node,
    "end-run": end_run,
}
"""By the names of `pipeline.arguments`."""

if __name__ == "__main__":
    sys.exit(main())

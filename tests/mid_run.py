"""Changes what a run reads while it is on, at every node, and sees that nothing wrong is kept; hours, `make chaos`.

    python -m tests.mid_run [--runs pretraining] [--changes weights code] [--moments within] [--nodes Trainer]

Runs of toy data, of each kind, in this process. A change comes `before` a node, or `within` it: after what is checked
before, when the node has read nothing yet. Either the run says what changed, or the change cannot reach what is still
to come; then the result is that of an undisturbed run. What a disturbed run left under the root must neither show in a
run with the file as it was, nor in one with the changed file: both are compared with runs under roots of their own, by
weights and metrics. Exits 1 at the first thing that is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from safetensors.numpy import save_file

from components.common.errors import InputError
from components.settings.run import FINE_TUNING
from pipeline.config import preflight
from pipeline.runners import local
from pipeline.runs import cache_key, manifest
from tests import task_runs
from tests.chaos import RESULTS
from tests.checkout import ROOT
from tests.toys import VOCABULARY, toy_tensors, write_toy_corpus, write_toy_pretraining, write_toy_run

TRAINING = {"epochs": 12, "learning_rate": 0.02}


Files = dict[str, tuple[Path, Callable[[Path], object]]]
"""Kind of change -> the file, and what is done to it."""


@dataclass
class Place:
    """Where a run reads from: its TOML, data and base model, `schema.pbtxt` if it is used, the `code`."""

    folder: Path
    run: str
    """Its name in `MADE`."""
    config: Path
    """The TOML file."""
    changes: Files
    """But for those of the code."""

    @property
    def files(self) -> Files:
        """All of them."""
        code = self.folder / "code" / "components" / "common" / "errors.py"
        return {**self.changes, "code": (code, _appended("CHANGED = 1\n"))}


def _appended(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(path.read_text() + text)


def _replaced(old: str, new: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return change


def _other_weights(path: Path) -> None:
    save_file(toy_tensors(len(VOCABULARY), hidden=8, layers=2, seed=1), path, {"format": "pt"})


def made(folder: Path, **tables: Any) -> Place:
    """Writes what a fine-tuning reads; the code is a copy that is looked at in place of the checkout's."""
    tables = {"serving": {"validate": True}, "calibration": {"enabled": True}} | tables
    config = write_toy_run(folder, training=TRAINING, **tables)
    changes: Files = {
        "data": (folder / "train.txt", _appended("good film indeed\tgood\n")),
        "weights": (folder / "model" / "model.safetensors", _other_weights),
        "tokenizer": (folder / "model" / "vocab.txt", _replaced("good\nbad\n", "bad\ngood\n")),
        "schema": (folder / "schema.pbtxt", _appended("# Another byte.\n")),
        "config": (config, _replaced("epochs = 12", "epochs = 1")),
    }
    return _with_code(Place(folder, FINE_TUNING, config, changes))


def made_task(folder: Path, task: str) -> Place:
    """The same of a task whose model answers by texts."""
    config = task_runs.write_run(folder, task)
    make, *_ = task_runs.MADE[task]
    row = "\t".join(make(random.Random(1)))  # noqa: S311
    changes: Files = {
        "data": (folder / "train.tsv", _appended(f"{row}\n")),
        "weights": (folder / "model" / "model.safetensors", _other_weights),
        "tokenizer": (folder / "model" / "vocab.txt", _replaced("good\nbad\n", "bad\ngood\n")),
        "config": (config, _replaced("epochs = 10", "epochs = 1")),
    }
    return _with_code(Place(folder, task, config, changes))


def made_vocabulary(folder: Path) -> Place:
    """The same of a run that learns a vocabulary, beside that of the toy checkpoint."""
    config = write_toy_corpus(folder)
    changes: Files = {
        "data": (folder / "a.txt", _appended(_DOCUMENT)),
        # Words with an "a" are unknown to it then.
        "tokenizer": (folder / "model" / "vocab.txt", _replaced("##a\n", "##0\n")),
        "config": (config, _replaced("size = 120", "size = 110")),
    }
    return _with_code(Place(folder, "vocabulary", config, changes))


def made_pretraining(folder: Path) -> Place:
    """The same of a run that goes on with the toy checkpoint."""
    config = write_toy_pretraining(folder, model={"base": "model"})
    changes: Files = {
        "data": (folder / "a.txt", _appended(_DOCUMENT)),
        "weights": (folder / "model" / "model.safetensors", _other_weights),
        "tokenizer": (folder / "model" / "vocab.txt", _replaced("##a\n##b\n", "##b\n##a\n")),
        "config": (config, _replaced("steps = 6", "steps = 2")),
    }
    return _with_code(Place(folder, "pretraining", config, changes))


_DOCUMENT = "\n\nBabako risul. Moga tenli ba.\n"


def _with_code(place: Place) -> Place:
    for name in ("components", "pipeline"):
        shutil.copytree(ROOT / name, place.folder / "code" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pipeline_runner.py", place.folder / "code")
    return place


def result(place: Place, root: Path) -> dict[str, Any]:
    """What a run gives: nothing of it may depend on what went before."""
    with mock.patch.object(cache_key, "ROOT", place.folder / "code"):
        record = local.run(preflight.check_any(place.config), root, lambda _: None)
    assert record.state in ("pushed", "refused"), record.error
    found = manifest.read(Path(record.directory))
    return {key: found.result[key] for key in RESULTS[found.settings.kind]}


@contextlib.contextmanager
def changed(place: Place, kind: str) -> Iterator[Path]:
    """The file is another one within, and then what it was."""
    path, change = place.files[kind]
    before = path.read_bytes()
    change(path)
    try:
        yield path
    finally:
        path.write_bytes(before)


class Outcome(NamedTuple):
    """Of a disturbed run."""

    result: dict[str, Any] | None
    """None: it stopped."""
    error: str
    happened: bool
    """Whether the change came: within a node that is taken from cache it does not."""

    def said(self, place: Place, kind: str) -> bool:
        """Whether the run stopped with the file's name, or the code's directory, and that it changed."""
        name = place.folder / "code" if kind == "code" else place.files[kind][0]
        return str(name) in self.error and "changed" in self.error


def disturbed(place: Place, root: Path, kind: str, node: str, moment: str) -> Outcome:
    """A run under which a file is changed; then the file is what it was."""
    from tfx.orchestration.portable import beam_executor_operator, python_executor_operator

    from pipeline.runners.launch import CompiledPipeline

    happened: list[str] = []
    with contextlib.ExitStack() as stack:

        def change(now: str) -> None:
            if now == node:
                happened.append(now)
                stack.enter_context(changed(place, kind))

        def before(original: Any) -> Any:
            def launch(pipeline: Any, node_id: str) -> Any:
                change(node_id)
                return original(pipeline, node_id)

            return launch

        def within(original: Any) -> Any:
            def run_executor(operator: Any, info: Any, *others: Any) -> Any:
                change(info.pipeline_node.node_info.id)
                return original(operator, info, *others)

            return run_executor

        if moment == "before":
            stack.enter_context(mock.patch.object(CompiledPipeline, "launch", before(CompiledPipeline.launch)))
        else:
            for operator in (
                python_executor_operator.PythonExecutorOperator,
                beam_executor_operator.BeamExecutorOperator,
            ):
                stack.enter_context(mock.patch.object(operator, "run_executor", within(operator.run_executor)))
        try:
            return Outcome(result(place, root), "", bool(happened))
        except InputError as error:
            return Outcome(None, str(error), bool(happened))


def nodes(place: Place, root: Path) -> list[str]:
    """The nodes of the newest run, in their order."""
    from pipeline.runs import record

    return [node.id for node in record.read(record.find(root, None)[-1]).nodes]


def main() -> None:
    """All kinds of change at all nodes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", nargs="+", choices=MADE, default=list(MADE))
    parser.add_argument("--changes", nargs="+", default=["data", "weights", "tokenizer", "code", "schema", "config"])
    parser.add_argument("--moments", nargs="+", default=["before", "within"])
    parser.add_argument("--nodes", nargs="+", help="default all")
    options = parser.parse_args()
    for run in options.runs:
        with tempfile.TemporaryDirectory() as scratch:
            place = MADE[run](Path(scratch, "place"))
            undisturbed = result(place, Path(scratch, "undisturbed"))
            every = nodes(place, Path(scratch, "undisturbed"))
            chosen = [node for node in every if node in (options.nodes or every)]
            for kind, moment in itertools.product(options.changes, options.moments):
                if kind in place.files:
                    roots = Path(scratch, "roots", kind, moment)
                    _all_nodes(place, roots, kind, moment, chosen, undisturbed)


def _of_everything(folder: Path) -> Place:
    """A fine-tuning by a reviewed schema that goes on from a pushed model: those of a run of its own."""
    first, root = made(folder.with_name("first")), folder.with_name("root")
    result(first, root)
    (schema,) = root.glob("toy/artifacts/SchemaGen/schema/*/schema.pbtxt")
    (version,) = Path(root, "toy", "serving", "toy").glob("[0-9]*")
    folder.mkdir()
    shutil.copy(schema, folder / "schema.pbtxt")
    # DriftValidator reads data where there is a version to compare with.
    place = made(folder, validation={"schema_file": "schema.pbtxt"}, drift={"on_drift": "warn"})
    config = place.config.read_text().replace("[training]\n", f'[training]\ninit_from = "{version}"\n')
    place.config.write_text(config)
    return place


MADE: dict[str, Callable[[Path], Place]] = {
    FINE_TUNING: _of_everything,
    "vocabulary": made_vocabulary,
    "pretraining": made_pretraining,
    **{task: functools.partial(made_task, task=task) for task in ("answering", "generation")},
}
"""Kind of run, or a fine-tuning's task -> writes what it reads."""


def _all_nodes(
    place: Place, roots: Path, kind: str, moment: str, every: list[str], undisturbed: dict[str, Any]
) -> None:
    counts = {"said": 0, "harmless": 0}
    fresh: dict[str, Any] | None = None
    if kind != "code":
        # Of other code this process has imported nothing.
        with changed(place, kind):
            fresh = result(place, roots / "fresh")
    root = roots / "0"
    for number, node in enumerate(every, 1):
        cell = f"{place.run}: {kind} {moment} {node}"
        found = disturbed(place, root, kind, node, moment)
        if not found.happened:
            root = roots / str(number)
            found = disturbed(place, root, kind, node, moment)
        _check(found.happened, f"{cell}: did not run")
        if found.said(place, kind):
            # The next one goes on from what this one left.
            counts["said"] += 1
            print(f"{cell}: said", flush=True)
            continue
        counts["harmless"] += 1
        _check(found.result == undisturbed, f"{cell}: {found.result or found.error} instead of {undisturbed}")
        _check(result(place, root) == undisturbed, f"{cell}: a wrong result was kept")
        if fresh is not None:
            with changed(place, kind):
                _check(result(place, root) == fresh, f"{cell}: not what a fresh root gives")
        print(f"{cell}: cannot reach the run", flush=True)
        root = roots / f"after-{number}"
    print(f"{place.run}: {kind} {moment}: {counts}", flush=True)
    shutil.rmtree(roots)


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"error: {otherwise}")


if __name__ == "__main__":
    main()

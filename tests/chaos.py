"""Kills runs at random moments and sees that nothing comes of it. Hours; `make chaos`.

    python -m tests.chaos [--kinds vocabulary generation] [--kills 60] [--seed 0] [--each 5]

Runs of toy data, of each kind, are killed (SIGKILL) while a node chosen beforehand is on, until there were `kills` in
all and `each` in every node. After each kill `run` is called again on the same root. Whenever one gets to its end, its
weights or its vocabulary and its metrics must be those of an undisturbed run. All the while a loader loads every
version that appears in the serving directory and asks it something, and when a run has ended nothing may be left of the
killed ones. Exits 1 at the first thing that is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from components.serving.versions import CARDS
from components.settings.run import FINE_TUNING
from pipeline.runs import manifest
from tests.task_runs import ANSWERS, write_run
from tests.toys import VOCABULARY, write_toy_corpus, write_toy_pretraining, write_toy_run

ROOT = Path(__file__).resolve().parents[1]

TRAINING = {"epochs": 40, "learning_rate": 0.02, "checkpoint_steps": 7}

_AT_MOST = 3600.0


class Kind(NamedTuple):
    """A kind of run."""

    name: str
    """Of the pipeline."""
    write: Callable[[Path], Path]
    """Writes what a run reads into a folder; the TOML."""
    ask: Callable[[Path], None]
    """Loads a pushed version and asks it something."""

    def serving(self, root: Path) -> Path:
        """The directory of the versions."""
        return root / self.name / "serving" / self.name


def _fine_tuning(folder: Path) -> Path:
    added: dict[str, Any] = {"serving": {"validate": True}, "calibration": {"enabled": True}}
    return write_toy_run(folder, training=TRAINING, gate={"min": {"accuracy": 0.01}}, **added)


def _task(task: str) -> Kind:
    """A fine-tuning whose model answers by texts."""
    rows, is_right = ANSWERS[task]

    def ask(version: Path) -> None:
        from components.serving.predictor import Predictor

        found = list(Predictor(version).predict(tuple(row.split("\t")) for row in rows))
        assert is_right(found), found

    return Kind("toy", lambda folder: write_run(folder, task, checkpoint_steps=7), ask)


def _pretraining(folder: Path) -> Path:
    return write_toy_pretraining(folder, training={"steps": 120, "checkpoint_steps": 7})


def _ask_model(version: Path) -> None:
    from components.serving.predictor import Predictor

    (answer,) = Predictor(version).predict([("the film is good",)])
    assert abs(sum(answer["probabilities"].values()) - 1) < 1e-3


def _ask_vocabulary(version: Path) -> None:
    from components.tokenization.tokenizer_files import read_tokenizer

    assert len(read_tokenizer(version).vocabulary) == 120


def _ask_pretrained(version: Path) -> None:
    from components.serving.mask_filler import MaskFiller
    from components.tokenization.tokenizer_files import read_tokenizer

    (((told, *_),),) = MaskFiller(version, read_tokenizer(version), 2).filled(["the film is [MASK] ."])
    assert told[0] in VOCABULARY


KINDS = {
    FINE_TUNING: Kind("toy", _fine_tuning, _ask_model),
    "vocabulary": Kind("toy", write_toy_corpus, _ask_vocabulary),
    "pretraining": Kind("toy-bert", _pretraining, _ask_pretrained),
    "answering": _task("answering"),
    "generation": _task("generation"),
}
"""Kind of run, or a fine-tuning's task -> what is killed of it."""

RESULTS = {
    FINE_TUNING: ("weights_sha256", "metrics", "rows"),
    "vocabulary": ("vocabulary_sha256", "size", "metrics", "rows"),
    "pretraining": ("weights_sha256", "metrics", "rows"),
}
"""Kind of run -> what of a manifest's result must not depend on kills."""


class Loader(threading.Thread):
    """Loads what appears in a serving directory, as a server would, or a run that begins with it."""

    def __init__(self, kind: Kind, root: Path) -> None:
        super().__init__(daemon=True)
        self._ask, self._serving, self._stop_asked = kind.ask, kind.serving(root), threading.Event()
        self.loaded: set[str] = set()
        self.wrong: list[str] = []

    def run(self) -> None:
        """Until `finish`."""
        while not self._stop_asked.wait(0.01):
            names = [p.name for p in self._serving.iterdir() if p.name.isdecimal()] if self._serving.is_dir() else []
            for name in sorted(set(names) - self.loaded):
                try:
                    self._ask(self._serving / name)
                    self.loaded.add(name)
                except Exception as error:  # whatever it is, it is what is looked for
                    if (self._serving / name).is_dir():
                        self.wrong.append(f"{name}: {type(error).__name__}: {error}")

    def finish(self) -> None:
        """Stops."""
        self._stop_asked.set()
        self.join()


def main() -> None:
    """Kills and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name in options.kinds:
        with tempfile.TemporaryDirectory() as scratch:
            found = kills_of(KINDS[name], Path(scratch), options.kills, options.each, options.seed)
        print(json.dumps({"kind": name, **found}), flush=True)


def kills_of(kind: Kind, scratch: Path, wanted_kills: int, each: int, seed: int) -> dict[str, Any]:
    """Kills runs of a kind; what there was of it."""
    draws = random.Random(seed)  # noqa: S311
    (scratch / "data").mkdir()
    config = kind.write(scratch / "data")
    undisturbed = finished(config, scratch / "undisturbed")
    seconds = {node["id"]: node["seconds"] for node in undisturbed["nodes"]}
    wanted = result(undisturbed)
    kills: Counter[str] = Counter(dict.fromkeys(seconds, 0))
    ends, root = 0, scratch / "root0"
    loader = Loader(kind, root)
    loader.start()
    while sum(kills.values()) < wanted_kills or min(kills.values()) < each:
        target = min(kills, key=lambda node: (kills[node], draws.random()))
        killed = kill_within(config, root, target, draws.uniform(0, seconds[target]))
        if killed is not None:
            kills[killed] += 1
            print(f"{sum(kills.values()):3} killed in {killed}", flush=True)
            if draws.random() < 0.8:
                continue
        check_end(finished(config, root), wanted, loader)
        check(len(loader.loaded) == 1, f"{len(loader.loaded)} versions of one model were pushed")
        check(not left_over(kind, root), f"left over by killed runs: {left_over(kind, root)}")
        shutil.rmtree(root)
        ends += 1
        root = scratch / f"root{ends}"
        loader = Loader(kind, root)
        loader.start()
    check_end(finished(config, root), wanted, loader)
    return {"kills": dict(kills), "runs_that_ended": ends + 1, **wanted}


def check_end(record: dict[str, Any], wanted: dict[str, Any], loader: Loader) -> None:
    """That a run ended as the undisturbed one, and that its version was whole as soon as it was to be seen."""
    check(result(record) == wanted, f"{result(record)} instead of {wanted}")
    loader_saw(loader)
    loader.finish()


def loader_saw(loader: Loader) -> None:
    """Gives the loader time for what there is, and looks at what it found."""
    until = time.monotonic() + 60
    while not loader.loaded and time.monotonic() < until:
        time.sleep(0.1)
    check(not loader.wrong, "; ".join(loader.wrong))


def check(holds: bool, otherwise: str) -> None:
    """Exits if it does not hold."""
    if not holds:
        sys.exit(f"error: {otherwise}")


def left_over(kind: Kind, root: Path) -> list[str]:
    """Artifacts under a root that ML Metadata does not know, and what is no version in the serving directory."""
    home = root / kind.name
    with contextlib.closing(sqlite3.connect(home / "metadata.sqlite")) as store:
        known = {uri for (uri,) in store.execute("SELECT uri FROM Artifact")}
    # NODE/KEY/EXECUTION, empty where a node had nothing to give; under NODE/.system TFX keeps what is its own.
    artifacts = (path for path in (home / "artifacts").glob("*/*/*") if path.parent.name != ".system")
    made = [path for path in artifacts if any(inner.is_file() for inner in path.rglob("*"))]
    hidden = [path for path in kind.serving(root).iterdir() if not path.name.isdecimal() and path.name != CARDS]
    return sorted(map(str, [*hidden, *(path for path in made if str(path) not in known)]))


def command(config: Path, root: Path) -> list[str]:
    """One run."""
    return [sys.executable, "pipeline_runner.py", "run", "--config", str(config), "--root", str(root), "--json"]


def finished(config: Path, root: Path) -> dict[str, Any]:
    """A run that is left alone: its record."""
    done = subprocess.run(command(config, root), cwd=ROOT, capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"a run after a kill ended with {done.returncode}: {done.stderr}")
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def result(record: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on kills."""
    found = manifest.read(Path(record["directory"]))
    return {key: found.result[key] for key in RESULTS[found.settings.kind]}


def kill_within(config: Path, root: Path, target: str, delay: float) -> str | None:
    """Starts a run and kills it some time after a node began; the node that was on, None if the run was done."""
    process = subprocess.Popen(command(config, root), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = time.monotonic()
    while process.poll() is None and running(root) != target and time.monotonic() - started < _AT_MOST:
        time.sleep(0.005)
    time.sleep(delay)
    if process.poll() is not None:
        return None
    process.kill()
    process.wait()
    return running(root)


def running(root: Path) -> str | None:
    """The node of the newest run that is on."""
    newest = sorted(root.glob("*/runs/*/run.json"))[-1:]
    try:
        nodes = json.loads(newest[0].read_text())["nodes"] if newest else []
    except (OSError, ValueError):
        nodes = []
    on = [node["id"] for node in nodes if node["state"] == "running"]
    return on[-1] if on else None


if __name__ == "__main__":
    main()

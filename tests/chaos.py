"""Kills runs at random moments and sees that nothing comes of it. Half an hour; `make chaos`.

    python -m tests.chaos [--kills 60] [--seed 0] [--each 5]

Runs of toy data are killed (SIGKILL) while a node chosen beforehand is on, until there were `kills` in all and `each`
in every node. After each kill `run` is called again on the same root. Whenever one gets to its end, its weights and
metrics must be those of an undisturbed run. All the while a loader loads every version that appears in the serving
directory and asks it something, and when a run has ended nothing may be left of the killed ones. Exits 1 at the first
thing that is wrong.
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
from pathlib import Path
from typing import Any

from components.serving.versions import CARDS
from pipeline.runs import manifest
from tests.toys import write_toy_run

ROOT = Path(__file__).resolve().parents[1]

TRAINING = {"epochs": 40, "learning_rate": 0.02, "checkpoint_steps": 7}

_AT_MOST = 3600.0


class Loader(threading.Thread):
    """Loads what appears in a serving directory, as a server would."""

    def __init__(self, serving: Path) -> None:
        super().__init__(daemon=True)
        self._serving, self._stop_asked = serving, threading.Event()
        self.loaded: set[str] = set()
        self.wrong: list[str] = []

    def run(self) -> None:
        """Until `finish`."""
        from components.serving.predictor import Predictor

        while not self._stop_asked.wait(0.01):
            names = [p.name for p in self._serving.iterdir() if p.name.isdecimal()] if self._serving.is_dir() else []
            for name in sorted(set(names) - self.loaded):
                try:
                    (answer,) = Predictor(self._serving / name).predict([("the film is good",)])
                    assert abs(sum(answer["probabilities"].values()) - 1) < 1e-3
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
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draws = random.Random(options.seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as scratch:
        added: dict[str, Any] = {"serving": {"validate": True}, "calibration": {"enabled": True}}
        config = write_toy_run(Path(scratch), training=TRAINING, gate={"min": {"accuracy": 0.01}}, **added)
        undisturbed = finished(config, Path(scratch, "undisturbed"))
        seconds = {node["id"]: node["seconds"] for node in undisturbed["nodes"]}
        wanted = result(undisturbed)
        kills: Counter[str] = Counter(dict.fromkeys(seconds, 0))
        ends, number = 0, 0
        root = Path(scratch, "root0")
        loader = Loader(root / "toy" / "serving" / "toy")
        loader.start()
        while sum(kills.values()) < options.kills or min(kills.values()) < options.each:
            target = min(kills, key=lambda node: (kills[node], draws.random()))
            killed = kill_within(config, root, target, draws.uniform(0, seconds[target]))
            if killed is not None:
                kills[killed] += 1
                print(f"{sum(kills.values()):3} killed in {killed}", flush=True)
                if draws.random() < 0.8:
                    continue
            record = finished(config, root)
            ends += 1
            check(result(record) == wanted, f"{result(record)} instead of {wanted}")
            loader_saw(loader)
            check(len(loader.loaded) == 1, f"{len(loader.loaded)} versions of one model were pushed")
            check(not left_over(root), f"left over by killed runs: {left_over(root)}")
            loader.finish()
            shutil.rmtree(root)
            number += 1
            root = Path(scratch, f"root{number}")
            loader = Loader(root / "toy" / "serving" / "toy")
            loader.start()
        record = finished(config, root)
        check(result(record) == wanted, f"{result(record)} instead of {wanted}")
        loader_saw(loader)
        loader.finish()
    print(json.dumps({"kills": dict(kills), "runs_that_ended": ends + 1, "weights_sha256": wanted["weights_sha256"]}))


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


def left_over(root: Path) -> list[str]:
    """Artifacts under a root that ML Metadata does not know, and what is no version in the serving directory."""
    home = root / "toy"
    with contextlib.closing(sqlite3.connect(home / "metadata.sqlite")) as store:
        known = {uri for (uri,) in store.execute("SELECT uri FROM Artifact")}
    # NODE/KEY/EXECUTION, empty where a node had nothing to give; under NODE/.system TFX keeps what is its own.
    artifacts = (path for path in (home / "artifacts").glob("*/*/*") if path.parent.name != ".system")
    made = [path for path in artifacts if any(inner.is_file() for inner in path.rglob("*"))]
    hidden = [path for path in (home / "serving" / "toy").iterdir() if not path.name.isdecimal() and path.name != CARDS]
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
    return {key: found.result[key] for key in ("weights_sha256", "metrics", "rows")}


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
    newest = sorted(root.glob("toy/runs/*/run.json"))[-1:]
    try:
        nodes = json.loads(newest[0].read_text())["nodes"] if newest else []
    except (OSError, ValueError):
        nodes = []
    on = [node["id"] for node in nodes if node["state"] == "running"]
    return on[-1] if on else None


if __name__ == "__main__":
    main()

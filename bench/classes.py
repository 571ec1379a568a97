"""Evaluator's seconds as the classes and the rows grow: whole runs of a toy model, whose answers cost next to nothing.

    python -m bench.classes [--tasks classification multilabel tagging] [--classes 2 20 150 1000] [--rows 300 5000]

The first number of rows is dev's, the second test's. Writes bench/results/classes.json, and prints the lines of
the table in docs/speed.md.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.common import ROOT, as_toml, keep
from components.tasks.multilabel import LABEL_SEPARATOR
from components.tasks.tagging import OUTSIDE
from tests.toys import write_toy_checkpoint

_METRICS = {"classification": "accuracy", "multilabel": "micro_f1", "tagging": "f1"}
"""Task -> the metric its gate bounds, by 0: the model is to be pushed whatever it has learned."""

_WORDS = 8
"""A row's."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=_METRICS, default=list(_METRICS))
    parser.add_argument("--classes", nargs="+", type=int, default=[2, 20, 150, 1000])
    parser.add_argument("--rows", nargs=2, type=int, default=[300, 5000])
    options = parser.parse_args()
    for task in options.tasks:
        found = {classes: measured(task, classes, options.rows) for classes in options.classes}
        for place, rows in enumerate(options.rows):
            seconds = {str(classes): both[place] for classes, both in found.items()}
            keep("classes", f"{task}, {rows} rows", {"seconds": seconds})
            print(f"| {task}, {rows:,} rows |", " | ".join(f"{value:.1f}" for value in seconds.values()), "|")


def measured(task: str, classes: int, rows: Sequence[int]) -> tuple[float, float]:
    """Evaluator's seconds, and Evaluator.test's, in a run whose dev and test have so many rows."""
    chance = random.Random(0)  # noqa: S311
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_toy_checkpoint(folder / "model")
        sizes = {"train": max(2 * classes, 64), **dict(zip(("dev", "test"), rows, strict=True))}
        for split, size in sizes.items():
            lines = (row(task, place % classes, classes, chance) for place in range(size))
            (folder / f"{split}.tsv").write_text("".join(lines))
        settings = {
            "name": "classes",
            "task": task,
            "data": {**{split: f"{split}.tsv" for split in sizes}, "header": False, "text": 1, "label": 2},
            "model": {"base": "model", "max_length": 16},
            "training": {"epochs": 1},
            "validation": {"max_leaked_share": 1.0},
            "gate": {"min": {_METRICS[task]: 0.0}},
        }
        config = folder / "run.toml"
        config.write_text(as_toml(settings))
        command = [sys.executable, "pipeline_runner.py", "run", "--config", str(config), "--json"]
        command += ["--root", str(folder / "root")]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    nodes = {node["id"]: node["seconds"] for node in json.loads(done.stdout)["nodes"]}
    print(f"{task}, {classes} classes, {rows} rows: {json.dumps(nodes)}", file=sys.stderr, flush=True)
    return nodes["Evaluator"], nodes["Evaluator.test"]


def row(task: str, label: int, classes: int, chance: random.Random) -> str:
    """A line of random letters as words, with this label and, where a row may have several, another one."""
    words = chance.choices("abcdefghijklmnopqrstuvwxyz", k=_WORDS)
    names = [f"kind_{label:04}", f"kind_{chance.randrange(classes):04}"]
    match task:
        case "multilabel":
            field = LABEL_SEPARATOR.join(dict.fromkeys(names))
        case "tagging":
            field = " ".join([OUTSIDE, *(f"B-{name}" for name in names), *[OUTSIDE] * (_WORDS - 3)])
        case _:
            field = names[0]
    return f"{' '.join(words)}\t{field}\n"


if __name__ == "__main__":
    main()

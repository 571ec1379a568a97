"""From a TSV file that nobody has described to a model that answers: `init`, `run`, `predict`, and how good it is.

    python -m bench.first_model [--sets newsgroups reuters-r8]

Five classes of a sample, 80 rows of each in an order that a seed draws, are put into an empty folder as `rows.tsv`. In
it the three commands are run as one types them, each a process, with no option that says anything of the rows. Prints
the minutes until the answer, the macro-F1 of the run's own test, a tenth of the rows, and, after the clock was stopped,
by `evaluate` that of all the published test rows of these classes whose texts are not among the 400. Where other
processes are on, only the CPU time means something. Writes bench/results/first_model.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.common import ROOT, Run, keep, machine

ROWS_OF_EACH = 80

SEED = 1


class Topics(NamedTuple):
    """Five classes of a sample."""

    folder: str
    """Below data/."""
    label: str
    """The column; the other one is `text`."""
    classes: tuple[str, ...]


SETS = {
    # One of each corner of the newsgroups.
    "newsgroups": Topics(
        "newsgroups",
        "group",
        ("comp.graphics", "rec.autos", "sci.med", "soc.religion.christian", "talk.politics.mideast"),
    ),
    # The five that have 80 rows to give.
    "reuters-r8": Topics("reuters_r8", "label", ("acq", "crude", "earn", "money-fx", "trade")),
}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    options = parser.parse_args()
    print(f"{machine()['cpu']}, {machine()['cores']} cores")
    for name in options.sets:
        found = measured(SETS[name])
        print(
            f"{name}: {found['minutes']:.1f} minutes ({found['cpu_seconds']:.0f} s of CPU) from {found['rows']} rows "
            f"in {len(SETS[name].classes)} classes to an answer; macro-F1 {found['test']['macro_f1']:.4f} on the "
            f"run's {found['test']['rows']} rows of test, {found['published']['macro_f1']:.4f} on the "
            f"{found['published']['rows']:,} that are published",
            flush=True,
        )
        keep("first_model", name, found)


def measured(topics: Topics) -> Run:
    """One set: seconds of each command, and the macro-F1 of what came out."""
    columns, known, published = rows_of(topics)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "rows")
        folder.mkdir()
        # Beside it: the commands are to find one file.
        held_out = Path(scratch, "published.tsv")
        for path, rows in ((folder / "rows.tsv", known), (held_out, published)):
            path.write_text("".join(f"{line}\n" for line in (columns, *rows)), encoding="utf-8")
        before = _cpu_seconds()
        seconds = {}
        for name, *words in (
            ("init", "rows.tsv"),
            ("run", "--config", "rows.toml"),
            ("predict", "--model", "rows", "the doctor said that it will pass by itself"),
        ):
            started = time.monotonic()
            answer = _said(folder, name, *words)
            seconds[name] = round(time.monotonic() - started, 1)
        cpu_seconds = _cpu_seconds() - before
        assert any(label in answer for label in topics.classes)  # noqa: S101
        record = json.loads(_said(folder, "show", "rows", "--json"))
        evaluated = json.loads(_said(folder, "evaluate", "--model", "rows", str(held_out), "--json"))
    own = record["evaluations"]["test"]["metrics"]["candidate"][""]
    return {
        "rows": len(known),
        "seconds": seconds,
        "minutes": round(sum(seconds.values()) / 60, 2),
        "cpu_seconds": round(cpu_seconds, 1),
        "chosen": {one["key"]: one["value"] for one in record["training"]["chosen"]},
        "test": {"rows": record["rows"]["test"], "macro_f1": own["macro_f1"], "accuracy": own["accuracy"]},
        "published": {
            "rows": len(published),
            **{name: evaluated["metrics"]["candidate"][""][name] for name in ("macro_f1", "accuracy")},
        },
    }


def rows_of(topics: Topics) -> tuple[str, list[str], list[str]]:
    """The header, the rows that are learned from and those that nobody saw; rows as they stand in the sample."""
    draws = random.Random(SEED)  # noqa: S311
    columns, train = _rows(topics, "train")
    _, test = _rows(topics, "test")
    known = [row for rows in train.values() for row in draws.sample(rows, ROWS_OF_EACH)]
    draws.shuffle(known)
    place = columns.split("\t").index("text")
    texts = {row.split("\t")[place] for row in known}
    return columns, known, [row for rows in test.values() for row in rows if row.split("\t")[place] not in texts]


def _rows(topics: Topics, split: str) -> tuple[str, dict[str, list[str]]]:
    path = ROOT / "data" / topics.folder / f"{split}.tsv"
    columns, *rows = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    place = columns.split("\t").index(topics.label)
    return columns, {label: [row for row in rows if row.split("\t")[place] == label] for label in topics.classes}


def _said(folder: Path, *words: str) -> str:
    """What a command prints that is started in a folder."""
    command = [sys.executable, str(ROOT / "pipeline_runner.py"), *words]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, env=os.environ)  # noqa: S603
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def _cpu_seconds() -> float:
    """Of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

"""What products of bfloat16 do to accuracy: six small sets, three seeds, float32 beside bfloat16.

    python -m bench.precision [--sets intents ...] [--seeds 1 2 3] [--table]

The sets and the training are those of `bench.small_data`, by the defaults. What is reported is the task's first metric
on test, the mean over the seeds in both precisions, and the seeds' spread, greatest less least, in float32: what
`precision = "auto"` takes on a CPU with AMX is as good where the means differ by no more than that. The CPU need not be
faster with bfloat16 for that. Writes bench/results/precision.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from statistics import mean
from typing import Literal

from bench.common import Run, keep, kept, machine
from bench.small_data import BASE, SETS, task_of, trained
from components.common import tensorflow_env
from components.settings.model import Model
from components.settings.training import Training

PRECISIONS: tuple[Literal["float32", "bfloat16"], ...] = ("float32", "bfloat16")


def main() -> None:
    """Trains and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--table", action="store_true", help="print what was measured")
    options = parser.parse_args()
    if not options.table:
        tensorflow_env.set_up()
        for seed in options.seeds:
            for name in options.sets:
                measure(name, seed)
    report()


def measure(name: str, seed: int) -> None:
    """Trains in both precisions; what is there already, made on this machine with these versions, is left out."""
    before = kept("precision", name)
    runs: list[Run] = before["runs"] if before.get("machine") == machine() else []
    for precision in PRECISIONS:
        if not any((run["precision"], run["seed"]) == (precision, seed) for run in runs):
            run = trained(name, Training(seed=seed, precision=precision), Model(base=str(BASE)))
            print(json.dumps({"set": name, **run}), file=sys.stderr, flush=True)
            runs.append({"precision": precision, **run})
            # After each run: a long bench may be stopped.
            keep("precision", name, {"metric": task_of(name).primary_metric.name, "runs": runs})


def report() -> None:
    """Prints what was measured."""
    print(f"{'':16}{'metric':10}{'seeds':>6}{'float32':>9}{'bfloat16':>10}{'difference':>12}{'spread of seeds':>17}")
    for name in SETS:
        found = kept("precision", name)
        tests = {
            precision: {run["seed"]: run["test"] for run in found.get("runs", []) if run["precision"] == precision}
            for precision in PRECISIONS
        }
        plain, half = tests.values()
        seeds = sorted(plain.keys() & half.keys())
        if not seeds:
            continue
        means = [mean(one[seed] for seed in seeds) for one in (plain, half)]
        spread = max(plain.values()) - min(plain.values())
        print(f"{name:16}{found['metric']:10}{len(seeds):>6}{means[0]:>9.3f}{means[1]:>10.3f}", end="")
        print(f"{means[1] - means[0]:>+12.3f}{spread:>17.3f}")


if __name__ == "__main__":
    main()

"""What products of bfloat16 do to accuracy: six small sets, three seeds, float32 beside bfloat16.

    python -m bench.precision [--sets intents ...] [--seeds 1 2 3] [--table]

The sets and the training are those of `bench.small_data`, by the defaults. What is reported is the task's first metric
on test, the mean over the seeds in both precisions, and the seeds' spread, greatest less least, in float32: what
`precision = "auto"` takes on a CPU with AMX is as good where the means differ by no more than that. The CPU need not be
faster with bfloat16 for that. Writes bench/results/precision.json.
"""

from __future__ import annotations

from statistics import mean
from typing import Literal

from bench.common import kept
from bench.small_data import BASE, SETS, command_line, once
from components.settings.model import Model
from components.settings.training import Training

PRECISIONS: tuple[Literal["float32", "bfloat16"], ...] = ("float32", "bfloat16")


def main() -> None:
    """Trains and reports."""
    command_line(__doc__, measure, report)


def measure(name: str, seed: int) -> None:
    """Trains in both precisions."""
    for precision in PRECISIONS:
        training = Training(seed=seed, precision=precision)
        once("precision", name, SETS[name], {"precision": precision}, training, Model(base=str(BASE)))


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

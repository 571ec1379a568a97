"""Throughput of the training by one and by two workers, on this machine.

    python -m bench.workers [--rounds N] [--rows N]

movie reviews, `full`, 32 rows in a batch, whoever shares it; examples/s of the epochs after the first, interleaved.
`cores`: one process with every core, as a run has it. `one`: one process on one core. `two`: two workers on a core
each, on a loopback of their own. `two` over `one` is what a second machine as slow as a core would bring, with the
loopback for its network and the memory shared; `two` over `cores` is what dividing one machine costs. More cannot be
shown on one machine. Writes bench/results/workers.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import train, train_data
from bench.common import Run, interleaved, keep, middle, ratio, settings_of
from components.common import tensorflow_env
from components.common.checkout import ROOT
from tests.network import own_loopback, tf_config

CONFIG = "movie-reviews"


def main() -> None:
    """Runs and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(fit(*options.worker)))
        return
    settings = settings_of(ROOT / "pipeline" / "configs" / train.CONFIGS[CONFIG])
    with tempfile.TemporaryDirectory() as scratch:
        folder = train_data.write_rows(Path(scratch, "rows"), settings, options.rows)
        train.worker("prepare", folder)
        measured = partial(measure, folder, json.dumps({"epochs": options.epochs}))
        first, second, *_ = sorted(os.sched_getaffinity(0))
        contestants: dict[str, Callable[[], Run]] = {
            "cores": partial(measured, [None]),
            "one": partial(measured, [first]),
            "two": partial(measured, [first, second]),
        }
        runs = interleaved(options.rounds, contestants)
    rates = {name: middle(of_one, "examples_per_second") for name, of_one in runs.items()}
    ratios = {f"two over {name}": ratio(runs["two"], runs[name], "examples_per_second") for name in ("one", "cores")}
    for name, rate in rates.items():
        print(f"{name:6}{rate:8.1f} examples/s")
    print(", ".join(f"{name} {value:.2f} x" for name, value in ratios.items()))
    load = os.getloadavg()[2]
    keep("workers", CONFIG, {"examples_per_second": rates, "ratios": ratios, "load_15_minutes": load, "runs": runs})


def measure(folder: Path, overrides: str, cores: list[int | None]) -> Run:
    """What the first of some processes has measured; each has a core of its own, or None for all."""
    with own_loopback() as before:
        running = []
        for number, core in enumerate(cores):
            pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
            words = [*before, *pinned, sys.executable, "-m", "bench.workers", "--worker", str(folder), overrides]
            variables = {**os.environ, **({"TF_CONFIG": tf_config(number)} if len(cores) > 1 else {})}
            running.append(
                subprocess.Popen(  # noqa: S603
                    words, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
                )
            )
        # The last one first: a chief waits for the others, and nobody reads their pipes meanwhile.
        ended = [process.communicate() for process in reversed(running)]
    for process, (_, said) in zip(reversed(running), ended, strict=True):
        if process.returncode:
            sys.exit(f"{process.args!r} failed:\n{said[-3000:]}")
    found: Run = json.loads(ended[-1][0].splitlines()[-1])
    return found


def fit(folder: str, overrides: str) -> Run:
    """The training in this process, with those that TF_CONFIG lists if it is set."""
    tensorflow_env.set_up()
    from components.distributed import cluster, cluster_replicas
    from components.training.replicas import SINGLE_REPLICA

    replicas = (
        cluster_replicas.of_cluster(cluster.of_environment()) if cluster.VARIABLE in os.environ else SINGLE_REPLICA
    )
    return {**train.fit(folder, overrides, replicas=replicas), "replicas": replicas.count}


if __name__ == "__main__":
    main()

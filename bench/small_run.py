"""A whole run on few rows, of which little grows with the rows: the intents that ship, 360 rows.

    python -m bench.small_run [--rounds 3] [--config C]

Each round is `pipeline_runner.py run` in a new folder, in a process of its own. Prints the seconds of each node, of
what is around them (starting Python, imports, checks, the end of the process) and of all, and the CPU time of all:
medians over the rounds. Where other processes are on, only the CPU time means something. Writes
bench/results/small_run.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.common import ROOT, Run, keep, machine, middle, settings_of

AROUND = "around the nodes"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--config", type=Path, default=ROOT / "pipeline/configs/intents.toml")
    options = parser.parse_args()
    runs = []
    for number in range(options.rounds):
        runs.append(measured(options.config))
        print(f"round {number + 1}/{options.rounds}: {json.dumps(runs[-1])}", file=sys.stderr, flush=True)
    nodes = [run["node_seconds"] for run in runs]
    print(f"{machine()['cpu']}, {machine()['cores']} cores, medians of {len(runs)}")
    for node in nodes[0]:
        print(f"{node:18}{middle(nodes, node):7.1f} s")
    print(f"{'in all':18}{middle(runs, 'seconds'):7.1f} s, {middle(runs, 'cpu_seconds'):.1f} s of CPU")
    keep("small_run", settings_of(options.config)["name"], {"runs": runs})


def measured(config: Path) -> Run:
    """One run."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "pipeline_runner.py", "run", "--config", str(config), "--root", scratch, "--json"]
        before, started = _cpu_seconds(), time.monotonic()
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
        seconds = time.monotonic() - started
    record = json.loads(done.stdout)
    nodes = {node["id"]: node["seconds"] for node in record["nodes"]}
    nodes = {AROUND: seconds - sum(nodes.values()), **nodes}
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(_cpu_seconds() - before, 1),
        "node_seconds": {name: round(value, 2) for name, value in nodes.items()},
        "steps_seconds": round(record["training"]["seconds"], 1),
    }


def _cpu_seconds() -> float:
    """Of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

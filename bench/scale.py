"""Time and memory of the data part, ExampleGen to Transform, at 100,000 and at 1,000,000 rows.

    python -m bench.scale [--rows 400 100000 1000000] [--by-beam]

Makes TSV files by repeating the movie reviews with a number behind each, runs the pipeline's data part through TFX's
launcher in a process of its own a size, and writes bench/results/scale.json. Peak memory is the process's, TensorFlow
included, sampled at the end of each node. Seconds of CPU, both cores', hold beside other work too. `--by-beam` has the
nodes' Beam pipelines, in the same process, in place of what goes without.
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
from typing import Any

from bench.common import keep, machine
from components.common import tensorflow_env
from components.common.checkout import ROOT

NODES = ("TsvExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "Transform")

CONFIG = """name = "scale"
[data]
train = "train.tsv"
dev = "{data}/dev.tsv"
labels = ["negative", "positive"]
[model]
base = "{model}"
[gate]
min = {{ accuracy = 0.5 }}
"""


def main() -> None:
    """Measures each size and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--by-beam", action="store_true", help="the Beam pipelines of the nodes")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.by_beam)))
        return
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for rows in options.rows:
            folder = Path(scratch, str(rows))
            write_rows(folder, rows)
            command = [sys.executable, "-m", __spec__.name, "--one", str(folder)]
            command += ["--by-beam"] * options.by_beam
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
            results.append({"rows": rows, "nodes": json.loads(done.stdout.splitlines()[-1])})
    report(results)
    keep("scale", "rows by Beam" if options.by_beam else "rows", {"runs": results})


def write_rows(folder: Path, rows: int) -> None:
    """A train file of so many rows, and the config of a run over it."""
    folder.mkdir()
    data = ROOT / "data" / "movie_reviews"
    lines = (data / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    with (folder / "train.tsv").open("w", encoding="utf-8") as file:
        file.write("text\tlabel\n")
        for index in range(rows):
            _, text, label, _ = lines[index % len(lines)].split("\t")
            file.write(f"{text} {index}\t{label}\n")
    (folder / "run.toml").write_text(CONFIG.format(data=data, model=ROOT / "data" / "minilm"))


def measure(folder: Path, by_beam: bool) -> dict[str, dict[str, float]]:
    """Runs the data part; seconds, those of CPU, and the process's peak memory in MB by node."""
    tensorflow_env.set_up()
    from components.examples import in_process
    from pipeline.config.preflight import check
    from pipeline.runners.launch import CompiledPipeline
    from pipeline.runs.manifest import collect
    from pipeline.runs.paths import PipelinePaths

    checked = check(folder / "run.toml")
    paths = PipelinePaths.of(checked.run, folder)
    paths.home.mkdir()
    compiled = CompiledPipeline.of(checked, paths, collect(checked, "bench", ""))
    if by_beam:
        # No pipeline has this argument.
        in_process.RUNNER = ""
    measured: dict[str, dict[str, float]] = {}
    for node in NODES:
        started, cpu = time.monotonic(), time.process_time()
        compiled.launch(node)
        measured[node] = {
            "seconds": round(time.monotonic() - started, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    return measured


def report(results: list[dict[str, Any]]) -> None:
    """Prints a line a node: seconds, those of CPU, and memory at each size, and how far from linear the time grows."""
    print(machine()["cpu"])
    print(f"{'':18}" + "".join(f"{result['rows']:>24,} rows" for result in results) + f"{'x linear':>10}")
    for node in (*NODES, "together"):
        measured = [_together(r["nodes"]) if node == "together" else r["nodes"][node] for r in results]
        cells = "".join(
            f"{one['seconds']:>9.1f} s{one['cpu_seconds']:>7.1f} s{one['peak_mb']:>6} MB" for one in measured
        )
        rows = results[-1]["rows"] / results[0]["rows"]
        print(f"{node:18}{cells}{measured[-1]['seconds'] / max(0.01, measured[0]['seconds']) / rows:>10.2f}")


def _together(nodes: dict[str, dict[str, float]]) -> dict[str, float]:
    """Of all nodes."""
    sums = {key: sum(node[key] for node in nodes.values()) for key in ("seconds", "cpu_seconds")}
    return {**sums, "peak_mb": max(node["peak_mb"] for node in nodes.values())}


if __name__ == "__main__":
    main()

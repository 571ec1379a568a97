"""Time and memory of ExampleGen and Transform at 100,000 and at 1,000,000 rows.

    python -m bench.scale [--rows 100000 1000000]

Makes TSV files by repeating the movie reviews with a number behind each, runs the pipeline's data part through TFX's
launcher in a process of its own a size, and writes bench/results/scale.json. Peak memory is the process's, TensorFlow
included, sampled at the end of each node.
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

from bench.common import keep
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
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one)))
        return
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for rows in options.rows:
            folder = Path(scratch, str(rows))
            write_rows(folder, rows)
            command = [sys.executable, "-m", __spec__.name, "--one", str(folder)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
            results.append({"rows": rows, "nodes": json.loads(done.stdout.splitlines()[-1])})
    report(results)
    keep("scale", "rows", {"runs": results})


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


def measure(folder: Path) -> dict[str, dict[str, float]]:
    """Runs the data part; seconds and the process's peak memory in MB by node."""
    tensorflow_env.set_up()
    from pipeline.config.preflight import check
    from pipeline.runners.launch import CompiledPipeline
    from pipeline.runs.manifest import collect
    from pipeline.runs.paths import PipelinePaths

    checked = check(folder / "run.toml")
    paths = PipelinePaths.of(checked.run, folder)
    paths.home.mkdir()
    compiled = CompiledPipeline.of(checked, paths, collect(checked, "bench", ""))
    measured: dict[str, dict[str, float]] = {}
    for node in NODES:
        started = time.monotonic()
        compiled.launch(node)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        measured[node] = {"seconds": round(time.monotonic() - started, 2), "peak_mb": round(peak)}
    return measured


def report(results: list[dict[str, Any]]) -> None:
    """Prints a line a node: seconds and memory at each size, and how far from linear the time grows."""
    sizes = "".join(f"{result['rows']:>14,} rows" for result in results)
    print(f"{'':18}{sizes}{'x linear':>12}")
    for node in NODES:
        cells = "".join(f"{r['nodes'][node]['seconds']:>9.1f} s{r['nodes'][node]['peak_mb']:>5} MB" for r in results)
        first, last = results[0], results[-1]
        ratio = last["nodes"][node]["seconds"] / first["nodes"][node]["seconds"] / (last["rows"] / first["rows"])
        print(f"{node:18}{cells}{ratio:>12.2f}")


if __name__ == "__main__":
    main()

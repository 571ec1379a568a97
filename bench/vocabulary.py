"""Time and memory of a vocabulary's run at 100,000 and at 1,000,000 documents.

    python -m bench.vocabulary [--rows 100000 1000000]

Makes documents of some thirty words, one a line, from the messages of 20 Newsgroups: the same language, and so the same
different words, at every size. Runs the nodes through TFX's launcher in a process of its own a size, and writes
bench/results/vocabulary.json: seconds, CPU seconds and peak memory of each node, and the tokens' sha256, of two runs.
Peak memory is the process's, TensorFlow included, sampled at the end of each node.
"""

from __future__ import annotations

import argparse
import hashlib
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

NODES = ("CorpusExampleGen", "CorpusValidator", "WordCounter", "VocabularyLearner", "VocabularyEvaluator")

_WORDS = 30
"""Of a document."""

CONFIG = """name = "scale"
kind = "vocabulary"
[corpus]
files = "documents.txt"
format = "lines"
splitter = "lines"
max_one_sentence_share = 1.0
max_duplicate_share = 1.0
[vocabulary]
size = 8000
min_count = 3
[gate]
max = { unknown_share = 1.0 }
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
            runs = []
            for number in (1, 2):
                folder = Path(scratch, f"{rows}-{number}")
                write_documents(folder, rows)
                command = [sys.executable, "-m", __spec__.name, "--one", str(folder)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
                runs.append(json.loads(done.stdout.splitlines()[-1]))
            same = runs[0]["tokens_sha256"] == runs[1]["tokens_sha256"]
            results.append({"rows": rows, **runs[0], "same_bytes_in_two_runs": same})
    report(results)
    keep("vocabulary", "rows", {"runs": results})


def write_documents(folder: Path, rows: int) -> None:
    """A file of so many documents, and the config of a run over it."""
    folder.mkdir()
    lines = (ROOT / "data" / "newsgroups" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    words = " ".join(line.split("\t")[0] for line in lines).split(" ")
    with (folder / "documents.txt").open("w", encoding="utf-8") as file:
        for index in range(rows):
            # Another part of the messages each time they have come to their end.
            first = (index * _WORDS + index * _WORDS // len(words) * 7) % (len(words) - _WORDS)
            file.write(" ".join(words[first : first + _WORDS]) + "\n")
    (folder / "run.toml").write_text(CONFIG)


def measure(folder: Path) -> dict[str, Any]:
    """Runs the nodes: seconds, CPU seconds and the process's peak memory in MB by node; and the tokens' hash."""
    tensorflow_env.set_up()
    from pipeline.config.preflight import check_any
    from pipeline.runners.launch import CompiledPipeline
    from pipeline.runs.manifest import collect
    from pipeline.runs.paths import PipelinePaths

    checked = check_any(folder / "run.toml")
    paths = PipelinePaths.of(checked.run, folder)
    paths.home.mkdir()
    compiled = CompiledPipeline.of(checked, paths, collect(checked, "bench", ""))
    measured: dict[str, dict[str, float]] = {}
    for node in NODES:
        started, cpu = time.monotonic(), time.process_time()
        compiled.launch(node)
        measured[node] = {
            "seconds": round(time.monotonic() - started, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    (tokens,) = paths.artifacts.glob("VocabularyLearner/model/*/*/vocab.txt")
    return {"nodes": measured, "tokens_sha256": hashlib.sha256(tokens.read_bytes()).hexdigest()}


def report(results: list[dict[str, Any]]) -> None:
    """Prints a line a node: CPU seconds and memory at each size; how memory grows, and time against the documents."""
    sizes = "".join(f"{result['rows']:>17,} rows" for result in results)
    print(f"{'':20}{sizes}{'x memory':>10}{'x linear':>10}")
    rows = results[-1]["rows"] / results[0]["rows"]
    for node in NODES:
        of_node = [result["nodes"][node] for result in results]
        cells = "".join(f"{one['cpu_seconds']:>12.1f} s{one['peak_mb']:>5} MB" for one in of_node)
        memory, cpu = (of_node[-1][key] / of_node[0][key] for key in ("peak_mb", "cpu_seconds"))
        print(f"{node:20}{cells}{memory:>10.2f}{cpu / rows:>10.2f}")
    print(f"same bytes in two runs: {all(result['same_bytes_in_two_runs'] for result in results)}")


if __name__ == "__main__":
    main()

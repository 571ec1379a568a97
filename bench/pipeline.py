"""The whole pipeline, TSV files to pushed model, against the peer's training and evaluation: wall time, accuracy.

    python -m bench.pipeline [--config C] [--seeds 1 2 3 4 5] [--strategies full freeze_layers head] [--without-peer]
                             [--table]

Ours is `pipeline_runner.py run` in a new folder, and once more, fully from cache. The peer is Hugging Face's Trainer,
`grouped`, on the same files, weights, learning rate, epochs, batch and seed. Interleaved, a round a seed. With other
strategies than `full` ours runs alone. Writes bench/results/pipeline.json, or accuracy.json without the peer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

from bench.common import ROOT, Run, as_toml, keep, kept, last_json, machine, peer_trainer, settings_of
from components.common.cpu import resolved_precision
from components.settings.model import Model
from components.settings.training import Training

# A run whose modules are there already: what it takes beyond the imports.
_CACHED_RUN = """
import contextlib, io, json, sys, time
from components.common import tensorflow_env
tensorflow_env.set_up()
import pipeline_runner, pipeline.runners.launch, pipeline.reports.run_report
import pipeline.commands.run, components.nodes.evaluator, components.nodes.trainer
started = time.monotonic()
with contextlib.redirect_stdout(io.StringIO()):
    status = pipeline_runner.main(sys.argv[1:])
assert status == 0, status
print(json.dumps({"seconds": time.monotonic() - started}))
"""

ADDED = ("Calibration", "ServingValidator")
"""The nodes that stand between a training and its verdict, and can be left out by a key."""

STRATEGIES: dict[str, dict[str, Any]] = {
    "full": {},
    "freeze_layers": {"strategy": "freeze_layers", "freeze_layers": 3, "learning_rate": 1e-4},
    "head": {"strategy": "head", "learning_rate": 1e-2, "epochs": 5},
}


def main() -> None:
    """Runs every strategy with every seed and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=["full"])
    parser.add_argument("--config", type=Path, default=ROOT / "pipeline/configs/movie_reviews.toml")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--table", action="store_true", help="print what was measured")
    options = parser.parse_args()
    settings = settings_of(options.config)
    # Runs that were not interleaved with the peer's are kept apart from those that were.
    name = "accuracy" if options.without_peer else "pipeline"
    before = kept(name, settings["name"])
    runs: list[Run] = before["runs"] if options.table or before.get("machine") == machine() else []
    for seed in () if options.table else options.seeds:
        for strategy in options.strategies:
            contestants: list[Callable[[], Run]] = [partial(ours, options.config, settings, strategy, seed)]
            if strategy == "full" and not options.without_peer:
                contestants.append(partial(peer, options.config, settings, seed))
            for contestant in contestants:
                run = contestant()
                print(json.dumps(run), file=sys.stderr, flush=True)
                kind = [run[key] for key in ("who", "strategy", "seed")]
                runs = [other for other in runs if [other[key] for key in ("who", "strategy", "seed")] != kind] + [run]
                # After each run: a long bench may be stopped.
                keep(name, settings["name"], {"runs": runs})
    report(runs)


def ours(config: Path, settings: dict[str, Any], strategy: str, seed: int) -> Run:
    """One run of the pipeline, and a second one over what it left."""
    training = settings.get("training", {}) | STRATEGIES[strategy] | {"seed": seed}
    varied = {**settings, "training": training, "gate": {"min": {"accuracy": 0.01}}}
    # Beside the original, because paths in a config are relative to it.
    path = config.with_name(f".bench-{os.getpid()}.toml")
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "pipeline_runner.py", "run", "--config", str(path), "--root", scratch, "--json"]
        try:
            path.write_text(as_toml(varied))
            record, seconds = _timed(command)
            again, cached_seconds = _timed(command)
            assert all(node["state"] == "cached" for node in again["nodes"]), again["nodes"]  # noqa: S101
            beyond_imports = last_json([sys.executable, "-c", _CACHED_RUN, *command[2:]])["seconds"]
        finally:
            path.unlink(missing_ok=True)
    history = record["training"]
    dev = record["evaluations"]["dev"]["metrics"]["candidate"][""]
    return {
        "who": "ours",
        "strategy": strategy,
        "seed": seed,
        "accuracy": {s: e["metrics"]["candidate"][""]["accuracy"] for s, e in record["evaluations"].items()},
        "dev_loss": dev["loss"],
        "trainable_parameters": history["trainable_parameters"],
        "examples_per_second": round(history["examples_per_second"], 1),
        "train_seconds": round(history["seconds"], 1),
        "total_seconds": round(seconds, 1),
        "node_seconds": {node["id"]: round(node["seconds"], 1) for node in record["nodes"]},
        "cached_total_seconds": round(cached_seconds, 1),
        "cached_beyond_imports": round(beyond_imports, 2),
    }


def peer(config: Path, settings: dict[str, Any], seed: int) -> Run:
    """One run of the peer on the same files with the same settings, in the precision that ours takes."""
    data, training, model = settings["data"], Training(**settings["training"]), Model(**settings["model"])
    command = [*peer_trainer(), "--model", config.parent / model.base]
    command += ["--data", (config.parent / data["train"]).parent, "--text", data.get("text", "text")]
    command += ["--label", data.get("label", "label"), "--mode", "grouped", "--lr", training.learning_rate]
    command += ["--epochs", training.epochs, "--batch", training.batch_size, "--seed", seed]
    command += ["--max-length", model.max_length]
    command += ["--bf16"] if resolved_precision(training.precision) == "bfloat16" else []
    return {"who": "peer", "strategy": "full", **last_json(command)}


def _timed(command: list[str]) -> tuple[Run, float]:
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return json.loads(done.stdout), time.monotonic() - started


def report(runs: list[Run]) -> None:
    """Prints a line a kind of run: means of the accuracies, medians of the times."""
    print(
        f"{'':20}{'seeds':>6}{'dev':>9}{'test':>9}{'trained':>13}{'examples/s':>12}{'seconds':>9}{'cached':>8}", end=""
    )
    print(f"{'beyond imports':>16}")
    for who, strategy in dict.fromkeys((run["who"], run["strategy"]) for run in runs):
        of_kind = [run for run in runs if (run["who"], run["strategy"]) == (who, strategy)]
        dev, test = (mean(run["accuracy"].get(split, float("nan")) for run in of_kind) for split in ("dev", "test"))
        speed, seconds = (median(run[key] for run in of_kind) for key in ("examples_per_second", "total_seconds"))
        trained = f"{of_kind[0]['trainable_parameters']:,}" if who == "ours" else ""
        cached = beyond = ""
        if who == "ours":
            cached, beyond = (
                f"{median(run[key] for run in of_kind):.1f}"
                for key in ("cached_total_seconds", "cached_beyond_imports")
            )
        print(f"{who + ' ' + strategy:20}{len(of_kind):>6}{dev:>9.4f}{test:>9.4f}{trained:>13}", end="")
        print(f"{speed:>12.1f}{seconds:>9.0f}{cached:>8}{beyond:>16}")
    whole = [run for run in runs if run["who"] == "ours" and run["strategy"] == "full"]
    if whole and all(node in run["node_seconds"] for run in whole for node in ADDED):
        taken = median(sum(run["node_seconds"][node] for node in ADDED) / run["total_seconds"] for run in whole)
        print(f"\n{' and '.join(ADDED)}: {taken:.1%} of a whole run of ours")


if __name__ == "__main__":
    main()

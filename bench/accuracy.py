"""Accuracy and speed of each strategy on the movie reviews, and of the peer on the same files.

    python bench/accuracy.py [--seeds 1 2 3] [--only full head ...] [--peer ENVIRONMENT] [--config C]

Runs the real pipeline by its command line, one run a strategy and seed, in a folder of its own; data nodes come from
cache after the first. With --peer, the python of an environment that has torch, transformers, accelerate and datasets,
the peer script runs on the same files after each of ours. Prints a table and writes bench/results/accuracy-NAME.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path
from statistics import mean
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PEER = ROOT.parent / "shared" / "bench" / "hf_reference.py"
CPU_INFO = Path("/proc/cpuinfo")
STRATEGIES: dict[str, dict[str, Any]] = {
    "full": {},
    "freeze_layers": {"strategy": "freeze_layers", "freeze_layers": 3, "learning_rate": 1e-4},
    "head": {"strategy": "head", "learning_rate": 1e-2, "epochs": 5},
}


def main() -> None:
    """Runs what is asked for and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--only", nargs="+", choices=STRATEGIES, default=list(STRATEGIES))
    parser.add_argument("--peer", type=Path, metavar="PYTHON")
    parser.add_argument("--config", type=Path, default=ROOT / "pipeline/configs/movie_reviews.toml")
    options = parser.parse_args()
    settings = tomllib.loads(options.config.read_text())
    target = ROOT / "bench" / "results" / f"accuracy-{settings['name']}.json"
    runs: list[dict[str, Any]] = json.loads(target.read_text())["runs"] if target.exists() else []
    with tempfile.TemporaryDirectory() as scratch:
        for strategy in options.only:
            for seed in options.seeds:
                keep(runs, ours(options.config, settings, strategy, seed, Path(scratch)), target)
                if options.peer and strategy == "full":
                    keep(runs, peer(options.peer, options.config, settings, seed, Path(scratch)), target)
    report(runs)


def keep(runs: list[dict[str, Any]], run: dict[str, Any], target: Path) -> None:
    """Adds a run to the results in place of an older one of its kind, and writes them: a long bench may be stopped."""
    print(json.dumps(run), file=sys.stderr)
    kind = [run[key] for key in ("who", "strategy", "seed")]
    runs[:] = [other for other in runs if [other[key] for key in ("who", "strategy", "seed")] != kind] + [run]
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"machine": machine(), "runs": runs}, indent=1) + "\n")


def ours(config: Path, settings: dict[str, Any], strategy: str, seed: int, scratch: Path) -> dict[str, Any]:
    """One run of the pipeline."""
    training = settings.get("training", {}) | STRATEGIES[strategy] | {"seed": seed}
    varied = {**settings, "training": training, "gate": {"min": {"accuracy": 0.01}}}
    # Beside the original, because paths in a config are relative to it.
    path = config.with_name(f".bench-{os.getpid()}.toml")
    try:
        path.write_text(as_toml(varied))
        command = [sys.executable, "pipeline_runner.py", "run", "--config", str(path), "--root", str(scratch), "--json"]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    finally:
        path.unlink(missing_ok=True)
    record = json.loads(done.stdout)
    history = record["training"]
    return {
        "who": "ours",
        "strategy": strategy,
        "seed": seed,
        "accuracy": {s: e["metrics"]["candidate"][""]["accuracy"] for s, e in record["evaluations"].items()},
        "dev_loss": record["evaluations"]["dev"]["metrics"]["candidate"][""]["loss"],
        "trainable_parameters": history["trainable_parameters"],
        "examples_per_second": round(history["examples_per_second"], 1),
        "training_seconds": round(history["seconds"], 1),
        "run_seconds": round(record["seconds"], 1),
    }


def peer(python: Path, config: Path, settings: dict[str, Any], seed: int, scratch: Path) -> dict[str, Any]:
    """One run of the peer on the same files with the same settings."""
    data, training = settings["data"], settings["training"]
    command = [str(python), str(PEER), "--model", str(config.parent / settings["model"]["base"])]
    command += ["--data", str((config.parent / data["train"]).parent), "--text", data.get("text", "text")]
    command += ["--label", data.get("label", "label"), "--mode", "grouped", "--lr", str(training["learning_rate"])]
    command += [
        "--epochs",
        str(training["epochs"]),
        "--batch",
        str(training.get("batch_size", 32)),
        "--seed",
        str(seed),
    ]
    environment = {**os.environ, "TMPDIR": str(scratch), "HF_HOME": str(scratch / "hf")}
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603
    return {"who": "peer", "strategy": "full", **json.loads(done.stdout.splitlines()[-1])}


def report(runs: list[dict[str, Any]]) -> None:
    """Prints a line a kind of run: means over its seeds."""
    print(f"{'':22}{'seeds':>6}{'dev':>9}{'test':>9}{'trained':>13}{'examples/s':>12}")
    for who, strategy in dict.fromkeys((run["who"], run["strategy"]) for run in runs):
        of_kind = [run for run in runs if (run["who"], run["strategy"]) == (who, strategy)]
        dev, test = (mean(run["accuracy"].get(split, float("nan")) for run in of_kind) for split in ("dev", "test"))
        speed = mean(run["examples_per_second"] for run in of_kind)
        trained = f"{of_kind[0]['trainable_parameters']:,}" if who == "ours" else ""
        print(f"{who + ' ' + strategy:22}{len(of_kind):>6}{dev:>9.4f}{test:>9.4f}{trained:>13}{speed:>12.1f}")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    cpu = next(
        (line.split(":")[1].strip() for line in CPU_INFO.read_text().splitlines() if line.startswith("model name")), ""
    )
    versions = {name: metadata.version(name) for name in ("tensorflow", "keras", "tfx", "apache-beam")}
    return {"cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(), **versions}


def as_toml(values: dict[str, Any]) -> str:
    """A config's tables as TOML: JSON's strings, numbers and lists are TOML's too."""
    lines = [f"{key} = {inline(value)}" for key, value in values.items() if not isinstance(value, dict)]
    for table, content in values.items():
        if isinstance(content, dict):
            lines += [f"[{table}]", *(f"{key} = {inline(value)}" for key, value in content.items())]
    return "\n".join(lines) + "\n"


def inline(value: Any) -> str:
    """One value as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {inline(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


if __name__ == "__main__":
    main()

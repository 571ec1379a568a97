"""Training side by side with the peer, and what bounds it.

    python -m bench.train [--rounds 5] [--only movie-reviews reuters-r8 base-size head ...]

movie-reviews, reuters-r8: examples/s of a full fine-tune against Hugging Face's Trainer with the same weights, batch
and learning rate, all texts truncated to 128 tokens, in interleaved rounds. The peer trains on the whole file, but for
no more steps than one of its groups of rows of similar length has; ours on rows drawn at random from the file. Ours
counts the second of two epochs, because the first one holds the tracing of the graph, some seconds whatever the number
of rows; the ratio with the first epoch stands beside it. base-size: the same with a BERT of 12 layers and width 768 of
random values. head: epochs after the first against those of `full`.
utilisation: FLOP/s at 128 tokens over the matrix product's peak, measured in the same process. memory: the Trainer's
peak at ten times the rows. On a CPU with AMX both run once more with bfloat16. Writes bench/results/train.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.common import Run, interleaved, keep, last_json, middle, peer_trainer, ratio, settings_of, worked
from bench.train_data import BATCH, MAX_LENGTH, SAMPLE_BASE, one_layer, random_base, write_rows
from bench.utilisation import by_turns, layer_flop
from components.common.checkout import ROOT
from components.common.cpu import resolved_precision

CONFIGS = {
    "movie-reviews": "movie_reviews.toml",
    "reuters-r8": "reuters_r8.toml",
    "base-size": "movie_reviews.toml",
}

ROWS = {"movie-reviews": 1600, "reuters-r8": 640, "base-size": 320, "head": 480}

MOST_STEPS = {"base-size": 10}
"""Of the peer; else 50."""

PADDED_STEPS = 10
"""Every batch of the padded peer costs the same."""


def main() -> None:
    """Runs what is asked for and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = [*CONFIGS, "head", "utilisation", "memory"]
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if worked(options.worker, {"prepare": prepare, "fit": fit, "utilisation": measure_utilisation}):
        return
    others: dict[str, Callable[[Path, int], None]] = {"head": head, "utilisation": utilisation, "memory": memory}
    with tempfile.TemporaryDirectory() as scratch:
        for part in options.only:
            if part in CONFIGS:
                against_peer(part, Path(scratch), options.rounds)
            else:
                others[part](Path(scratch), options.rounds)


def worker(*arguments: object) -> Run:
    """A process of its own for each measurement of ours."""
    return last_json([sys.executable, "-m", __spec__.name, "--worker", *map(str, arguments)])


def against_peer(name: str, scratch: Path, rounds: int) -> None:
    """Examples/s, interleaved; once more with bfloat16 where the CPU has AMX."""
    settings = settings_of(ROOT / "pipeline" / "configs" / CONFIGS[name])
    base = random_base(scratch / "random") if name == "base-size" else SAMPLE_BASE
    folder = write_rows(scratch / name, settings, ROWS[name], base=base)
    whole = write_rows(scratch / f"{name}-whole", settings, None)
    rows = len((whole / "train.tsv").read_text(encoding="utf-8").splitlines()) - 1
    worker("prepare", folder)
    # As many batches as LengthGroupedSampler of transformers 5 sorts by length together.
    grouped = min(rows // (4 * BATCH), MOST_STEPS.get(name, 50))
    rate = settings["training"]["learning_rate"]
    for precision in dict.fromkeys(("float32", resolved_precision("auto"))):
        contestants = {
            "ours": partial(worker, "fit", folder, json.dumps({"epochs": 2, "precision": precision})),
            "grouped": partial(peer, base, whole, rows, "grouped", rate, grouped, precision),
        }
        if name == "movie-reviews" and precision == "float32":
            contestants["padded"] = partial(peer, base, whole, rows, "padded", rate, PADDED_STEPS, precision)
        runs = interleaved(rounds, contestants)
        rates = {who: middle(of_one, "examples_per_second") for who, of_one in runs.items()}
        ratios = {who: ratio(runs["ours"], of_one, "examples_per_second") for who, of_one in runs.items()}
        first = middle(runs["ours"], "first_epoch_examples_per_second")
        for who, of_one in rates.items():
            print(f"{name:14} {precision:9}{who:8} {of_one:7.1f} examples/s   ours is {ratios[who]:.2f} x", end="")
            print(f", {first / of_one:.2f} x in a first epoch of {ROWS[name]} rows")
        part = name if precision == "float32" else f"{name}-{precision}"
        keep("train", part, {"examples_per_second": rates, "ours_over": ratios, "runs": runs})


def peer(base: Path, folder: Path, rows: int, mode: str, rate: float, steps: int, precision: str) -> Run:
    """Some steps of the peer, which is told epochs and rounds the steps in them up."""
    command = [*peer_trainer(), "--model", base, "--data", folder, "--text", "text"]
    command += ["--label", "label", "--mode", mode, "--lr", rate, "--epochs", f"{epochs_of(steps, rows):.5f}"]
    run = last_json([*command, "--batch", BATCH, *(["--bf16"] if precision == "bfloat16" else [])])
    return {**run, "steps": steps, "examples_per_second": round(steps * BATCH / run["train_seconds"], 1)}


def epochs_of(steps: int, rows: int) -> float:
    """The epochs in which Hugging Face's Trainer does so many steps."""
    return (steps - 0.5) / math.ceil(rows / BATCH)


def head(scratch: Path, rounds: int) -> None:
    """Epochs after the first: `head` and `freeze_layers` on what they keep, against `full`."""
    settings = settings_of(ROOT / "pipeline" / "configs" / CONFIGS["movie-reviews"])
    folder = write_rows(scratch / "head", settings, ROWS["head"])
    worker("prepare", folder)
    strategies = {
        "full": {"epochs": 2},
        "freeze_layers": {"epochs": 3, "strategy": "freeze_layers", "freeze_layers": 3},
        "head": {"epochs": 6, "strategy": "head"},
    }
    runs = interleaved(rounds, {name: partial(worker, "fit", folder, json.dumps(s)) for name, s in strategies.items()})
    rates = {name: middle(of_one, "examples_per_second") for name, of_one in runs.items()}
    for name, rate in rates.items():
        print(f"{name:14} {rate:9.1f} examples/s after the first epoch   {rate / rates['full']:.1f} x full")
    keep("train", "head", {"examples_per_second": rates, "over_full": rates["head"] / rates["full"], "runs": runs})


def utilisation(scratch: Path, rounds: int) -> None:
    """Useful FLOP/s over the peak."""
    del scratch
    found = worker("utilisation", rounds)
    for pooling, share in found["utilisation"].items():
        print(
            f"utilisation at {MAX_LENGTH} tokens, {pooling} pooling: {share:.0%} of {found['peak_gflops']:.0f} GFLOP/s"
        )
    keep("train", "utilisation", found)


def memory(scratch: Path, rounds: int) -> None:
    """The peak of the process that trains, on the rows and on ten times as many.

    `full` goes 20 steps, since it keeps nothing of a row. `head` keeps a state of every row, and so computes all of
    them, through the first layer of the sample weights alone: the states are as large as behind six.
    """
    del rounds
    shallow = one_layer(scratch / "one-layer")
    settings = settings_of(ROOT / "pipeline" / "configs" / CONFIGS["movie-reviews"])
    found: dict[str, Any] = {}
    strategies = {"full": {"steps": 20}, "head": {"strategy": "head", "epochs": 1}}
    for times in (1, 10):
        folder = write_rows(scratch / f"memory-{times}", settings, None, times, times)
        worker("prepare", folder)
        for strategy, training in strategies.items():
            run = worker("fit", folder, json.dumps(training), *([shallow] if strategy == "head" else []))
            found.setdefault(strategy, {})[run["rows"]] = run["peak_mb"]
    ratios = {strategy: max(peaks.values()) / min(peaks.values()) for strategy, peaks in found.items()}
    for strategy, peaks in found.items():
        print(f"memory of Trainer, {strategy}: {peaks} MB by rows, {ratios[strategy]:.2f} x")
    keep("train", "memory", {"peak_mb": found, "ratios": ratios})


def prepare(folder: str) -> Run:
    """Runs the pipeline up to Transform; where the rest finds what it made goes to a file."""
    from pipeline.config.preflight import check
    from pipeline.runners.launch import CompiledPipeline
    from pipeline.runs.manifest import collect
    from pipeline.runs.paths import PipelinePaths

    checked = check(Path(folder, "run.toml"))
    paths = PipelinePaths.of(checked.run, Path(folder))
    paths.home.mkdir(parents=True)
    compiled = CompiledPipeline.of(checked, paths, collect(checked, "bench", ""))
    outputs = {}
    for node in compiled.node_ids[: compiled.node_ids.index("Transform") + 1]:
        outputs = compiled.launch(node).outputs
    Path(folder, "transformed.json").write_text(json.dumps(outputs))
    return {}


def fit(folder: str, overrides: str, base: str = "", replicas: Any = None) -> Run:
    """The Trainer's work but for the export, on transformed examples; alone, or with the replicas of a group.

    `base`: another base model than the run's, of the same tokenizer.
    """
    import numpy as np
    import tensorflow_transform as tft

    from components import tasks
    from components.settings.model import Model
    from components.settings.training import Training
    from components.training import initial_model, loop
    from components.training.dataset import Rows
    from components.training.replicas import SINGLE_REPLICA

    outputs = json.loads(Path(folder, "transformed.json").read_text())
    examples, graph = outputs["transformed_examples"][0], outputs["transform_graph"][0]
    run = settings_of(Path(folder, "run.toml"))
    training = Training(**{**run["training"], **json.loads(overrides)})
    spec, task = tft.TFTransformOutput(graph).transformed_feature_spec(), tasks.read(graph)
    with tempfile.TemporaryDirectory() as scratch:
        train, dev = (
            Rows.of_examples([f"{examples}/Split-{split}/*"], spec, task, Path(scratch, split))
            for split in ("train", "dev")
        )
        model = initial_model.build_model(Path(base or run["model"]["base"]), Model(**run["model"]), training, task)
        weights = np.ones(len(task.labels), np.float32)
        here = Path(scratch)
        history = loop.fit(model, train, dev, training, weights, here, here, None, replicas or SINGLE_REPLICA)
    later = history.epoch_seconds[1:] or history.epoch_seconds
    return {
        "rows": len(train),
        "tokens_per_row": round(float(train.lengths.mean()), 1),
        "examples_per_second": round(len(train) / median(later), 1),
        "first_epoch_examples_per_second": round(len(train) / (history.epoch_seconds[0] + history.frozen_seconds), 1),
        "epoch_seconds": [round(seconds, 2) for seconds in history.epoch_seconds],
        "frozen_seconds": round(history.frozen_seconds, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def measure_utilisation(rounds: str) -> Run:
    """Seconds a step and the peak, by turns."""
    import numpy as np

    draws = np.random.default_rng(0)
    ids = draws.integers(1000, 30_000, (BATCH, MAX_LENGTH)).astype(np.int32)
    mask, label_ids = np.ones(ids.shape, bool), draws.integers(0, 2, BATCH).astype(np.int32)
    found = {pooling: one_step(pooling, label_ids) for pooling in ("cls", "mean")}
    config = found["cls"][1]
    steps = {pooling: partial(step, ids, mask, label_ids) for pooling, (step, _) in found.items()}
    measured = by_turns(steps, int(rounds))
    hidden, layers = config.hidden_size, config.num_hidden_layers
    useful = dict.fromkeys(steps, ids.size * layers * layer_flop(config, MAX_LENGTH))
    # With cls pooling the last layer has only the keys and values of every token, and the scores of the first.
    useful["cls"] -= ids.size * (layer_flop(config, MAX_LENGTH) - 6 * 2 * hidden**2)
    return {
        "peak_gflops": round(measured.peak / 1e9, 1),
        "gflop": {pooling: round(flop / 1e9, 1) for pooling, flop in useful.items()},
        "step_ms": {pooling: [round(1e3 * s) for s in of_one] for pooling, of_one in measured.seconds.items()},
        "utilisation": {pooling: measured.share(pooling, flop) for pooling, flop in useful.items()},
    }


def one_step(pooling: Any, label_ids: Any) -> tuple[Callable[..., Any], Any]:
    """A step of a full fine-tune, and the shape of its encoder."""
    import numpy as np

    from components.model.freezing import freeze
    from components.settings.model import Model
    from components.settings.training import Training
    from components.tasks.classification import Classification
    from components.training.dataset import Rows
    from components.training.initial_model import build_model
    from components.training.replicas import SINGLE_REPLICA
    from components.training.state import model_copies
    from components.training.step import BatchLoss, StagedSteps
    from components.training.trainable_part import trainable_part

    training, task = Training(), Classification(("no", "yes"))
    model = build_model(SAMPLE_BASE, Model(base="", pooling=pooling), training, task)
    freeze(model, training)
    rows = Rows(Path(os.devnull), np.zeros(0, np.int32), label_ids)
    part, *_ = trainable_part(model, rows, rows, Path())
    copies = model_copies(part, [model], SINGLE_REPLICA, training, steps=1000, starts={})
    return StagedSteps(copies, {}, BatchLoss(task, np.ones(2, np.float32))).step(1), model.encoder.config


if __name__ == "__main__":
    main()

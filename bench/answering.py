"""Answers in texts beside Hugging Face's run_qa: same rows, weights, batch, learning rate and epochs.

    python -m bench.answering [--seeds 1 2 3] [--short] [--without-peer]

Ours is `pipeline_runner.py run` with the config that ships. Both answer the 300 questions of test, and are measured by
the same code, which is that of SQuAD 2.0. Writes bench/results/answering.json; `--short` trains 64 rows of each for an
epoch and writes nothing. `python -m bench.answering --table` prints what is there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from bench.common import ROOT, Run, keep, kept, last_json, machine, peer_program, settings_of
from bench.runs import beside, carried_out
from components.settings.model import Model
from components.settings.training import Training
from components.tasks.answering import span_metrics

_CONFIG = ROOT / "pipeline/configs/answering.toml"

_DATA = ROOT / "data" / "news_answers"

METRICS = ("f1", "exact_match", "f1_with_answer", "f1_without_answer")

_SHORT_ROWS = 64


def main() -> None:
    """Runs both and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    runs: list[Run] = []
    if not options.short:
        before = kept("answering", "news_answers")
        runs = before.get("runs", []) if options.table or before.get("machine") == machine() else []
    seeds = [] if options.table else options.seeds[:1] if options.short else options.seeds
    for seed in seeds:
        for who in ("ours",) if options.without_peer else ("ours", "peer"):
            if any((run["who"], run["seed"]) == (who, seed) for run in runs):
                continue
            with tempfile.TemporaryDirectory() as scratch:
                run = (ours if who == "ours" else peer)(seed, options.short, Path(scratch))
            print(json.dumps(run), file=sys.stderr, flush=True)
            runs.append(run)
            # After each run: a long bench may be stopped.
            if not options.short:
                keep("answering", "news_answers", {"runs": runs})
    report(runs)


def ours(seed: int, short: bool, scratch: Path) -> Run:
    """One run of the pipeline."""
    settings = settings_of(_CONFIG)
    settings["training"] = settings.get("training", {}) | {"seed": seed}
    settings["gate"] = {"min": {"f1": 0.0001}}
    if short:
        settings["training"] |= {"epochs": 1}
        for split in ("train", "dev", "test"):
            lines = (_DATA / f"{split}.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
            (scratch / f"{split}.tsv").write_text("".join(lines[: _SHORT_ROWS + 1]), encoding="utf-8")
            settings["data"][split] = str(scratch / f"{split}.tsv")
    with beside(_CONFIG, settings) as config:
        # A model of few rows may answer nothing, and be refused.
        record = carried_out(config, scratch / "runs", may_be_refused=short)
    metrics = record["evaluations"]["test"]["metrics"]["candidate"][""]
    history = record["training"]
    return {
        "who": "ours",
        "seed": seed,
        "metrics": {name: metrics[name] for name in METRICS},
        "train_seconds": history["seconds"],
        "examples_per_second": history["examples_per_second"],
    }


def peer(seed: int, short: bool, scratch: Path) -> Run:
    """One run of the peer, its answers measured as ours are."""
    settings = settings_of(_CONFIG)
    training, model = Training(**settings["training"]), Model(**settings["model"])
    base, predictions = (_CONFIG.parent / model.base).resolve(), scratch / "predictions.json"
    command: list[Any] = [*peer_program("peer_answering"), "--model", base, "--data", _DATA]
    command += ["--predictions", predictions, "--lr", training.learning_rate, "--batch", training.batch_size]
    command += ["--epochs", 1 if short else training.epochs, "--max-length", model.max_length]
    command += ["--longest-answer", model.longest_answer, *(["--rows", _SHORT_ROWS] if short else [])]
    run = last_json([*command, "--seed", seed])
    lines = (_DATA / "test.tsv").read_text(encoding="utf-8").split("\n")[1:-1]
    golds = [line.split("\t")[2] for line in lines]
    return {"who": "peer", **run, "metrics": measured_of(golds, json.loads(predictions.read_text()))}


def measured_of(golds: list[str], answers: list[str]) -> dict[str, float]:
    """The metrics of answers, of rows with one right answer or none."""
    found = [
        (*span_metrics.best(answer, [gold] if gold else []), bool(gold))
        for answer, gold in zip(answers, golds[: len(answers)], strict=True)
    ]
    return {
        "f1": mean(f1 for _, f1, _ in found),
        "exact_match": mean(exact for exact, _, _ in found),
        "f1_with_answer": mean(f1 for _, f1, has_one in found if has_one),
        "f1_without_answer": mean(f1 for _, f1, has_one in found if not has_one),
    }


def report(runs: list[Run]) -> None:
    """A Markdown table of the means."""
    print("| metric | peer | ours | difference | seeds |")
    print("| --- | --- | --- | --- | --- |")
    for metric in METRICS:
        theirs, mine = ([run["metrics"][metric] for run in runs if run["who"] == who] for who in ("peer", "ours"))
        if mine and theirs:
            difference = mean(mine) - mean(theirs)
            print(
                f"| {metric} | {mean(theirs):.4f} | {mean(mine):.4f} | {difference:+.4f} | {len(theirs)}, {len(mine)} |"
            )


if __name__ == "__main__":
    main()

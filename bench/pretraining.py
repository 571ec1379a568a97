"""A small BERT from scratch: what it learns of two million words of news, how fast, and what a fine-tuning gains by it.

    python -m bench.pretraining [--only pretraining speed reviews picture] [--seeds 1 2 3] [--short] [--table]

pretraining: learns a vocabulary of 8,000 pieces of the documents and the train texts of the movie reviews, then 4
layers of width 256 from random values on the documents, hidden tokens and next sentences; the loss on held-out
documents against that of telling tokens by their counts. Checked by hash before: no text of the movie reviews' dev or
test is in either corpus. speed: tokens/s, and useful FLOP/s over the peak of the fp32 matrix product in the same
process. reviews: the movie reviews fine-tuned from it; from the same shape and vocabulary at random values; and from it
gone on with their train texts, without labels. picture: the curve, as docs/pretraining.md shows it.

All runs are runs of `pipeline_runner.py` under runs/bench-pretraining, so what a bench that was killed had done is
taken up again. Writes bench/results/pretraining.json. `--short` tries every part on little, and keeps its results and
its picture beside its runs.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from bench.common import RESULTS, ROOT, Run, as_toml, keep, kept, last_json, machine, settings_of, worked
from bench.pretraining_corpus import write_texts
from bench.pretraining_models import BATCH, SHAPE, measure_speed, write_random
from bench.runs import carried_out

REVIEWS = ROOT / "pipeline" / "configs" / "movie_reviews.toml"

PICTURE = ROOT / "docs" / "pictures" / "pretraining-loss.svg"

WORDS, BERT, GONE_ON = "bench-words", "bench-bert", "bench-reviews-bert"


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much there is of everything, and where it goes."""

    work: Path
    results: Path
    picture: Path
    documents: int | None = None
    """The most; None: all."""
    rows: int | None = None
    """Of each split of the movie reviews, the most."""
    vocabulary: int = 8000
    steps: int = 2000
    evaluations_per_epoch: int = 4
    gone_on_epochs: int = 5
    fine_tuning_epochs: int = 6


def main() -> None:
    """Runs what is asked for and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts: dict[str, Callable[[Size, list[int]], None]] = {
        "pretraining": pretraining,
        "speed": speed,
        "reviews": reviews,
        "picture": picture,
    }
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--table", action="store_true", help="print what was measured")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if worked(options.worker, {"random": write_random, "speed": measure_speed}):
        return
    runs = ROOT / "runs"
    size = Size(work=runs / "bench-pretraining", results=RESULTS, picture=PICTURE)
    if options.short:
        work = runs / "bench-pretraining-short"
        few = {"documents": 200, "rows": 300, "vocabulary": 2000, "steps": 30}
        few |= {"evaluations_per_epoch": 1, "gone_on_epochs": 1, "fine_tuning_epochs": 1}
        size = Size(work=work, results=work, picture=work / PICTURE.name, **few)
    size.work.mkdir(parents=True, exist_ok=True)
    for part in () if options.table else options.only:
        parts[part](size, options.seeds)
    report(size)


def pretraining(size: Size, seeds: list[int]) -> None:
    """Vocabulary and model, by one command each."""
    del seeds
    texts = write_texts(size.work, size.documents, size.rows)
    words = {
        "name": WORDS,
        "kind": "vocabulary",
        "corpus": {"files": "words.txt"},
        "vocabulary": {"size": size.vocabulary, "min_count": 3, "max_characters": 500},
        "gate": {"max": {"unknown_share": 0.01}},
    }
    training = {
        "learning_rate": 1e-3,
        "batch_size": BATCH,
        "steps": size.steps,
        "dropout": 0.0,
        "precision": "float32",
        "evaluations_per_epoch": size.evaluations_per_epoch,
        "checkpoint_minutes": 2.0,
    }
    bert = {
        "name": BERT,
        "kind": "pretraining",
        "corpus": {"files": "documents.txt"},
        "model": {"vocabulary": f"run:{WORDS}", **SHAPE},
        "training": training,
        "gate": {"max": {"mlm_loss": 100.0}},
    }
    learned, record = launched(size, words), launched(size, bert)
    history, about = record["training"], record["pretraining"]
    tokens = about["tokens_per_example"] * BATCH
    measured = record["evaluations"]["dev"]["metrics"]
    found = {
        "texts": texts,
        "corpus": {key: value for key, value in record["corpus"].items() if key != "first"},
        "vocabulary": learned["evaluations"]["dev"]["metrics"]["candidate"][""],
        "model": bert["model"],
        "training": training,
        "parameters": history["parameters"],
        "examples": about["examples"],
        "tokens": about["tokens"],
        "tokens_per_example": about["tokens_per_example"],
        "tokens_seen": round(tokens * history["steps"]),
        "epochs": history["steps"] * BATCH / about["examples"]["train"],
        "unigram_loss": about["unigram_loss"],
        "held_out": measured["candidate"][""],
        "curve": [{"step": e["step"], "tokens": round(tokens * e["step"]), "mlm_loss": e["value"]}
                  for e in history["evaluations"]],
        "train_seconds": round(history["seconds"], 1),
        "tokens_per_second": round(history["examples_per_second"] * about["tokens_per_example"], 1),
        "resumed": history["resumed"],
        "node_seconds": {one["name"]: {node["id"]: round(node["seconds"], 1) for node in one["nodes"]}
                         for one in (learned, record)},
    }  # fmt: skip
    keep("pretraining", "pretraining", found, size.results)


def launched(size: Size, config: Run) -> Run:
    """A run's record; one that came to its end before is not made again."""
    path = size.work / f"{config['name']}.toml"
    path.write_text(as_toml(config))
    return carried_out(path, size.work / "root")


def pushed(size: Size, name: str) -> Path:
    """The newest version that a run has pushed."""
    return max((size.work / "root" / name / "serving" / name).iterdir(), key=lambda path: int(path.name))


def speed(size: Size, seeds: list[int]) -> None:
    """A step on full examples, by turns with the matrix product; and the whole training, against the same peak."""
    del seeds
    found = last_json([sys.executable, "-m", __spec__.name, "--worker", "speed", pushed(size, BERT)])
    if whole := kept("pretraining", "pretraining", size.results):
        flop = found["layers_flop"] + found["heads_flop"]
        found["whole_training"] = whole["tokens_per_second"] * flop / found["peak_gflops"] / 1e9
    keep("pretraining", "speed", found, size.results)


def reviews(size: Size, seeds: list[int]) -> None:
    """Fine-tunes from every beginning with every seed, unless that is there already."""
    gone_on = {
        "name": GONE_ON,
        "kind": "pretraining",
        "corpus": {"files": "reviews.txt", "format": "lines", "splitter": "lines", "max_one_sentence_share": 1.0},
        "model": {"base": f"run:{BERT}", "max_length": SHAPE["max_length"]},
        "training": {
            "objectives": "mlm",
            "epochs": size.gone_on_epochs,
            "learning_rate": 2e-4,
            "batch_size": BATCH,
            "dropout": 0.0,
            "precision": "float32",
        },
        "gate": {"max": {"mlm_loss": 100.0}},
    }
    record = launched(size, gone_on)
    keep("pretraining", "gone on", {"metrics": record["evaluations"]["dev"]["metrics"]}, size.results)
    before = kept("pretraining", "reviews", size.results)
    runs: list[Run] = before["runs"] if before.get("machine") == machine() else []
    for seed in seeds:
        random = size.work / f"random-{seed}"
        if not random.is_dir():
            last_json([sys.executable, "-m", __spec__.name, "--worker", "random", pushed(size, WORDS), random, seed])
        for who, base in {"random": str(random), "pretrained": f"run:{BERT}", "gone on": f"run:{GONE_ON}"}.items():
            if any((run["who"], run["seed"]) == (who, seed) for run in runs):
                continue
            runs = [*runs, fine_tuned(size, who, base, seed)]
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
            # After each: a long bench may be stopped.
            keep("pretraining", "reviews", {"runs": runs}, size.results)


def fine_tuned(size: Size, who: str, base: str, seed: int) -> Run:
    """The movie reviews from a base model, all of it by `pipeline_runner.py run`."""
    settings = settings_of(REVIEWS)
    splits = {split: f"{split}.tsv" for split in ("train", "dev", "test")}
    config = settings | {
        "name": f"bench-{who.replace(' ', '-')}",
        "data": settings["data"] | splits,
        "model": settings["model"] | {"base": base, "max_length": SHAPE["max_length"]},
        "training": {
            "learning_rate": 3e-4,
            "batch_size": BATCH,
            "epochs": size.fine_tuning_epochs,
            "dropout": 0.1,
            "precision": "float32",
            "seed": seed,
        },
        "gate": {"min": {"accuracy": 0.01}},
        "calibration": {"enabled": False},
    }
    record = launched(size, config)
    history = record["training"]
    measured = {split: one["metrics"]["candidate"][""] for split, one in record["evaluations"].items()}
    return {
        "who": who,
        "seed": seed,
        "training": config["training"],
        "accuracy": {split: metrics["accuracy"] for split, metrics in measured.items()},
        "dev": [{"step": e["step"], "value": e["value"], "loss": e["loss"]} for e in history["evaluations"]],
        "best_step": history["best_step"],
        "train_seconds": round(history["seconds"], 1),
    }


def picture(size: Size, seeds: list[int]) -> None:
    """Draws the curve, in the colours of a run's page, light or dark as the reader has it."""
    del seeds
    from bench.pretraining_picture import drawn

    found = kept("pretraining", "pretraining", size.results)
    size.picture.write_text(drawn(found["curve"], found["unigram_loss"]), encoding="utf-8")


def report(size: Size) -> None:
    """Prints what was measured, as the tables of docs/pretraining.md."""
    if found := kept("pretraining", "pretraining", size.results):
        alone = {"mlm_loss": found["unigram_loss"], "perplexity": math.exp(found["unigram_loss"]), "nsp_accuracy": 0.5}
        million = found["tokens_seen"] / 1e6
        print(f"| of held-out documents | by counts alone | after {million:.1f} million tokens |\n| --- | --- | --- |")
        for name, value in found["held_out"].items():
            print(f"| `{name}` | {f'{alone[name]:.3g}' if name in alone else ''} | {value:.3g} |")
        minutes = found["train_seconds"] / 60
        print(f"\n{found['training']['steps']} steps, {found['epochs']:.1f} epochs, {minutes:.0f} minutes", end="")
        print(f", {found['tokens_per_second']:,.0f} tokens/s; texts: {found['texts']}")
    if found := kept("pretraining", "speed", size.results):
        for name, share in found["utilisation"].items():
            rate = found["tokens_per_second"][name]
            print(f"a step in {name}: {rate:,.0f} tokens/s, {share:.0%} of {found['peak_gflops']:.0f} GFLOP/s")
        print(f"the whole training: {found.get('whole_training', 0):.0%}")
    by_who: dict[str, dict[int, float]] = {}
    for run in kept("pretraining", "reviews", size.results).get("runs", []):
        by_who.setdefault(run["who"], {})[run["seed"]] = run["accuracy"]["test"]
    for who, accuracies in by_who.items():
        listed = " | ".join(f"{accuracies[seed]:.4f}" for seed in sorted(accuracies))
        print(f"| {who} | {listed} | {mean(accuracies.values()):.4f} |")
    if {"random", "pretrained"} <= by_who.keys():
        random, pretrained = by_who["random"].values(), by_who["pretrained"].values()
        print(f"pretrained less random: {mean(pretrained) - mean(random):+.4f}", end="")
        print(f"; the seeds differ by {max(random) - min(random):.4f} and {max(pretrained) - min(pretrained):.4f}")


if __name__ == "__main__":
    main()

"""Every task on real rows, beside what a user would run instead: Hugging Face's Trainer, same weights and settings.

    python -m bench.tasks [--tasks pair tagging ...] [--seeds 1 2 3] [--without-peer]

Ours is `pipeline_runner.py run` with the config that ships for the task; pair, similarity and embedding are on MRPC.
Both are evaluated on test, by the same code. Writes bench/results/tasks.json; `embedding` has no peer, but the base
model as it was. `python -m bench.tasks --table` prints what is there.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bench import task_data
from bench.common import ROOT, Run, keep, kept, last_json, machine, peer_program, settings_of
from bench.runs import beside, carried_out
from components import tasks
from components.settings.model import Model
from components.settings.training import Training
from components.tasks.metrics import correlation
from components.tasks.multilabel import LABEL_SEPARATOR
from components.tasks.tagging import IGNORED

METRICS = {
    "pair": ("accuracy", "f1/1"),
    "tagging": ("f1", "token_accuracy"),
    "similarity": ("spearman", "pearson"),
    "regression": ("spearman", "pearson"),
    "multilabel": ("micro_f1", "macro_f1"),
    "embedding": ("spearman", "match_mrr_at_10"),
}
"""Task -> what is compared."""

_ON_MRPC = ("pair", "similarity", "embedding")


def main() -> None:
    """Runs the tasks and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=METRICS, default=list(METRICS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if not options.table:
        for seed in options.seeds:
            for task in options.tasks:
                measure(task, seed, not options.without_peer and task != "embedding")
    report()


def measure(task: str, seed: int, with_peer: bool) -> None:
    """One run of each; those that are there already, made on this machine with these versions, are left out."""
    before = kept("tasks", task)
    runs: list[Run] = before["runs"] if before.get("machine") == machine() else []
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch, "data")
        task_data.write(task, data)
        for who in ("ours", "peer") if with_peer else ("ours",):
            if any((run["who"], run["seed"]) == (who, seed) for run in runs):
                continue
            # The base model is the same whatever the seed.
            before_too = task == "embedding" and not any("before" in run for run in runs)
            run = (
                ours(task, seed, data, Path(scratch), before_too)
                if who == "ours"
                else peer(task, seed, data, Path(scratch))
            )
            print(json.dumps(run), file=sys.stderr, flush=True)
            runs.append(run)
            # After each run: a long bench may be stopped.
            keep("tasks", task, {"runs": runs})


def _config(task: str, data: Path) -> dict[str, Any]:
    settings = settings_of(ROOT / f"pipeline/configs/{task}.toml")
    if task in _ON_MRPC:
        settings["data"] |= {split: str(data / f"{split}.tsv") for split in task_data.SPLITS}
    return settings


def ours(task: str, seed: int, data: Path, scratch: Path, before_too: bool) -> Run:
    """One run of the pipeline, and with `before_too` the base model, by a training that changes nothing."""
    settings = _config(task, data)
    variants: dict[str, dict[str, Any]] = {"": {"seed": seed}}
    if before_too:
        variants["before"] = {"seed": seed, "steps": 1, "learning_rate": 1e-12}
    found: Run = {"who": "ours", "seed": seed}
    for name, varied in variants.items():
        training = settings.get("training", {}) | varied
        if "steps" in varied:
            training.pop("epochs", None)
        changed = settings | {"training": training, "gate": {"min": {METRICS[task][0]: 0.001}}}
        with beside(ROOT / f"pipeline/configs/{task}.toml", changed) as config:
            record = carried_out(config, scratch / f"runs{name}")
        metrics = record["evaluations"]["test"]["metrics"]["candidate"][""]
        if task == "embedding":
            metrics["match_mrr_at_10"] = _matched(Path(record["pushed"]), scratch)
        if task == "tagging":
            found["offsets"] = offsets(Path(record["pushed"]), data)
        found[name or "metrics"] = {metric: metrics[metric] for metric in METRICS[task]}
        if not name:
            history = record["training"]
            found |= {"train_seconds": history["seconds"], "examples_per_second": history["examples_per_second"]}
    return found


def offsets(model: Path, data: Path) -> dict[str, int]:
    """Of 1,000 sentences as raw text: entities whose offsets do not cut out the words that they were written with.

    The space between tokens is odd, and commas, full stops and the like stand at the word before them.
    """
    from components.serving.predictor import Predictor

    draws = random.Random(0)  # noqa: S311
    lines = (data / "test.tsv").read_text(encoding="utf-8").split("\n")[1:1001]
    texts, places = [], []
    for line in lines:
        text, begins, ends = "", {}, {}
        tokens = line.split("\t")[0].split(" ")
        for number, token in enumerate(tokens):
            attached = number > 0 and token in {",", ".", ";", ":", "!", "?", ")"}
            if not attached and (number > 0 or draws.random() < 0.2):
                text += draws.choice([" ", "  ", "\u00a0", "\u2003 "])
            begins[len(text)], ends[len(text) + len(token)] = number, number
            text += token
        texts.append(text)
        places.append((text, tokens, begins, ends))
    counts = {"sentences": len(texts), "entities": 0, "wrong": 0}
    predictions = Predictor(model).predict((text,) for text in texts)
    for prediction, (text, tokens, begins, ends) in zip(predictions, places, strict=True):
        for entity in prediction["entities"]:
            counts["entities"] += 1
            first, last = begins.get(entity["begin"]), ends.get(entity["end"])
            if first is None or last is None:
                counts["wrong"] += 1
                continue
            surface = "".join(text[entity["begin"] : entity["end"]].split())
            counts["wrong"] += surface != "".join(tokens[first : last + 1])
    return counts


def _matched(model: Path, scratch: Path) -> float:
    """MRR@10 of `match`: each paraphrase of the test set looked for among 2,000 sentences."""
    pairs, corpus = task_data.paraphrases()
    files = {"queries": [first for first, _ in pairs], "corpus": corpus}
    command = [sys.executable, "pipeline_runner.py", "match", "--model", str(model), "--top", "10", "--json"]
    for name, texts in files.items():
        path = scratch / f"{name}.tsv"
        path.write_text("".join(f"{text}\n" for text in ("text", *texts)), encoding="utf-8")
        command += [f"--{name}", str(path)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    reciprocal = 0.0
    for (_, wanted), line in zip(pairs, done.stdout.splitlines(), strict=True):
        found = [one["text"] for one in json.loads(line)["matches"]]
        reciprocal += 1 / (found.index(wanted) + 1) if wanted in found else 0.0
    return reciprocal / len(pairs)


def peer(task: str, seed: int, data: Path, scratch: Path) -> Run:
    """One run of the peer, its predictions evaluated as ours are."""
    settings = _config(task, data)
    training, model = Training(**settings.get("training", {})), Model(**settings["model"])
    base = (ROOT / "pipeline/configs" / model.base).resolve()
    predictions = scratch / "predictions.json"
    command = [*peer_program("peer_tasks"), task, "--model", base, "--data", data]
    command += ["--predictions", predictions, "--lr", training.learning_rate]
    command += ["--epochs", training.epochs]
    command += ["--batch", training.batch_size, "--max-length", model.max_length, "--threshold", model.threshold]
    # A tagger pools nothing; the other configs say what.
    command += ["--pooling", model.pooling] if model.pooling != "auto" else []
    run = last_json([*command, "--seed", seed])
    lines = (data / "test.tsv").read_text(encoding="utf-8").split("\n")[1:-1]
    fields = [line.split("\t")[-1] for line in lines]
    measured = measured_of(task, fields, json.loads(predictions.read_text()))
    return {"who": "peer", **run, "metrics": {metric: measured[metric] for metric in METRICS[task]}}


def measured_of(task: str, fields: list[str], predictions: list[Any]) -> dict[str, float]:
    """The metrics of the peer's predictions of rows whose labels are `fields`."""
    from sklearn import metrics

    if task == "pair":
        return {
            "accuracy": float(metrics.accuracy_score(fields, predictions)),
            "f1/1": float(metrics.f1_score(fields, predictions, pos_label="1")),
        }
    if task in ("similarity", "regression"):
        values = np.array(list(map(float, fields))), np.array(predictions)
        return {"spearman": correlation(*values, ranks=True), "pearson": correlation(*values, ranks=False)}
    kind = tasks.TASKS[task]
    names = tuple(sorted({name for field in fields for name in kind().label_names(field)}))
    if task == "multilabel":
        actual, given = (
            np.array([[float(name in row) for name in names] for row in rows])
            for rows in ([field.split(LABEL_SEPARATOR) for field in fields], predictions)
        )
        return kind(names).compute_metrics(actual, given)
    tagger = tasks.tagging.Tagging(names)
    gold = [field.split(" ") for field in fields]
    rows = np.full((2, len(gold), max(map(len, gold))), IGNORED)
    for table, found in zip(rows, (gold, predictions), strict=True):
        for place, tags in zip(table, found, strict=True):
            place[: len(tags)] = [tagger.tags.index(tag) for tag in tags]
    return tagger.compute_metrics(*rows)


def report() -> None:
    """A Markdown table of the means; no speeds, because peer and ours do not take turns."""
    print("| task | metric | peer | ours | difference | seeds |")
    print("| --- | --- | --- | --- | --- | --- |")
    for task, metrics in METRICS.items():
        runs = kept("tasks", task).get("runs", [])
        by_who = {who: [run for run in runs if run["who"] == who] for who in ("peer", "ours")}
        for metric in metrics:
            other = [run["metrics"][metric] for run in by_who["peer"]] or [
                run["before"][metric] for run in by_who["ours"] if "before" in run
            ]
            mine = [run["metrics"][metric] for run in by_who["ours"]]
            if not (mine and other):
                continue
            peer_seeds = len(other) if by_who["peer"] else "the base model"
            print(
                f"| {task} | {metric} | {mean(other):.4f} | {mean(mine):.4f} | {mean(mine) - mean(other):+.4f} "
                f"| {peer_seeds}, {len(mine)} |"
            )


if __name__ == "__main__":
    main()

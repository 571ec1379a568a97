"""What a BERT that writes is worth: on rules, on paraphrases, on topics, beside a BERT2BERT, and how fast it writes.

    python -m bench.generation [--parts rules speed paraphrases topics] [--seeds 1 2 3] [--short]

rules: dates and amounts spelled out (`data spelled-out`), by both objectives; exact match on the 500 rows of test that
    nothing has seen, and the minutes that training took.
speed: tokens/s of greedy writing, with keys and values kept and recomputed, at 16, 64 and 128 tokens, 32 sources of 32
    tokens; CPU seconds too, because these alone mean something where other processes are on.
paraphrases: MRPC's paraphrases (../shared/data/mrpc), first sentence to second: ROUGE-L, chrF and BLEU of test beside
    copied sources, for each seed; ten outputs as they came. The peer is the same checkpoint as Hugging Face's
    `EncoderDecoderModel`, trained for as many seconds on the same rows; without its environment it is left out.
topics: Reuters R8, topic to text, ten drawn texts a topic: the share that a classifier of ours calls the topic,
    distinct-2, the share of 8-grams that stand in train; beside a trigram model of train's texts of that topic.

Each training is `pipeline_runner.py run` with its config in a folder of its own. --short takes few steps: to see that
it runs, its figures mean nothing. Writes bench/results/generation.json.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from bench.common import ROOT, Run, as_toml, keep, last_json, peer_program, peer_python, settings_of
from bench.runs import beside, carried_out
from bench.task_data import paraphrases_by_split
from components.common import tensorflow_env

BASE = ROOT / "data" / "minilm"

SPELLED_OUT = ROOT / "pipeline" / "configs" / "spelled_out.toml"

ANY = {"min": {"token_accuracy": 0.0}}
"""A gate that lets every model that writes pass."""

PARTS = ("rules", "speed", "paraphrases", "topics")

SHOWN = 10

SPEED_LENGTHS = (16, 64, 128)

METRICS = ("exact_match", "chrf", "bleu", "rouge_l", "token_accuracy", "length_ratio", "cut_share")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--short", action="store_true", help="few steps: figures mean nothing")
    options = parser.parse_args()
    for part in options.parts:
        found = globals()[part](options.seeds, short=options.short)
        print(json.dumps({part: found}, indent=1, ensure_ascii=False), flush=True)
        if not options.short:
            keep("generation", part, found)


def rules(seeds: Sequence[int], *, short: bool) -> Run:
    """Both objectives, with the first seed."""
    found = {}
    for objective in ("left_to_right", "masked"):
        settings = settings_of(SPELLED_OUT)
        settings["model"] |= {"generation": {"objective": objective}}
        settings["training"] = _steps(settings["training"] | {"seed": seeds[0]}, short=short)
        settings["gate"] = ANY
        with tempfile.TemporaryDirectory() as scratch, beside(SPELLED_OUT, settings) as config:
            found[objective] = _measured(config, Path(scratch))
    return found


def paraphrases(seeds: Sequence[int], *, short: bool) -> Run:
    """A run a seed, and the peer's for as many seconds."""
    found: dict[str, Any] = {"ours": [], "peer": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for split, rows in paraphrases_by_split().items():
            _write(folder / f"{split}.tsv", ("source", "target"), rows)
        for seed in seeds:
            tables: dict[str, dict[str, Any]] = {
                "data": {**{split: f"{split}.tsv" for split in ("train", "dev", "test")}, "long_targets": "cut"},
                "model": {"base": str(BASE), "max_length": 64, "generation": {"search": "beam", "no_repeat_ngram": 4}},
                "training": _steps({"epochs": 10, "learning_rate": 2e-4, "seed": seed}, short=short),
            }
            sources = [source for source, _ in paraphrases_by_split()["test"][:SHOWN]]
            ours = _run(folder, tables, sources)
            found["ours"].append({"seed": seed, **ours})
            if peer_python().exists():
                seconds = 20 if short else ours["training_seconds"]
                command = [*peer_program("peer_generation"), "--model", BASE, "--data", folder]
                peer = last_json([*command, "--seconds", seconds, "--seed", seed])
                found["peer"].append({"seed": seed, "seconds": seconds, **_scores(folder, peer.pop("texts")), **peer})
    return found


def _scores(folder: Path, texts: list[str]) -> Run:
    """The metrics of the peer's texts, by our code; and the first of them."""
    from components.tasks.generation import written_text

    targets = [target for _, target in paraphrases_by_split()["test"]][: len(texts)]
    of_bleu, of_chrf = written_text.corpus_counts(texts, targets)
    rouges = [written_text.rouge(text, target)[2] for text, target in zip(texts, targets, strict=True)]
    scores = {
        "bleu": float(written_text.bleu(of_bleu.sum(axis=0))),
        "chrf": float(written_text.chrf(of_chrf.sum(axis=0))),
        "rouge_l": mean(rouges),
    }
    return {"test": scores, "shown": texts[:SHOWN]}


def topics(seeds: Sequence[int], *, short: bool) -> Run:
    """Texts about topics, and a trigram model's."""
    data = ROOT / "data" / "reuters_r8"
    rows = {split: _read(data / f"{split}.tsv") for split in ("train", "dev", "test")}
    names = sorted({label for _, label in rows["train"]})
    with tempfile.TemporaryDirectory() as scratch:
        folder, judge = Path(scratch, "texts"), Path(scratch, "judge")
        for split, of_split in rows.items():
            _write(folder / f"{split}.tsv", ("source", "target"), [(label, _begin(text)) for text, label in of_split])
            _write(judge / f"{split}.tsv", ("text", "label"), [(_begin(text), label) for text, label in of_split])
        writing = {"search": "sample", "top_p": 0.9, "best": 10, "no_repeat_ngram": 4}
        # Every topic stands in all splits: that is what sources are here.
        tables: dict[str, dict[str, Any]] = {
            "data": {**{split: f"{split}.tsv" for split in rows}, "long_targets": "cut"},
            "validation": {"max_leaked_share": 1.0},
            "model": {"base": str(BASE), "max_length": 8, "generation": writing},
            "training": _steps({"epochs": 10, "learning_rate": 2e-4, "seed": seeds[0]}, short=short),
        }
        ours = _run(folder, tables, names)
        classes: dict[str, dict[str, Any]] = {
            "data": {split: f"{split}.tsv" for split in rows},
            "model": {"base": str(BASE), "max_length": 96},
            "training": _steps({"seed": seeds[0]}, short=short),
        }
        _run(judge, classes, task="classification", bound={"accuracy": 0.0})
        written = {name: [one["text"] for one in row["best"]] for name, row in zip(names, ours["answers"], strict=True)}
        drawn = {name: _trigrams([_begin(t) for t, label in rows["train"] if label == name]) for name in names}
        train = [_begin(text) for text, _ in rows["train"]]
        return {
            "ours": {**_judged(judge, written, train), "texts": written},
            "trigrams": {**_judged(judge, drawn, train), "texts": drawn},
        }


def _begin(text: str) -> str:
    return " ".join(text.split()[:50])


def _judged(judge: Path, texts: dict[str, list[str]], train: Iterable[str]) -> Run:
    """Of texts by topic."""
    flat = [(name, text) for name, some in texts.items() for text in some]
    found = _predicted(judge / "runs/bench/serving/bench", [text for _, text in flat])
    known = {gram for text in train for gram in _grams(text, 8)}
    pairs = [pair for _, text in flat for pair in _grams(text, 2)]
    eights = [gram for _, text in flat for gram in _grams(text, 8)]
    return {
        "called_the_topic": mean(row["label"] == name for (name, _), row in zip(flat, found, strict=True)),
        "distinct_2": len(set(pairs)) / max(1, len(pairs)),
        "copied_8_grams": sum(gram in known for gram in eights) / max(1, len(eights)),
    }


def _grams(text: str, size: int) -> list[tuple[str, ...]]:
    words = text.split()
    return list(zip(*(words[place:] for place in range(size)), strict=False))


def _trigrams(texts: list[str], count: int = 10) -> list[str]:
    """Texts drawn word by word, by the two words before."""
    behind: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for text in texts:
        words = ["", "", *text.split(), ""]
        for first, second, third in zip(words, words[1:], words[2:], strict=False):
            behind[first, second][third] += 1
    draws = random.Random(0)  # noqa: S311
    found = []
    for _ in range(count):
        words = ["", ""]
        while len(words) < 52:
            choices = behind[words[-2], words[-1]]
            (word,) = draws.choices(list(choices), list(choices.values()))
            if not word:
                break
            words.append(word)
        found.append(" ".join(words[2:]))
    return found


def speed(seeds: Sequence[int], *, short: bool) -> Run:
    """Tokens/s and tokens per CPU second of both ways, by number of tokens."""
    tensorflow_env.set_up()
    import numpy as np
    import tensorflow as tf

    from components.model.writing import search
    from components.settings.generation import Generation
    from components.settings.model import Model
    from components.settings.training import Training
    from components.tasks.generation.task import Generation as Task
    from components.training.initial_model import build_model

    model: Any = build_model(BASE, Model(base=str(BASE)), Training(), Task())
    draws = np.random.default_rng(0)
    ids = tf.constant(draws.integers(2000, 20000, (32, 32)).astype(np.int32))
    mask = tf.ones_like(ids, tf.bool)
    specs = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.bool)]
    found: dict[str, Any] = {}
    for length in SPEED_LENGTHS[: 1 if short else None]:
        settings = Generation(min_tokens=length - 1, max_tokens=length)
        texts = {}
        for name, recompute in (("kept", False), ("recomputed", True)):
            write = tf.function(
                lambda ids, mask, settings=settings, recompute=recompute: (
                    search.write(model, settings, ids, mask, 0, recompute=recompute).token_ids
                ),
                input_signature=specs,
                autograph=False,
            )
            write(ids, mask)
            started, used = time.monotonic(), time.process_time()
            texts[name] = write(ids, mask).numpy()
            seconds, cpu = time.monotonic() - started, time.process_time() - used
            found.setdefault(str(length), {})[name] = {
                "tokens_per_second": 32 * length / seconds,
                "tokens_per_cpu_second": 32 * length / cpu,
            }
        both = found[str(length)]
        both["times"] = both["kept"]["tokens_per_second"] / both["recomputed"]["tokens_per_second"]
        both["equal_tokens"] = float((texts["kept"] == texts["recomputed"]).mean())
    return found


def _steps(training: dict[str, Any], *, short: bool) -> dict[str, Any]:
    if not short:
        return training
    return {**{name: value for name, value in training.items() if name != "epochs"}, "steps": 3}


def _run(
    folder: Path,
    tables: dict[str, dict[str, Any]],
    sources: Sequence[str] = (),
    task: str = "generation",
    bound: dict[str, float] | None = None,
) -> Run:
    """A run in a folder: its metrics of test, and what it writes for some sources."""
    config = folder / "bench.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    gate = {"min": bound} if bound else ANY
    config.write_text(as_toml({"name": "bench", "task": task, **tables, "gate": gate}), encoding="utf-8")
    return _measured(config, folder / "runs", sources, task)


def _measured(config: Path, root: Path, sources: Sequence[str] = (), task: str = "generation") -> Run:
    """As `_run`, of a config."""
    before = _cpu_seconds()
    record = carried_out(config, root)
    found: Run = {
        "training_seconds": record["training"]["seconds"],
        "cpu_seconds": _cpu_seconds() - before,
        "steps": record["training"]["best_step"],
    }
    if task == "generation":
        values = record["evaluations"]["test"]["metrics"]["candidate"][""]
        found["test"] = {name: values[name] for name in METRICS}
        found["copied"] = {name: values[f"copy_{name}"] for name in METRICS if f"copy_{name}" in values}
    if sources:
        found["answers"] = _predicted(Path(record["pushed"]), sources)
        found["shown"] = [[source, row["text"]] for source, row in zip(sources, found["answers"], strict=True)]
    return found


def _predicted(model: Path, texts: Sequence[str]) -> list[dict[str, Any]]:
    command = [sys.executable, str(ROOT / "pipeline_runner.py"), "predict", "--model", str(model), "--json", *texts]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return [json.loads(line) for line in done.stdout.splitlines()]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(row) + "\n" for row in (header, *rows)), encoding="utf-8")


def _read(path: Path) -> list[tuple[str, str]]:
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:])
    return [(row[0], row[1]) for row in rows]


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

"""`fill` on 1,000 rows with a mask each: as a file, in batches of similar length, and a row at a time.

    python -m bench.fill [--rounds 3] [--rows 1000]
    python -m bench.fill --examples MODEL

The sample weights have no head for masked tokens: theirs is drawn at random, which costs the same time. Interleaved,
each in a process of its own that loads first; writes bench/results/fill.json. `--examples` times nothing: it prints a
table of ten sentences with what stood behind the mask, and what is told before a pre-training and by MODEL, the
directory that one has pushed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from bench.common import ROOT, Run, interleaved, keep, last_json, middle
from components.common import tensorflow_env
from components.tokenization.tokenizer_files import read_tokenizer

MODEL = ROOT / "data" / "minilm"

ROWS = ROOT / "data" / "movie_reviews" / "train.tsv"

TOP = 5

EXAMPLES = (
    ("The [MASK] are good, the story is not.", "actors"),
    ("I could not stop laughing, it is the funniest [MASK] of the year.", "comedy"),
    ("A [MASK] thriller that keeps you in your seat until the end.", "gripping"),
    ("Too long by half an [MASK].", "hour"),
    ("The director has never made a [MASK] film.", "better"),
    ("It is based [MASK] a novel that I liked more.", "on"),
    ("Children will [MASK] it, and so will their parents.", "love"),
    ("The special [MASK] look cheap.", "effects"),
    ("Nothing happens, and it happens very [MASK].", "slowly"),
    ("A romantic [MASK] without a single joke.", "comedy"),
)
"""Sentences of our own, and the word that is hidden in each."""

SHOWN = 3
"""Tokens told of each."""


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--examples", type=Path, metavar="MODEL")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        model, texts, each = options.worker
        print(json.dumps(filled(Path(model), Path(texts), one_by_one=each == "one")))
        return
    if options.examples:
        examples(options.examples)
        return
    with tempfile.TemporaryDirectory() as scratch:
        model = with_head(Path(scratch, "model"))
        texts = Path(scratch, "texts.txt")
        texts.write_text("".join(f"{text}\n" for text, _ in masked(options.rows)), encoding="utf-8")
        worker = [sys.executable, "-m", __spec__.name, "--worker", model, texts]
        ways = {"a file": "all", "a row at a time": "one"}
        runs = interleaved(options.rounds, {name: partial(last_json, [*worker, way]) for name, way in ways.items()})
    figures: dict[str, Any] = {}
    for name, of_one in runs.items():
        figures[name] = {key: middle(of_one, key) for key in ("rows_per_second", "cpu_ms_a_row", "load_seconds")}
        print(
            f"{name:16} {figures[name]['rows_per_second']:8.1f} rows/s  {figures[name]['cpu_ms_a_row']:6.2f} ms of CPU"
        )
    keep("fill", "rows", {**figures, "rows": options.rows, "runs": runs})


def with_head(directory: Path) -> Path:
    """The sample weights with a head for masked tokens."""
    directory.mkdir()
    for path in MODEL.iterdir():
        if path.is_file() and path.suffix != ".safetensors":
            (directory / path.name).write_bytes(path.read_bytes())
    tensors = load_file(MODEL / "model.safetensors")
    vocabulary, width = tensors["embeddings.word_embeddings.weight"].shape
    draws = np.random.default_rng(0)
    for name, shape in {
        "bias": (vocabulary,),
        "transform.dense.weight": (width, width),
        "transform.dense.bias": (width,),
        "transform.LayerNorm.weight": (width,),
        "transform.LayerNorm.bias": (width,),
    }.items():
        tensors[f"cls.predictions.{name}"] = draws.normal(0, 0.05, shape).astype(np.float32)
    save_file(tensors, directory / "model.safetensors")
    return directory


def masked(rows: int) -> list[tuple[str, str]]:
    """Movie reviews with a word of each replaced, and that word."""
    draws, found = random.Random(0), []  # noqa: S311
    for line in ROWS.read_text(encoding="utf-8").splitlines()[1 : rows + 1]:
        words = line.split("\t")[1].split()
        place = draws.randrange(len(words))
        hidden, words[place] = words[place], "[MASK]"
        found.append((" ".join(words), hidden))
    return found


def examples(model: Path) -> None:
    """Prints the table, as Markdown."""
    tensorflow_env.set_up()
    from components.serving.mask_filler import MaskFiller

    told = []
    with tempfile.TemporaryDirectory() as scratch:
        for directory in (with_head(Path(scratch, "model")), model):
            filler = MaskFiller(directory, read_tokenizer(directory), SHOWN)
            told.append(list(filler.filled(text for text, _ in EXAMPLES)))
    print("| text | hidden | before | after |\n| --- | --- | --- | --- |")
    for (text, hidden), *of_both in zip(EXAMPLES, *told, strict=True):
        cells = (", ".join(f"{token} {share:.0%}" for token, share in masks[0]) for masks in of_both)
        print(f"| {text} | {hidden} | {' | '.join(cells)} |")


def filled(model: Path, texts: Path, *, one_by_one: bool) -> Run:
    """Every text, after the model was loaded and has answered once."""
    tensorflow_env.set_up()
    from components.serving.mask_filler import MaskFiller

    started = time.monotonic()
    filler = MaskFiller(model, read_tokenizer(model), TOP)
    lines = texts.read_text(encoding="utf-8").splitlines()
    list(filler.filled(lines[:64]))
    loaded = time.monotonic()
    begun, cpu = time.perf_counter(), time.process_time()
    count = sum(len(list(filler.filled(part))) for part in ([[line] for line in lines] if one_by_one else [lines]))
    seconds = time.perf_counter() - begun
    return {
        "rows_per_second": round(count / seconds, 1),
        "cpu_ms_a_row": round(1e3 * (time.process_time() - cpu) / count, 2),
        "load_seconds": round(loaded - started, 1),
    }


if __name__ == "__main__":
    main()

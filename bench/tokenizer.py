"""WordPiece in the graph against Hugging Face's Rust `encode_batch`, on both cores: texts a second, and memory.

    python -m bench.tokenizer [--rounds 5] [--texts 100000]

The texts are the movie reviews, repeated: in batches of 1,000, one by one, and 4,000 texts of twenty reviews each in
one batch. Ours runs in two threads where there are batches to share, as the peer uses both cores; the ids of all texts
must be equal. Memory is what the process grows by at a first batch, of 4,000 texts of two reviews and of twenty.
Interleaved; writes bench/results/tokenizer.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bench.common import ROOT, Run, interleaved, keep, last_json, middle, peer_program, ratio
from components.common import tensorflow_env

MAX_LENGTH = 128

LONG_TEXTS, SHORT, LONG = 4000, 2, 20
"""How many, and of how many reviews each is made."""


class Part(NamedTuple):
    """Something that is measured."""

    texts: int | None
    """How many; None: as many as the command line says."""
    reviews: int
    """That make up a text."""
    batch: int
    warm_up: int
    """Batches before the clock runs."""


PARTS = {
    "batches": Part(None, 1, 1000, 3),
    "one": Part(3000, 1, 1, 100),
    "long": Part(LONG_TEXTS, LONG, 1000, 3),
    "memory_short": Part(LONG_TEXTS, SHORT, LONG_TEXTS, 0),
    "memory_long": Part(LONG_TEXTS, LONG, LONG_TEXTS, 0),
}


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--ours", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ours:
        tensorflow_env.set_up()
        print(json.dumps(ours(PARTS[options.ours[0]], *map(Path, options.ours[1:]))))
        return
    same = True
    with tempfile.TemporaryDirectory() as scratch:
        for name, part in PARTS.items():
            figures = compare(Path(scratch), name, part, part.texts or options.texts, options.rounds)
            same &= figures["ids_equal"]
            keep("tokenizer", name, figures)
    sys.exit(not same)


def compare(scratch: Path, name: str, part: Part, texts: int, rounds: int) -> dict[str, Any]:
    """Measures a part, and prints its line."""
    paths = [scratch / f"{name}{suffix}" for suffix in (".txt", ".ours.json", ".peer.json")]
    lines = (ROOT / "data" / "movie_reviews" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    reviews = itertools.cycle(line.split("\t")[1] for line in lines)
    made = (" ".join(itertools.islice(reviews, part.reviews)) for _ in range(texts))
    paths[0].write_text("".join(f"{text}\n" for text in made), encoding="utf-8")
    command = [*peer_program(), "tokenize", "--model", ROOT / "data" / "minilm", "--texts", paths[0]]
    sizes = ["--batch", part.batch, "--warm-up", part.warm_up, "--ids", paths[2]]
    runs = interleaved(
        rounds,
        {
            "ours": partial(last_json, [sys.executable, "-m", __spec__.name, "--ours", name, *paths[:2]]),
            "peer": partial(last_json, [*command, *sizes]),
        },
    )
    same = json.loads(paths[1].read_text()) == json.loads(paths[2].read_text())
    key = "grown_mb" if name.startswith("memory") else "texts_per_second"
    figures = {who: middle(of_one, key) for who, of_one in runs.items()}
    times = ratio(runs["ours"], runs["peer"], key) if all(figures.values()) else 0.0
    print(f"{name}: {key} ours {figures['ours']:,.0f}, peer {figures['peer']:,.0f}: {times:.2f} x", end="")
    print(f"; ids {'' if same else 'NOT '}equal", flush=True)
    return {key: figures, "ours_over_peer": round(times, 2), "ids_equal": same, "runs": runs}


def ours(part: Part, texts: Path, ids: Path) -> Run:
    """All texts; their ids go to a file."""
    import tensorflow as tf

    from components.tokenization.tokenizer_files import read_tokenizer
    from components.tokenization.wordpiece import WordPiece

    model = ROOT / "data" / "minilm"
    tokenizer = read_tokenizer(model)
    tokenize = WordPiece(tokenizer, MAX_LENGTH)
    traced = tf.function(tokenize, input_signature=[tf.TensorSpec([None], tf.string)])
    lines = texts.read_text(encoding="utf-8").splitlines()
    batches = [lines[first : first + part.batch] for first in range(0, len(lines), part.batch)]
    traced(tf.constant(["a b"]))
    with ThreadPoolExecutor(os.cpu_count() if part.batch > 1 else 1) as pool:

        def rows(batch: list[str]) -> tuple[Any, Any]:
            found = traced(tf.constant(batch))
            return found.flat_values.numpy(), found.row_splits.numpy()

        list(pool.map(rows, batches[: part.warm_up]))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.monotonic()
        found = list(pool.map(rows, batches))
        seconds = time.monotonic() - started
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    listed = [values[a:b].tolist() for values, splits in found for a, b in itertools.pairwise(splits)]
    ids.write_text(json.dumps(listed))
    return {"texts_per_second": round(len(lines) / seconds), "grown_mb": round(grown, 1)}


if __name__ == "__main__":
    main()

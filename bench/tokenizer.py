"""WordPiece in the graph against Hugging Face's Rust `encode_batch`: texts a second in batches of 1,000, both cores.

    python -m bench.tokenizer [--rounds 5] [--texts 100000]

The texts are the movie reviews, repeated. Ours runs in two threads, as the peer uses both cores; the ids of all
texts must be equal. Interleaved; writes bench/results/tokenizer.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from bench.common import PEER, ROOT, Run, interleaved, keep, last_json, middle, peer_python, ratio
from components.common import tensorflow_env

BATCH, MAX_LENGTH = 1000, 128


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--ours", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ours:
        tensorflow_env.set_up()

        print(json.dumps(ours(*map(Path, options.ours))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        texts, ids, peer_ids = (Path(scratch, name) for name in ("texts.txt", "ids.json", "peer.json"))
        lines = (ROOT / "data" / "movie_reviews" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
        chosen = itertools.islice(itertools.cycle(line.split("\t")[1] for line in lines), options.texts)
        texts.write_text("".join(f"{text}\n" for text in chosen), encoding="utf-8")
        command = [peer_python(), PEER, "tokenize", "--model", ROOT / "data" / "minilm", "--texts", texts]
        contestants = {
            "ours": partial(last_json, [sys.executable, "-m", __spec__.name, "--ours", texts, ids]),
            "peer": partial(last_json, [*command, "--ids", peer_ids]),
        }
        runs = interleaved(options.rounds, contestants)
        same = json.loads(ids.read_text()) == json.loads(peer_ids.read_text())
    rates = {who: middle(of_one, "texts_per_second") for who, of_one in runs.items()}
    times = ratio(runs["ours"], runs["peer"], "texts_per_second")
    print(f"ours {rates['ours']:,.0f} texts/s, peer {rates['peer']:,.0f}: {times:.1f} x", end="")
    print(f"; ids {'' if same else 'NOT '}equal")
    keep(
        "tokenizer",
        "texts",
        {"texts_per_second": rates, "ours_over_peer": round(times, 2), "ids_equal": same, "runs": runs},
    )
    sys.exit(not same)


def ours(texts: Path, ids: Path) -> Run:
    """All texts; their ids go to a file."""
    import tensorflow as tf

    from components.tokenization.tokenizer_files import read_tokenizer
    from components.tokenization.wordpiece import WordPiece

    model = ROOT / "data" / "minilm"
    tokenizer = read_tokenizer(model)
    tokenize = WordPiece(list(tokenizer.vocabulary), tokenizer.settings, MAX_LENGTH)
    traced = tf.function(tokenize, input_signature=[tf.TensorSpec([None], tf.string)])
    lines = texts.read_text(encoding="utf-8").splitlines()
    batches = [lines[first : first + BATCH] for first in range(0, len(lines), BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def rows(batch: list[str]) -> tuple[Any, Any]:
            found = traced(tf.constant(batch))
            return found.flat_values.numpy(), found.row_splits.numpy()

        list(pool.map(rows, batches[:3]))
        started = time.monotonic()
        found = list(pool.map(rows, batches))
        seconds = time.monotonic() - started
    listed = [values[a:b].tolist() for values, splits in found for a, b in itertools.pairwise(splits)]
    ids.write_text(json.dumps(listed))
    return {"texts_per_second": round(len(lines) / seconds)}


if __name__ == "__main__":
    main()

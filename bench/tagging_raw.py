"""A tagger on words as its files have them, beside the same rows as running text: CoNLL-2003, the shipped config.

    python -m bench.tagging_raw [--steps 300]

Prints, for dev and test, both F1s of a trained model, and how many words the joins learned from train give back, which
takes no model.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter

from bench.common import ROOT, as_toml, settings_of
from components.rows.conll import read_sentences
from components.rows.tsv import BadRow
from components.tokenization.joins import Joins

_CONFIG = ROOT / "pipeline" / "configs" / "tagging.toml"

_DATA = ROOT / "data" / "conll2003"

_SPLITS = ("dev", "test")

_NAMED = 8
"""Missed words that are told."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, help="of the training; default those of the config")
    options = parser.parse_args()
    joins = Joins.learned(_sentences("train"))
    print(f"{len(joins)} kinds of gaps")
    for split in _SPLITS:
        sentences = _sentences(split)
        missed = Counter(word for words in sentences for word in joins.missed(words))
        print(f"{split}: {missed.total()} of {sum(map(len, sentences))} words missed, {missed.most_common(_NAMED)}")
    for split, metrics in _trained(options.steps).items():
        print(f"{split}: f1 {metrics['f1']:.4f}, raw_text_f1 {metrics['raw_text_f1']:.4f}")


def _sentences(split: str) -> list[list[str]]:
    path = _DATA / f"{split}.txt"
    with path.open("rb") as file:
        return [row[1][0].split(" ") for row in read_sentences(file, path) if not isinstance(row, BadRow)]


def _trained(steps: int | None) -> dict[str, dict[str, float]]:
    """The metrics of all rows of each split."""
    settings = settings_of(_CONFIG)
    if steps is not None:
        settings["training"] = {**settings["training"], "steps": steps}
        del settings["training"]["epochs"]
    # Beside the original, because paths in a config are relative to it.
    path = _CONFIG.with_name(f".bench-{os.getpid()}.toml")
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "pipeline_runner.py", "run", "--config", str(path), "--root", scratch, "--json"]
        try:
            path.write_text(as_toml({**settings, "gate": {"min": {"f1": 0.001}}}))
            done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
        finally:
            path.unlink(missing_ok=True)
    record = json.loads(done.stdout)
    return {split: record["evaluations"][split]["metrics"]["candidate"][""] for split in _SPLITS}


if __name__ == "__main__":
    main()

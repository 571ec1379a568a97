"""The texts that `bench.pretraining` learns from, of which none is to be measured on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.common import ROOT
from components.pretraining.documents import Document, read_documents
from components.pretraining.sentences import sentences
from components.rows.splits import text_hash
from components.settings.kinds.corpus import Corpus

DOCUMENTS = ROOT / "data" / "documents" / "news.txt"

REVIEWS = ROOT / "data" / "movie_reviews"

_MEASURED_ON = ("dev", "test")


def write_texts(folder: Path, documents: int | None, rows: int | None) -> dict[str, Any]:
    """Writes the files of the bench, and holds what is learned from against what is measured on.

    documents.txt, whole texts; reviews.txt, the train texts of the movie reviews, a line each, but for those that dev
    or test have too; words.txt, both, as documents; and train.tsv, dev.tsv and test.tsv.

    Args:
        folder: for them.
        documents: the most; None: all.
        rows: of each split, the most; None: all.

    Returns:
        How many there are, and how many were compared.
    """
    # Of all rows, whatever is measured on here.
    held_out = {text_hash([text]) for split in _MEASURED_ON for text in column(split)}
    train = [text for text in column("train") if text_hash([text]) not in held_out]
    blocks = DOCUMENTS.read_text(encoding="utf-8").split("\n\n")[:documents]
    (folder / "documents.txt").write_text("\n\n".join(blocks).rstrip("\n") + "\n", encoding="utf-8")
    (folder / "reviews.txt").write_text("".join(f"{text}\n" for text in train[:rows]), encoding="utf-8")
    every = [block.rstrip("\n") for block in blocks if block.strip()] + train[:rows]
    (folder / "words.txt").write_text("".join(f"{text}\n\n" for text in every), encoding="utf-8")
    for split in ("train", *_MEASURED_ON):
        lines = (REVIEWS / f"{split}.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / f"{split}.tsv").write_text("".join(lines[: None if rows is None else rows + 1]), encoding="utf-8")
    learned = {text_hash([text]) for text in texts_of(folder / "words.txt")}
    if both := learned & held_out:
        raise AssertionError(f"{len(both)} texts of dev or test are in the corpus")
    return {
        "words": sum(len(text.split()) for text in every),
        "train_texts_left_out": len(list(column("train"))) - len(train),
        "hashes_learned_from": len(learned),
        "hashes_measured_on": len(held_out),
        "hashes_of_both": len(both),
    }


def column(split: str) -> Iterator[str]:
    """The texts of the movie reviews."""
    with (REVIEWS / f"{split}.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield row["text"]


def texts_of(path: Path) -> Iterator[str]:
    """Every document of a file, every line of it and every sentence, as a run cuts them."""
    corpus = Corpus(files=(str(path),))
    for document in read_documents(path, corpus):
        assert isinstance(document, Document)  # noqa: S101
        yield " ".join(document.lines)
        yield from document.lines
        yield from sentences(document, corpus)

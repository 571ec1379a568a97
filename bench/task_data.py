"""The rows that the tasks are compared on, made of samples and of MRPC the same way every time.

    python -m bench.task_data FOLDER

Writes FOLDER/TASK/{train,dev,test}.tsv. `_key(text) % n` below is the sha256 of a string as a number, modulo n.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.common import ROOT

MRPC = ROOT.parent / "shared" / "data" / "mrpc"
SPLITS = ("train", "dev", "test")
Rows = list[list[str]]


def _key(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def _read(path: Path) -> Iterator[dict[str, str]]:
    lines = path.read_text(encoding="utf-8").split("\n")
    names = lines[0].split("\t")
    return (dict(zip(names, line.split("\t"), strict=True)) for line in lines[1:] if line)


def _mrpc() -> dict[str, Rows]:
    """MRPC's dev is the test set here, so that nothing is chosen by it; a tenth of its train is dev."""
    found: dict[str, Rows] = {split: [] for split in SPLITS}
    for source in ("train", "dev"):
        for row in _read(MRPC / f"{source}.tsv"):
            split = "test" if source == "dev" else "dev" if _key(row["idx"]) % 10 == 0 else "train"
            found[split].append([row["sentence1"], row["sentence2"], row["label"]])
    return found


def pair() -> dict[str, Rows]:
    """Two sentences, and whether they are paraphrases."""
    return _mrpc()


def similarity() -> dict[str, Rows]:
    """Scores from 0 to 5: half for being a paraphrase, half for the share of words in common (Jaccard).

    After every fifth pair of MRPC comes one of its first sentence and the next pair's second, which is none.
    """
    made: dict[str, Rows] = {}
    for split, rows in _mrpc().items():
        pairs = list(rows)
        pairs += [[rows[i][0], rows[(i + 1) % len(rows)][1], "0"] for i in range(0, len(rows), 5)]
        made[split] = [[a, b, f"{_score(a, b, label):.2f}"] for a, b, label in sorted(pairs, key=lambda r: _key(r[0]))]
    return made


def _score(first: str, second: str, label: str) -> float:
    words = [set(text.lower().split()) for text in (first, second)]
    return 2.5 * int(label) + 2.5 * len(words[0] & words[1]) / len(words[0] | words[1])


def embedding() -> dict[str, Rows]:
    """MRPC's pairs with scores from 0 to 5: 5 for a paraphrase, else half of the words in common; and as many again of
    every second first sentence with the next pair's second.
    """
    made: dict[str, Rows] = {}
    for split, rows in _mrpc().items():
        made[split] = [[a, b, "5" if label == "1" else f"{_score(a, b, '0'):.2f}"] for a, b, label in rows]
        made[split] += [[rows[i][0], rows[(i + 1) % len(rows)][1], "0"] for i in range(0, len(rows), 2)]
    return made


def regression() -> dict[str, Rows]:
    """Movie reviews and their mean human scores, from -4 to 4."""
    folder = ROOT / "data" / "movie_reviews"
    return {split: [[row["text"], row["score"]] for row in _read(folder / f"{split}.tsv")] for split in SPLITS}


def multilabel() -> dict[str, Rows]:
    """Newswire stories and their topics."""
    folder = ROOT / "data" / "reuters_topics"
    return {split: [[row["text"], row["topics"]] for row in _read(folder / f"{split}.tsv")] for split in SPLITS}


def tagging() -> dict[str, Rows]:
    """CoNLL-2003, a sentence a row."""
    made: dict[str, Rows] = {}
    for split in SPLITS:
        text = (ROOT / "data" / "conll2003" / f"{split}.txt").read_text(encoding="utf-8")
        sentences = [block.split("\n") for block in text.strip().split("\n\n") if not block.startswith("-DOCSTART-")]
        columns = [[line.split() for line in sentence if line] for sentence in sentences]
        made[split] = [[" ".join(c[0] for c in lines), " ".join(c[-1] for c in lines)] for lines in columns]
    return made


def paraphrases() -> tuple[list[tuple[str, str]], list[str]]:
    """The paraphrases of the test set, and 2,000 sentences: all second ones of it, filled up from train."""
    rows = _mrpc()
    pairs = [(a, b) for a, b, label in rows["test"] if label == "1"]
    return pairs, list(dict.fromkeys(b for split in ("test", "train") for _, b, _ in rows[split]))[:2000]


def paraphrases_by_split() -> dict[str, list[tuple[str, str]]]:
    """MRPC's pairs that say the same, first sentence and second."""
    return {split: [(a, b) for a, b, label in rows if label == "1"] for split, rows in _mrpc().items()}


TASKS: dict[str, tuple[str, Callable[[], dict[str, Rows]]]] = {
    "pair": ("text_a\ttext_b\tlabel", pair),
    "similarity": ("text_a\ttext_b\tscore", similarity),
    "embedding": ("text_a\ttext_b\tscore", embedding),
    "regression": ("text\tvalue", regression),
    "multilabel": ("text\tlabel", multilabel),
    "tagging": ("tokens\ttags", tagging),
}
"""Header and rows by split."""


def write(task: str, folder: Path) -> None:
    """Writes a task's files."""
    header, rows_of = TASKS[task]
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in rows_of().items():
        lines = (header, *("\t".join(row) for row in rows))
        (folder / f"{split}.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    for name in TASKS:
        write(name, Path(sys.argv[1], name))

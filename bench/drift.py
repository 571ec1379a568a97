"""How far [drift]'s measures tell other rows from the rows a model learned from: the default limits on real rows.

    python -m bench.drift [--sets intents ...] [--draws 100]

Without a model: profiles of train, tokenized as the shipped configs have it. Of rows that are like train's (its halves,
100 drawn from it, dev, test) no measure may exceed its limit, of rows that are not (German ones of `bench.german`, for
the English vocabulary; texts cut in half; labels in the opposite order) some measure has to. Writes
bench/results/drift.json and prints the table of docs/retraining.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from bench.common import ROOT, Run, keep
from bench.german import german
from components.common import tensorflow_env

_MAX_TOKENS = {"movie_reviews": 128, "intents": 64, "reuters_r8": 64}
"""Config -> its `max_length`."""

_FEW = 100

Rows = list[tuple[str, str]]
"""Text and label of each."""


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=_MAX_TOKENS, default=list(_MAX_TOKENS))
    parser.add_argument("--draws", type=int, default=100)
    options = parser.parse_args()
    tensorflow_env.set_up()
    found = {}
    for name in options.sets:
        found[name] = measured(name, options.draws)
        keep("drift", name, {"draws": options.draws, "compared": found[name]})
    sys.exit(report(found))


class Compared(NamedTuple):
    """A kind of rows beside train."""

    like_train: bool
    pairs: Callable[[], Any]
    """(before, now) of each draw."""


def measured(name: str, draws: int) -> dict[str, dict[str, Any]]:
    """Kind of rows -> `like_train`, and each measure's largest value of all draws."""
    from components.drift import distance
    from components.settings.drift import Drift

    train, (learned, seen) = rows_of(name, "train"), profilers(name)
    whole, chance = learned(train), np.random.default_rng(0)

    def halves() -> Any:
        for _ in range(draws):
            order = chance.permutation(len(train))
            first, second = ([train[row] for row in half] for half in np.array_split(order, 2))
            yield (before := learned(first)), seen(second, before)

    def few() -> Any:
        for _ in range(draws):
            yield whole, seen([train[row] for row in chance.choice(len(train), _FEW, replace=False)], whole)

    labels = sorted({label for _, label in train})
    opposite = dict(zip(labels, labels[::-1], strict=True))
    others = {
        "another language": [(text, label) for text, (_, label) in zip(german(len(train)), train, strict=True)],
        "texts cut in half": [(cut(text), label) for text, label in train],
        "labels reversed": [(text, opposite[label]) for text, label in train],
    }

    def once(rows: Rows) -> Callable[[], Any]:
        return lambda: [(whole, seen(rows, whole))]

    kinds = {
        "halves of train": Compared(True, halves),
        f"{_FEW} rows of train": Compared(True, few),
        "dev": Compared(True, once(rows_of(name, "dev"))),
        "test": Compared(True, once(rows_of(name, "test"))),
        **{kind: Compared(False, once(rows)) for kind, rows in others.items()},
    }
    found = {}
    for kind, compared in kinds.items():
        largest: dict[str, float] = {}
        for before, now in compared.pairs():
            for one in distance.compare(before.statistics, now, Drift()):
                largest[one.name] = max(largest.get(one.name, 0.0), one.value)
        over = [measure for measure, value in largest.items() if value > getattr(Drift(), measure)]
        found[kind] = {"like_train": compared.like_train, "largest": largest, "over": over}
    return found


def cut(text: str) -> str:
    """The first half of its words."""
    words = text.split()
    return " ".join(words[: max(1, len(words) // 2)])


def rows_of(name: str, split: str) -> Rows:
    """Of a shipped config, in the order of the file."""
    from components.rows import reader
    from pipeline.config.load import load_config

    data = load_config(ROOT / "pipeline" / "configs" / f"{name}.toml").data
    (path,) = getattr(data, split)
    rows = reader.read_rows(ROOT / path, split, data)
    return [(row.texts[0], row.label) for row in rows if isinstance(row, reader.Row)]


def profilers(name: str) -> tuple[Callable[[Rows], Any], Callable[[Rows, Any], Any]]:
    """Rows -> what a model that learned from them keeps; rows and what it kept -> their profile."""
    from components.drift import profile
    from components.tasks.classification import Classification
    from components.tokenization.plain import PlainWordPiece
    from components.tokenization.tokenizer_files import read_tokenizer

    tokenizer = read_tokenizer(ROOT / "data" / "minilm")
    plain, most = PlainWordPiece(tokenizer), _MAX_TOKENS[name]

    @cache
    def tokens(text: str) -> tuple[int, ...]:
        ids = plain([text])
        return (*ids[: most - 1], ids[-1])

    def tokenized(rows: Rows) -> tuple[np.ndarray, np.ndarray, list[str]]:
        ids = [tokens(text) for text, _ in rows]
        return np.concatenate(ids), np.array([len(one) for one in ids]), [label for _, label in rows]

    def learned(rows: Rows) -> Any:
        ids, lengths, labels = tokenized(rows)
        return profile.Learned.of_tokens(ids, lengths, Classification(tuple(set(labels))), labels, tokenizer)

    def seen(rows: Rows, before: Any) -> Any:
        found = tokenized(rows)
        return profile.of_tokens(*found, tokenizer, before.words.agreement(*found))

    return learned, seen


def report(found: dict[str, dict[str, Run]]) -> int:
    """Prints the table; 1 where a limit is exceeded that should not be, or none that should."""
    wrong = 0
    for name, kinds in found.items():
        for kind, measures in kinds.items():
            values = "  ".join(f"{measure} {value:.3f}" for measure, value in measures["largest"].items())
            is_right = bool(measures["over"]) != measures["like_train"]
            wrong += not is_right
            print(
                f"{name:14} {kind:18} {values}  {'over: ' + ', '.join(measures['over']) if measures['over'] else ''}"
                f"{'' if is_right else '  WRONG'}"
            )
    return int(wrong > 0)


if __name__ == "__main__":
    main()

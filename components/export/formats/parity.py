"""A pushed model's own answers, and how near to them those of another form of it are."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from components.common.errors import InputError
from components.common.literal_paths.patterns import plain
from components.export import served_ops, signature_names
from components.export.formats.pushed import Pushed
from components.statistics.filled import filled_up
from components.tokenization.vocabulary import Tokenizer

MOST_DIFFERENCE = 1e-4
"""Between two numbers that are the same but for the order of sums, each as a share of the larger where that is more
than 1: of float32."""

_AT_A_TIME = 32

Texts = tuple[str, ...]

Predict = Callable[[np.ndarray], np.ndarray]
"""Token ids, int32[n, length] with padding -> predictions, float32[n, ...]."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Over all rows."""

    rows: int
    same_ids: int
    """Rows of which both tokenizers give the same ids."""
    same_answers: int
    """Rows with the same label, or set of labels, or tags; of numbers, all."""
    difference: float
    """The largest between two predictions."""


class Reference:
    """A version as it answers: raw texts to token ids, token ids to predictions.

    Args:
        model: the version.

    Raises:
        InputError: it cannot be loaded.
    """

    def __init__(self, model: Pushed) -> None:
        served_ops.check(model.path)
        with plain(model.path) as named:
            self.loaded = tf.saved_model.load(str(named))
        self._key = model.task.prediction_key
        self._names = ("text",) if model.task.bi_encoder or model.task.per_token else model.task.texts

    def token_ids(self, rows: Sequence[Texts]) -> list[np.ndarray]:
        """Of each row, int32[length] without padding."""
        found: list[np.ndarray] = []
        for part in _parts(rows):
            given = {
                name: tf.constant(list(column))
                for name, column in zip(self._names, zip(*part, strict=True), strict=True)
            }
            out = self.loaded.signatures[signature_names.TOKENIZER_SIGNATURE](**given)
            found += [ids[:n] for ids, n in zip(out["token_ids"].numpy(), out["lengths"].numpy(), strict=True)]
        return found

    def predictions(self, token_ids: np.ndarray) -> np.ndarray:
        """Of int32[n, length] with padding, float32[n, ...]."""
        signature = self.loaded.signatures[signature_names.TOKEN_SIGNATURE]
        return np.asarray(signature(token_ids=tf.constant(token_ids))[self._key].numpy())


def measure(
    model: Pushed,
    reference: Reference,
    rows: Sequence[Texts],
    tokenize: Callable[[list[Texts]], list[list[int]]],
    predict: Predict,
) -> Parity:
    """Holds another form of a model against its own answers.

    Args:
        model: the version.
        reference: the same.
        rows: the texts of each.
        tokenize: rows to token ids, of the other form.
        predict: its predictions; of numbers float32[n] or [n, 1].
    """
    ids = reference.token_ids(rows)
    theirs = [ids for part in _parts(rows) for ids in tokenize(part)]
    same_ids = sum(a.tolist() == list(b) for a, b in zip(ids, theirs, strict=True))
    same, difference = 0, 0.0
    # By length, so that little is padding.
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    for part in _parts(order):
        padded = filled_up([ids[row] for row in part], model.tokenizer.padding_id, np.int32)
        wanted, got = reference.predictions(padded), predict(padded)
        got = got.reshape(wanted.shape)
        if model.task.per_token:
            # What is behind a row is nobody's answer.
            seen = (padded != model.tokenizer.padding_id)[:, :, np.newaxis]
            wanted, got = wanted * seen, got * seen
        same += int(_same(model, wanted, got).sum())
        if model.task.finds_span:
            # Of answers as probable as each other either may be the first: scores are compared.
            wanted, got = wanted[..., 2], got[..., 2]
        over = np.abs(wanted - got) / np.maximum(1, np.maximum(np.abs(wanted), np.abs(got)))
        # Not finite is far off.
        difference = max(difference, float(np.nan_to_num(over, nan=np.inf).max(initial=0)))
    return Parity(len(ids), same_ids, same, difference)


def check(model: Pushed, found: Parity, most: float | None = MOST_DIFFERENCE) -> None:
    """Refuses an export that answers otherwise than the model; `most` of None: whose numbers are rounded anyway.

    Raises:
        InputError: it does.
    """
    remedy = "It is a fault of this pipeline: report it with the model's card. Another --format may do"
    if found.same_ids < found.rows:
        problem = (
            f"the export cuts {found.rows - found.same_ids} of {found.rows} texts into other tokens than the model"
        )
        raise InputError(str(model.path), problem, remedy)
    if most is not None and not found.difference <= most:
        problem = f"the export's answers are up to {found.difference:.1e} away from the model's, more than {most:g}"
        raise InputError(str(model.path), problem, remedy)


def _same(model: Pushed, wanted: np.ndarray, got: np.ndarray) -> np.ndarray:
    """Whether each row has the same answer, bool[n]."""
    task = model.task
    if task.finds_span and (found := task.answers(wanted)) is not None:
        agrees: np.ndarray = np.equal(found, np.asarray(task.answers(got))).all(axis=1)
        return agrees
    if task.numeric or not task.has_label_names:
        return np.ones(len(wanted), bool)
    if hasattr(task, "threshold"):
        return ((wanted >= np.asarray(task.threshold)) == (got >= np.asarray(task.threshold))).all(axis=-1)
    same = wanted.argmax(axis=-1) == got.argmax(axis=-1)
    return same.reshape(len(wanted), -1).all(axis=1)


def odd_texts(tokenizer: Tokenizer, count: int, texts: int, seed: int = 0) -> list[Texts]:
    """Rows of texts out of a vocabulary's pieces, some of them long, among signs that tokenizers differ about."""
    draws = random.Random(seed)  # noqa: S311
    pieces = [token for token in tokenizer.vocabulary if token.isalpha()] or list(tokenizer.vocabulary)
    odd = [
        "[SEP]",
        "[MASK]",
        "É",
        "ﬁ",
        "中",
        "½",
        "don't",
        "U.S.",
        "3-1",
        "…",
        "  ",
        "\t",
        "\u200b",
        "x" * 120,
        "🙂",
        "Straße",
    ]

    def text() -> str:
        words = draws.choices(pieces, k=draws.choice([1, 3, 8, 20, 200]))
        for _ in range(draws.choice([0, 0, 1, 2])):
            words.insert(draws.randrange(len(words) + 1), draws.choice(odd))
        return draws.choice([" ", " ", ""]).join(words) if len(words) < 20 else " ".join(words)

    return [tuple(text() for _ in range(texts)) for _ in range(count)]


def _parts(rows: Sequence[Any]) -> Iterator[list[Any]]:
    return (list(rows[start : start + _AT_A_TIME]) for start in range(0, len(rows), _AT_A_TIME))

"""What rows look like to a model, as statistics that TensorFlow Data Validation compares: drift and skew.

Compared are the classes' shares, and how rows spread over ranges of text length, of unknown words and of words that the
vocabulary holds whole. The ranges are fixed, so that two profiles can be compared however far apart they are.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.drift.word_labels import WordLabels
from components.examples.tfdv import tfdv
from components.export import card
from components.tasks import Task
from components.tokenization.coverage import Coverage
from components.tokenization.tokenizer_files import VOCABULARY
from components.tokenization.vocabulary import Tokenizer, TokenizerSettings, read_vocabulary, write_vocabulary
from components.tokenization.wordpiece import WordPiece

SAMPLE = 50_000
"""Rows that a profile is made of at most; sampling moves a share by a quarter of a point (one standard deviation)."""

_PROFILE_FILE = "assets.extra/profile.pb"

_VOCABULARY_FILE = f"assets.extra/{VOCABULARY}"
"""Within a SavedModel."""

_AT_A_TIME = 1024

_TOKENS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)

_UNKNOWN = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)

_WHOLE = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)
"""Upper ends of the ranges, the last one open: of a text's tokens, of the share of its words that are unknown, which is
near 0 in most texts, and of those that are whole, which are most words where the vocabulary fits."""

_BOUNDS = {"tokens": _TOKENS, "unknown": _UNKNOWN, "whole": _WHOLE}

MEANS = {
    "text_length": ("tokens", "{:.1f} tokens"),
    "unknown_share": ("unknown", "{:.2%} of words unknown"),
    "vocabulary_coverage": ("whole", "{:.2%} of words whole"),
}
"""Measure -> the number it stands for, and how its mean reads."""

FEATURES = {
    "label": "label",
    "label_agreement": "label_agreement",
    "text_length": "text_length",
    "unknown_share": "unknown_share",
    "vocabulary_coverage": "vocabulary_coverage.v2",
}
"""Measure -> the feature whose spread is compared; other ranges get it another name, so that profiles of before, which
lack it, are not compared by it. Without a number, `vocabulary_coverage` had the ranges of `unknown_share`."""

AGREES = "as the words tell"
"""The value of `label_agreement` for a row whose label is the one that its words make most likely."""

Row = tuple[tuple[str, ...], str | None]
"""Texts and label."""


class Profiler:
    """The tokenizer of a pushed model, without its encoder.

    Args:
        model: a SavedModel with a profile.
        task: whose rows they are.
    """

    def __init__(self, model: Path, task: Task) -> None:
        self._task, described = task, card.read_card(model)["tokenizer"]
        vocabulary, settings = read_vocabulary(model / _VOCABULARY_FILE), TokenizerSettings(**described["settings"])
        self._tokenizer = Tokenizer(vocabulary=tuple(vocabulary), settings=settings)
        self._tokenize = WordPiece(self._tokenizer, described["max_tokens"])
        self._words = WordLabels.read(model)

    def profile(self, rows: Iterable[Row]) -> statistics_pb2.DatasetFeatureStatisticsList:
        """The profile of (texts, label) rows, or of a sample of them; a label of None is not counted."""
        sampled = sample(rows)
        ids, lengths = [], []
        for part in _parts(sampled):
            columns = zip(*(texts for texts, _ in part), strict=True)
            texts = [tf.constant([text.encode() for text in column]) for column in columns]
            tokens = self._task.tokenize(self._tokenize, texts)
            ids.append(tokens.values.numpy())
            lengths.append(tokens.row_lengths().numpy())
        labels = [label for _, label in sampled if label is not None]
        shares = self._task.drift_values(labels) if labels else None
        every, of_rows, agrees = np.concatenate(ids), np.concatenate(lengths), None
        if self._words is not None and shares is not None:
            agrees = self._words.agreement(every, of_rows, shares)
        return of_tokens(every, of_rows, shares, self._tokenizer, agrees)


def of_tokens(
    ids: np.ndarray,
    lengths: np.ndarray,
    labels: Sequence[str] | None,
    tokenizer: Tokenizer,
    agrees: np.ndarray | None = None,
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The profile of tokenized rows.

    Args:
        ids: int[tokens], the rows' token ids one after the other, each row from [CLS] to [SEP].
        lengths: int[rows], the tokens of each.
        labels: what is compared of their labels, or None.
        tokenizer: whose ids they are.
        agrees: bool[rows], whether each label is what the row's words tell, or None.
    """
    found = Coverage(tokenizer).words(ids)
    of_row = np.repeat(np.arange(len(lengths)), lengths)
    counted = [
        np.bincount(of_row[which], minlength=len(lengths)) for which in (found.begins, found.unknown, found.whole)
    ]
    a_row = np.maximum(1, counted[0])
    numbers = {"tokens": lengths.astype(float), "unknown": counted[1] / a_row, "whole": counted[2] / a_row}
    columns: dict[str, Any] = dict(numbers)
    for name, (number, _) in MEANS.items():
        # Zero padded: strings, whose order nobody minds but a reader of the statistics.
        columns[FEATURES[name]] = [f"{place:02}" for place in np.searchsorted(_BOUNDS[number], numbers[number])]
    if labels is not None:
        columns["label"] = list(labels)
    if agrees is not None:
        columns["label_agreement"] = np.where(agrees, AGREES, "otherwise")
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame(columns))


@dataclass(frozen=True, slots=True)
class Learned:
    """The profile of the rows that a model learned from, and what another profile will need."""

    statistics: statistics_pb2.DatasetFeatureStatisticsList
    words: WordLabels | None

    @classmethod
    def of_tokens(
        cls, ids: np.ndarray, lengths: np.ndarray, task: Task, labels: Sequence[str] | None, tokenizer: Tokenizer
    ) -> Learned:
        """Of tokenized rows; arguments as for `of_tokens`."""
        words, agrees = None, None
        if task.single_label and labels is not None:
            words = WordLabels.learned(ids, lengths, labels, len(tokenizer.tokens))
        if words is not None and labels is not None:
            agrees = words.agreement(ids, lengths, labels, left_out=True)
        return cls(of_tokens(ids, lengths, labels, tokenizer, agrees), words)

    def write(self, model: Path, tokenizer: Tokenizer) -> None:
        """With the vocab.txt, into a SavedModel's assets.extra."""
        write(model, self.statistics, tokenizer)
        if self.words is not None:
            self.words.write(model)


def range_names(number: str) -> list[str]:
    """What to call the ranges of one of `_BOUNDS`, in their order."""
    bounds = _BOUNDS[number]
    shown = [str(bound) if number == "tokens" else f"{bound:.0%}" for bound in bounds]
    lower = [str(int(bound) + 1) if number == "tokens" else f"over {bound:.0%}" for bound in bounds]
    between = [f"{low} to {high}" for low, high in zip(lower, shown[1:], strict=False)]
    first = shown[0] if bounds[0] == 0 else f"up to {shown[0]}"
    return [first, *between, f"over {shown[-1]}"]


def write(model: Path, statistics: statistics_pb2.DatasetFeatureStatisticsList, tokenizer: Tokenizer) -> None:
    """Writes a profile, and the vocab.txt that another profile will need, into a SavedModel's assets.extra."""
    (model / _PROFILE_FILE).write_bytes(statistics.SerializeToString(deterministic=True))
    write_vocabulary(model / _VOCABULARY_FILE, tokenizer.vocabulary)


def read(model: Path) -> statistics_pb2.DatasetFeatureStatisticsList | None:
    """Reads a SavedModel's profile of the rows it learned from; None: it has none."""
    path = model / _PROFILE_FILE
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes()) if path.is_file() else None


def sample(rows: Iterable[Row]) -> list[Row]:
    """Some of the rows, each with the same probability (Vitter 1985, algorithm R), the same ones every time."""
    draws = random.Random(0)  # noqa: S311
    source = iter(rows)
    kept = list(islice(source, SAMPLE))
    for seen, row in enumerate(source, SAMPLE + 1):
        if (place := draws.randrange(seen)) < SAMPLE:
            kept[place] = row
    return kept


def _parts(rows: list[Any]) -> Iterator[list[Any]]:
    return (rows[start : start + _AT_A_TIME] for start in range(0, len(rows), _AT_A_TIME))


def feature_statistics(statistics: statistics_pb2.DatasetFeatureStatisticsList, name: str) -> Any:
    """The statistics of a profile's feature; None: it has no such feature."""
    return next((one for one in statistics.datasets[0].features if one.path.step[0] == name), None)

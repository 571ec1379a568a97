"""What rows look like to a model, as statistics that TensorFlow Data Validation compares: drift and skew.

Compared are the classes' shares, and how rows spread over ranges of text length, of unknown words and of words that the
vocabulary holds whole. The ranges are fixed, so that two profiles can be compared however far apart they are.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.drift.tfdv import tfdv
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

_LENGTHS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)

_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Upper ends of the ranges, the last one open: of a text's tokens, and of shares of its words."""

MEANS = {
    "text_length": ("tokens", "{:.1f} tokens"),
    "unknown_share": ("unknown", "{:.2%} of words unknown"),
    "vocabulary_coverage": ("whole", "{:.2%} of words whole"),
}
"""Compared feature -> the number it stands for, and how its mean reads."""

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
        return of_tokens(np.concatenate(ids), np.concatenate(lengths), shares, self._tokenizer)


def of_tokens(
    ids: np.ndarray, lengths: np.ndarray, labels: Sequence[str] | None, tokenizer: Tokenizer
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The profile of tokenized rows.

    Args:
        ids: int[tokens], the rows' token ids one after the other, each row from [CLS] to [SEP].
        lengths: int[rows], the tokens of each.
        labels: what is compared of their labels, or None.
        tokenizer: whose ids they are.
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
        bounds = _LENGTHS if number == "tokens" else _SHARES
        # Zero padded: strings, whose order nobody minds but a reader of the statistics.
        columns[name] = [f"{place:02}" for place in np.searchsorted(bounds, numbers[number])]
    if labels is not None:
        columns["label"] = list(labels)
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame(columns))


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

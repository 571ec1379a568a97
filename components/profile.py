"""What rows look like to a model, as statistics that TensorFlow Data Validation compares: drift and skew.

Compared are the classes' shares, and how rows spread over ranges of text length, of unknown words and of words that the
vocabulary holds whole. The ranges are fixed, so that two profiles can be compared however far apart they are.
"""

from __future__ import annotations

import dataclasses
import random
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

# isort: off
# TFX puts a stand-in for a module that this build of TensorFlow Data Validation lacks.
import tfx.components  # noqa: F401
import tensorflow_data_validation as tfdv
# isort: on

from components import versions
from components.checkpoints import VOCABULARY
from components.settings import Drift
from components.tasks import Task
from components.vocabulary import CONTINUATION, SEPARATOR, START, UNKNOWN, TokenizerSettings, read_vocabulary
from components.wordpiece import WordPiece

SAMPLE = 50_000
"""Rows that a profile is made of at most; sampling moves a share by a quarter of a point (one standard deviation)."""
_PROFILE_FILE = "assets.extra/profile.pb"
_VOCABULARY_FILE = f"assets.extra/{VOCABULARY}"
"""Within a SavedModel."""
_AT_A_TIME = 1024
_LENGTHS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Upper ends of the ranges, the last one open: of a text's tokens, and of shares of its words."""
_MEANS = {
    "text_length": ("tokens", "{:.1f} tokens"),
    "unknown_share": ("unknown", "{:.2%} of words unknown"),
    "vocabulary_coverage": ("whole", "{:.2%} of words whole"),
}
"""Compared feature -> the number it stands for, and how its mean reads."""


Row = tuple[tuple[str, ...], str | None]
"""Texts and label."""


@dataclasses.dataclass(slots=True)
class Measure:
    """How far apart two profiles are in one respect."""

    name: str
    """As in the settings: `label`, `text_length`, `unknown_share` or `vocabulary_coverage`."""
    value: float
    limit: float
    before: str
    now: str
    """In words."""

    @property
    def exceeded(self) -> bool:
        """Whether it is over its limit."""
        return self.value > self.limit

    def __str__(self) -> str:
        what = "a class's share moved by" if self.name == "label" else "divergence"
        return (
            f"{self.name}: {what} {self.value:.3f}, the limit is {self.limit:g} ({self.before} before; {self.now} now)"
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self) | {"exceeded": self.exceeded}


class Tokenizer:
    """The tokenizer of a pushed model, without its encoder.

    Args:
        model: a SavedModel with a profile.
        task: whose rows they are.
    """

    def __init__(self, model: Path, task: Task) -> None:
        self._task, described = task, versions.card(model)["tokenizer"]
        self.vocabulary = read_vocabulary(model / _VOCABULARY_FILE)
        settings = TokenizerSettings(**described["settings"])
        self._tokenize = WordPiece(self.vocabulary, settings, described["max_length"])

    def profile(self, rows: Iterable[Row]) -> statistics_pb2.DatasetFeatureStatisticsList:
        """The profile of (texts, label) rows, or of a sample of them; a label of None is not counted."""
        sampled = _sample(rows)
        ids, lengths = [], []
        for part in _parts(sampled):
            columns = zip(*(texts for texts, _ in part), strict=True)
            texts = [tf.constant([text.encode() for text in column]) for column in columns]
            tokens = self._task.tokens(self._tokenize, texts)
            ids.append(tokens.values.numpy())
            lengths.append(tokens.row_lengths().numpy())
        labels = [label for _, label in sampled if label is not None]
        shares = self._task.shares(labels) if labels else None
        return of_tokens(np.concatenate(ids), np.concatenate(lengths), shares, self.vocabulary)


def of_tokens(
    ids: np.ndarray, lengths: np.ndarray, labels: Sequence[str] | None, vocabulary: Sequence[str]
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The profile of tokenized rows.

    Args:
        ids: int[tokens], the rows' token ids one after the other, each row from [CLS] to [SEP].
        lengths: int[rows], the tokens of each.
        labels: what is compared of their labels, or None.
        vocabulary: the tokens in the order of their ids.
    """
    inner = ~np.isin(ids, [vocabulary.index(START), vocabulary.index(SEPARATOR)])
    continues = np.array([token.startswith(CONTINUATION) for token in vocabulary])[ids] & inner
    words = inner & ~continues
    unknown = words & (ids == vocabulary.index(UNKNOWN))
    whole = words & ~unknown & ~np.append(continues[1:], False)
    of_row = np.repeat(np.arange(len(lengths)), lengths)
    counted = [np.bincount(of_row[which], minlength=len(lengths)) for which in (words, unknown, whole)]
    a_row = np.maximum(1, counted[0])
    numbers = {"tokens": lengths.astype(float), "unknown": counted[1] / a_row, "whole": counted[2] / a_row}
    columns: dict[str, Any] = dict(numbers)
    for name, (number, _) in _MEANS.items():
        bounds = _LENGTHS if number == "tokens" else _SHARES
        # Zero padded: strings, whose order nobody minds but a reader of the statistics.
        columns[name] = [f"{place:02}" for place in np.searchsorted(bounds, numbers[number])]
    if labels is not None:
        columns["label"] = list(labels)
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame(columns))


def compare(
    before: statistics_pb2.DatasetFeatureStatisticsList,
    now: statistics_pb2.DatasetFeatureStatisticsList,
    limits: Drift,
) -> list[Measure]:
    """TensorFlow Data Validation's distances between two profiles.

    The L-infinity distance of the classes' shares, and the Jensen-Shannon divergence (base 2, from 0 to 1) of the rest.
    Labels are compared where both profiles have them.
    """
    compared = [name for name in ("label", *_MEANS) if _feature(before, name) and _feature(now, name)]
    schema = schema_pb2.Schema()
    for name in compared:
        comparator = schema.feature.add(name=name, type=schema_pb2.BYTES).drift_comparator
        measure = comparator.infinity_norm if name == "label" else comparator.jensen_shannon_divergence
        measure.threshold = getattr(limits, name)
    anomalies = tfdv.validate_statistics(now, schema, previous_statistics=before)
    values = {info.path.step[0]: info.drift_measurements[0].value for info in anomalies.drift_skew_info}
    return [
        Measure(name, values[name], getattr(limits, name), _in_words(before, name), _in_words(now, name))
        for name in compared
    ]


def write(model: Path, statistics: statistics_pb2.DatasetFeatureStatisticsList, vocabulary: Path) -> None:
    """Puts a profile, and the vocab.txt it rests on, into a SavedModel."""
    (model / _PROFILE_FILE).write_bytes(statistics.SerializeToString(deterministic=True))
    shutil.copyfile(vocabulary, model / _VOCABULARY_FILE)


def read(model: Path) -> statistics_pb2.DatasetFeatureStatisticsList | None:
    """A SavedModel's profile of what it learned from; None: it has none."""
    path = model / _PROFILE_FILE
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes()) if path.is_file() else None


def _sample(rows: Iterable[Row]) -> list[Row]:
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


def _feature(statistics: statistics_pb2.DatasetFeatureStatisticsList, name: str) -> Any:
    return next((one for one in statistics.datasets[0].features if one.path.step[0] == name), None)


def _in_words(statistics: statistics_pb2.DatasetFeatureStatisticsList, name: str) -> str:
    if name in _MEANS:
        number, written = _MEANS[name]
        return written.format(_feature(statistics, number).num_stats.mean)
    buckets = _feature(statistics, name).string_stats.rank_histogram.buckets
    rows = sum(bucket.sample_count for bucket in buckets)
    return ", ".join(f"{bucket.label} {bucket.sample_count / rows:.1%}" for bucket in islice(buckets, 5))

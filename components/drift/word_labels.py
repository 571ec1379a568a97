"""Whether rows' labels are what their words make likely: naive Bayes over tokens, a second's work without a model.

Shares of classes do not show that labels were swapped where the classes are of like size. How often a label is the one
that the words tell does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

MOST_LABELS = 100
"""With more of them nothing is kept: the counts would be large."""

_FILE = "assets.extra/profile_words.npz"


@dataclass(frozen=True, slots=True)
class WordLabels:
    """Multinomial naive Bayes with add-one smoothing (Manning et al. 2008, section 13.2)."""

    labels: tuple[str, ...]
    rows: np.ndarray
    """int64[labels], the rows of each."""
    counts: np.ndarray
    """int32[labels, vocabulary], how often each token stands in them."""

    @classmethod
    def learned(cls, ids: np.ndarray, lengths: np.ndarray, labels: Sequence[str], vocabulary: int) -> Self | None:
        """Of tokenized rows; None: of too many labels.

        Args:
            ids: int[tokens], the rows' token ids one after the other.
            lengths: int[rows], the tokens of each.
            labels: of each row.
            vocabulary: number of token ids.
        """
        names, of_row = np.unique(np.array(labels, str), return_inverse=True)
        if len(names) > MOST_LABELS:
            return None
        places = np.repeat(of_row, lengths) * vocabulary + ids
        counts = np.bincount(places, minlength=len(names) * vocabulary).reshape(len(names), vocabulary)
        return cls(tuple(names.tolist()), np.bincount(of_row), counts.astype(np.int32))

    def agreement(
        self, ids: np.ndarray, lengths: np.ndarray, labels: Sequence[str], left_out: bool = False
    ) -> np.ndarray:
        """Whether each row's label is the most likely one by its words: bool[rows].

        Args:
            ids: as for `learned`.
            lengths: likewise.
            labels: likewise; one that is not known is not likely.
            left_out: the rows are those that this was learned from: each is left out when it is its turn.
        """
        place = {label: index for index, label in enumerate(self.labels)}
        own = np.array([place.get(label, -1) for label in labels])
        of_row = np.repeat(np.arange(len(lengths)), lengths)
        vocabulary, tokens = self.counts.shape[1], self.counts.sum(axis=1)
        repeats = np.ones(len(ids), np.int64)
        if left_out:
            _, which, often = np.unique(of_row * vocabulary + ids, return_inverse=True, return_counts=True)
            repeats = often[which]
        scores = np.zeros((len(lengths), len(self.labels)))
        for index, counts in enumerate(self.counts):
            is_own = (own == index) if left_out else np.zeros(len(lengths), bool)
            seen = counts[ids] - np.where(is_own[of_row], repeats, 0)
            smoothed = tokens[index] - np.where(is_own, lengths, 0) + vocabulary
            scores[:, index] = np.bincount(of_row, np.log(seen + 1), len(lengths)) - lengths * np.log(smoothed)
            scores[:, index] += np.log(np.maximum(self.rows[index] - is_own, 0.5))
        return scores.argmax(axis=1) == own

    def write(self, model: Path) -> None:
        """Into a SavedModel's assets.extra."""
        np.savez_compressed(model / _FILE, labels=np.array(self.labels), rows=self.rows, counts=self.counts)

    @classmethod
    def read(cls, model: Path) -> Self | None:
        """From there; None: the model has none."""
        if not (model / _FILE).is_file():
            return None
        with np.load(model / _FILE, allow_pickle=False) as stored:
            return cls(tuple(stored["labels"].tolist()), stored["rows"], stored["counts"])

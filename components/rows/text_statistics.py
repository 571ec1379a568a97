"""How a split's texts fit the vocabulary and `model.max_length`, counted once and kept as a file.

The words are those of BERT's pre-tokenizer: what stands between spaces, punctuation and CJK ideographs apart. A word
that the vocabulary has nothing for is [UNK]; one that it has only single characters for is spelled out, which is what
becomes of Russian in the vocabulary of English BERT.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.settings.validation import Validation
from components.tokenization.coverage import Coverage

_FILE = "texts.json"

NO_LIMIT = 1 << 24
"""Tokens of a text that are counted at most."""

_MANY_UNKNOWN, _MANY_TRUNCATED = 0.1, 0.2
"""Shares from which on they are warned of: of a split's words, of its rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextStatistics:
    """Of one split, before anything is truncated."""

    rows: int
    words: int
    unknown_share: float
    """Of the words, those that are [UNK]."""
    spelled_share: float
    """Of the words, those that are cut into several tokens of one character each."""
    whole_share: float
    """Of the words, those that are one token."""
    tokens: int
    """[CLS] and [SEP] included, as in all counts of tokens."""
    most_tokens: int
    """Tokens of a row that the model sees: `max_length`, or what windows of it hold."""
    truncated_share: float
    """Of the rows, those with more tokens than that."""
    cut_share: float
    """Of the tokens, those that are not seen."""
    mean_tokens: float
    """Of a row, or of a text where the encoder sees each by itself."""
    percentiles: dict[str, int]
    """50, 90, 99 and 100 -> tokens that so many in a hundred rows have at most."""
    unseen_share: float | None = None
    """With a label for each word: of these words, those beyond the last token that is seen."""
    cut_targets_share: float | None = None
    """With a text for a label: of the rows, those of more tokens than are learned."""

    @property
    def foreign_share(self) -> float:
        """Of the words, those that the vocabulary tells little of: unknown or spelled out."""
        return self.unknown_share + self.spelled_share

    def note(self, split: str) -> str:
        """In a line."""
        spelled = f", {self.spelled_share:.1%} spelled out" if self.spelled_share >= 0.01 else ""
        cut = "" if self.cut_targets_share is None else f", {self.cut_targets_share:.1%} of targets cut"
        return (
            f"{split} {self.unknown_share:.1%} of words unknown{spelled}, {self.truncated_share:.1%} of rows truncated"
            f"{cut}"
        )


class Counter:
    """Adds up tokenized rows of one split.

    Args:
        coverage: of the vocabulary.
        most_tokens: that the model sees of a row.
        texts: how many of each row the encoder sees by themselves.
    """

    def __init__(self, coverage: Coverage, most_tokens: int, texts: int = 1) -> None:
        self._coverage, self._most, self._texts = coverage, most_tokens, texts
        self._words = np.zeros(4, np.int64)
        self._truncated = self._labelled = self._unseen = 0
        self._lengths = [np.zeros(0, np.int32)]

    def add(self, ids: np.ndarray, lengths: np.ndarray, labelled: np.ndarray | None = None) -> None:
        """Counts rows that are not truncated.

        Args:
            ids: int[tokens], one text after the other, each from [CLS] to [SEP].
            lengths: int[rows * texts], the tokens of each.
            labelled: with labels for words, bool[tokens]: where each such word begins.
        """
        self._words += [found.sum() for found in self._coverage.words(ids)]
        self._truncated += int((lengths.reshape(-1, self._texts) > self._most).any(axis=1).sum())
        self._lengths.append(lengths.astype(np.int32))
        if labelled is not None:
            places = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            self._labelled += int(labelled.sum())
            # The last token that is seen is [SEP].
            self._unseen += int((labelled & (places >= self._most - 1)).sum())

    def statistics(self) -> TextStatistics | None:
        """Of what was added; None: no rows."""
        lengths = np.concatenate(self._lengths)
        if not len(lengths):
            return None
        words, unknown, whole, spelled = (int(count) for count in self._words)
        rows, tokens = len(lengths) // self._texts, int(lengths.sum(dtype=np.int64))
        parts = (50, 90, 99, 100)
        at_most = np.percentile(lengths, parts, method="inverted_cdf")
        return TextStatistics(
            rows=rows,
            words=words,
            unknown_share=unknown / max(1, words),
            spelled_share=spelled / max(1, words),
            whole_share=whole / max(1, words),
            tokens=tokens,
            most_tokens=self._most,
            truncated_share=self._truncated / rows,
            cut_share=int(np.maximum(0, lengths - self._most).sum(dtype=np.int64)) / tokens,
            mean_tokens=tokens / len(lengths),
            percentiles={str(part): int(found) for part, found in zip(parts, at_most, strict=True)},
            unseen_share=self._unseen / self._labelled if self._labelled else None,
        )


def write(directory: Path, splits: Mapping[str, TextStatistics]) -> None:
    """Writes the statistics of each split into an artifact's directory."""
    found = {split: dataclasses.asdict(statistics) for split, statistics in splits.items()}
    (directory / _FILE).write_text(json.dumps(found, indent=1), encoding="utf-8")


def read(directory: Path) -> dict[str, TextStatistics]:
    """Split -> its statistics, from an artifact's directory."""
    return {split: TextStatistics(**found) for split, found in json.loads((directory / _FILE).read_text()).items()}


def warnings(splits: Mapping[str, TextStatistics]) -> list[str]:
    """What a person should know of the texts before a model is trained on them, a line each."""
    found = []
    for split, texts in splits.items():
        if texts.foreign_share > _MANY_UNKNOWN:
            found.append(f"{split}: {_foreign(texts)}; is it of the texts' language?")
        if texts.truncated_share > _MANY_TRUNCATED:
            found.append(
                f"{split}: {texts.truncated_share:.1%} of rows have more than {texts.most_tokens} tokens, "
                f"{texts.cut_share:.1%} of all tokens are not seen"
            )
    return found


def beyond(splits: Mapping[str, TextStatistics], limits: Validation) -> list[str]:
    """The limits in `[validation]` that splits are beyond, a line each with rule and value."""
    found = []
    for split, texts in splits.items():
        if texts.foreign_share > limits.max_unknown_share:
            found.append(f"{split}: {_foreign(texts)}, validation.max_unknown_share is {limits.max_unknown_share:.2%}")
        if texts.truncated_share > limits.max_truncated_share:
            found.append(
                f"{split}: {texts.truncated_share:.2%} of rows have more than {texts.most_tokens} tokens, "
                f"validation.max_truncated_share is {limits.max_truncated_share:.2%}"
            )
    return found


def _foreign(texts: TextStatistics) -> str:
    return (
        f"the base model's vocabulary has no pieces for {texts.foreign_share:.1%} of words "
        f"({texts.unknown_share:.1%} unknown, {texts.spelled_share:.1%} spelled out in single characters)"
    )

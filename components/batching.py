"""Transformed Examples to padded batches: random access to a file of token ids, so memory does not grow with the rows.

Rows of similar length share a batch, so that little of it is padding; which rows, and in which order the batches come,
is drawn anew for each epoch from (seed, epoch) alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components import task

_PARSE_ROWS = 2048
_GROUPED_BATCHES = 50
"""Batches whose rows are sorted by length together, as Hugging Face's LengthGroupedSampler does."""
_EVAL_TOKENS = 8192
"""Tokens, padding included, in a batch without gradients."""
PADDING = 0
"""Token id that fills a row up; the mask hides it, so its value is of no consequence."""


class Batch(NamedTuple):
    """Rows padded to the longest among them."""

    rows: np.ndarray
    """int64[batch]: which rows of the split they are."""
    token_ids: np.ndarray
    """int32[batch, length]."""
    padding_mask: np.ndarray
    """bool[batch, length], true for a token."""
    label_ids: np.ndarray
    """int32[batch]."""


class Tokens:
    """The rows of one split: token ids on disk, their places and labels in memory (16 bytes a row).

    Args:
        patterns: globs of gzipped TFRecords of transformed examples.
        feature_spec: the transform output's.
        path: file to write the token ids to, int32 one after the other.
    """

    def __init__(self, patterns: Sequence[str], feature_spec: dict[str, object], path: Path) -> None:
        wanted = {
            task.TOKEN_IDS: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
            task.LABEL_ID: feature_spec[task.LABEL_ID],
        }
        files = tf.data.Dataset.list_files(list(patterns), shuffle=False)
        records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_PARSE_ROWS)
        lengths, labels = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
        with path.open("wb") as file:
            for parsed in records.map(lambda batch: tf.io.parse_example(batch, wanted)).prefetch(2):
                parsed[task.TOKEN_IDS].values.numpy().astype(np.int32).tofile(file)
                lengths.append(parsed[task.TOKEN_IDS].row_lengths().numpy().astype(np.int32))
                labels.append(parsed[task.LABEL_ID].numpy().reshape(-1).astype(np.int32))
        self.lengths = np.concatenate(lengths)
        self.label_ids = np.concatenate(labels)
        self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.lengths, dtype=np.int64)])
        self._file = path.open("rb")

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: np.ndarray) -> Batch:
        """The rows of these indices, padded."""
        lengths = self.lengths[rows]
        mask = np.arange(lengths.max()) < lengths[:, np.newaxis]
        ids = np.full(mask.shape, PADDING, np.int32)
        # pread instead of a memory map: pages of a map count as the process's memory, cached ones do not.
        read = (os.pread(self._file.fileno(), 4 * n, 4 * self._starts[r]) for r, n in zip(rows, lengths, strict=True))
        ids[mask] = np.frombuffer(b"".join(read), np.int32)
        return Batch(rows, ids, mask, self.label_ids[rows])

    def epoch(self, batch_size: int, seed: int, epoch: int) -> Iterator[Batch]:
        """Every row once, in batches of `batch_size` rows of similar length; the last one may be smaller."""
        random = np.random.default_rng([seed, epoch])
        order = random.permutation(len(self))
        batches = []
        for start in range(0, len(order), group := batch_size * _GROUPED_BATCHES):
            rows = order[start : start + group]
            rows = rows[np.argsort(-self.lengths[rows], kind="stable")]
            batches += [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
        for index in random.permutation(len(batches)):
            yield self.batch(batches[index])

    def by_length(self) -> Iterator[Batch]:
        """Every row once, the longest first, in batches of about as many tokens each: for passes without gradients."""
        order = np.argsort(-self.lengths, kind="stable")
        start = 0
        while start < len(order):
            size = max(1, _EVAL_TOKENS // max(1, int(self.lengths[order[start]])))
            yield self.batch(order[start : start + size])
            start += size

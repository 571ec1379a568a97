"""Transformed Examples to padded batches: random access to a file, so memory grows by some bytes a row only.

Rows of similar length share a batch, so that little of it is padding; which rows, and in which order the batches come,
is drawn anew for each epoch from (seed, epoch) alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.common import feature_names
from components.common.literal_paths.patterns import matching
from components.statistics.filled import filled_up
from components.tasks import Task
from components.tasks.tagging import IGNORED

_PARSE_ROWS = 2048

_GROUPED_BATCHES = 50
"""Batches whose rows are sorted by length together, as Hugging Face's LengthGroupedSampler does."""


class Batch(NamedTuple):
    """Rows padded to the longest among them."""

    rows: np.ndarray
    """int64[batch]: which rows of the split they are."""
    inputs: np.ndarray
    """Token ids, int32[batch, length], or hidden states, float32[batch, length, hidden]."""
    padding_mask: np.ndarray
    """bool[batch, length], true for a token."""
    targets: np.ndarray
    """What the task's loss takes: int32[batch] or float32[batch, ...]; of labels a token, int32[batch, length]."""

    def part(self, number: int, of: int) -> Batch:
        """The rows from this number on, each so many rows behind the last: of equal length in all parts, or nearly."""
        return Batch(*(values[number::of] for values in self))


class Rows:
    """The rows of one split: token ids or hidden states on disk, their places and labels in memory (16 bytes a row).

    Args:
        path: file of the rows' tokens, one after the other.
        lengths: int32[rows], the tokens of each.
        targets: int32[rows] or float32[rows, ...]; with labels a token, int32[tokens], one row after the other.
        hidden: width of the states; None: the file holds token ids.
        per_token: whether each token has a label.
        unseen: with labels a token, int32[words] those of words beyond the last token, one row after the other, and
            int32[rows], how many of each: nothing learns from them, but they count where the model is measured.
        padding_id: token id that fills rows up to equal length. The mask hides it.
        measured: where rows are measured by more than `targets`: gives that of each, int32[any], from files.
        computed: int64[rows], the tokens that a model computes of each, where these are not `lengths` alone: rows of
            a batch are similar in these.
    """

    inference_tokens = 8192
    """Tokens, padding included, in a batch without gradients."""

    def __init__(
        self,
        path: Path,
        lengths: np.ndarray,
        targets: np.ndarray,
        hidden: int | None = None,
        per_token: bool = False,
        unseen: tuple[np.ndarray, np.ndarray] | None = None,
        padding_id: int = 0,
        measured: Callable[[], Iterator[np.ndarray]] | None = None,
        computed: np.ndarray | None = None,
    ) -> None:
        self.lengths, self.targets, self.per_token, self._hidden = lengths, targets, per_token, hidden
        self._computed = lengths if computed is None else computed
        self._unseen, self._padding_id, self._measured = unseen, padding_id, measured
        self._to_measure: np.ndarray | None = None
        self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
        self._file = path.open("rb")

    @classmethod
    def of_examples(
        cls, patterns: Sequence[str], feature_spec: dict[str, object], task: Task, path: Path, padding_id: int = 0
    ) -> Rows:
        """Rows of token ids.

        Args:
            patterns: globs of gzipped TFRecords of transformed examples.
            feature_spec: the transform output's.
            task: whose labels they have.
            path: file to write the token ids to, int32 one after the other.
            padding_id: token id that fills rows up to equal length.
        """
        ragged = tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)
        wanted = {feature_names.TOKEN_IDS: ragged, feature_names.TARGET: feature_spec[feature_names.TARGET]}
        if task.per_token:
            wanted |= {feature_names.WORD_IDS: ragged, feature_names.TARGET: ragged}
        if not (files := sorted(file for pattern in patterns for file in matching(pattern))):
            raise FileNotFoundError(f"no file matches {' or '.join(patterns)}")
        records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_PARSE_ROWS)
        nothing = np.zeros(0, np.int32)
        lengths, targets, unseen = [nothing], [nothing], [(nothing, nothing)]
        with path.open("wb") as file:
            for parsed in records.map(lambda batch: tf.io.parse_example(batch, wanted)).prefetch(2):
                parsed[feature_names.TOKEN_IDS].values.numpy().astype(np.int32).tofile(file)
                lengths.append(parsed[feature_names.TOKEN_IDS].row_lengths().numpy().astype(np.int32))
                if task.per_token:
                    targets.append(_of_tokens(parsed))
                    unseen.append(_beyond(parsed))
                else:
                    targets.append(_of_rows(parsed[feature_names.TARGET].numpy()))
        # Without the empty one, whose dtype and rank may be others.
        found = np.concatenate(targets[1:] or targets)
        tags, counts = map(np.concatenate, zip(*unseen, strict=True))
        of_words = (tags, counts) if task.per_token else None
        every_length = np.concatenate(lengths)
        measured = partial(_texts_to_measure, files) if task.finds_span else None
        computed = None
        if task.writes:
            # Each token of a target, and the [MASK] that it is told by.
            computed = every_length + 2 * (found != IGNORED).reshape(len(found), -1).sum(axis=1)
        return cls(path, every_length, found, None, task.per_token, of_words, padding_id, measured, computed)

    def mapped(self, states: Callable[[Batch], np.ndarray], path: Path, hidden: int, pooled: bool) -> Rows:
        """Rows of hidden states in place of token ids.

        Args:
            states: a batch -> float32[batch, length, hidden], or float32[batch, 1, hidden] if `pooled`.
            path: file to write them to, float32.
            hidden: width of a state.
            pooled: whether a row has one state instead of one a token.
        """
        lengths = np.ones_like(self.lengths) if pooled else self.lengths
        with path.open("wb") as file:
            rows = Rows(path, lengths, self.targets, hidden, self.per_token, self._unseen)
            for batch in self.by_length():
                for row, of_row in zip(batch.rows, states(batch), strict=True):
                    file.seek(rows.bytes_before(row))
                    file.write(of_row[: lengths[row]].tobytes())
        return rows

    def states_bytes(self, hidden: int, pooled: bool) -> int:
        """What `mapped` takes on disk."""
        return 4 * hidden * (len(self) if pooled else int(self._starts[-1]))

    def __len__(self) -> int:
        return len(self.lengths)

    def bytes_before(self, row: int) -> int:
        """Where a row begins in the file; the file's size for the number of rows."""
        return 4 * (self._hidden or 1) * int(self._starts[row])

    def batch(self, rows: np.ndarray) -> Batch:
        """The rows of these indices, padded."""
        lengths = self.lengths[rows]
        mask = np.arange(lengths.max()) < lengths[:, np.newaxis]
        # pread instead of a memory map: pages of a map count as the process's memory, cached ones do not.
        places = ((self.bytes_before(row), self.bytes_before(row + 1)) for row in rows)
        read = b"".join(os.pread(self._file.fileno(), end - start, start) for start, end in places)
        dtype, shape = (np.int32, ()) if self._hidden is None else (np.float32, (self._hidden,))
        inputs = np.full((*mask.shape, *shape), self._padding_id if self._hidden is None else 0, dtype)
        inputs[mask] = np.frombuffer(read, dtype).reshape(-1, *shape)
        return Batch(rows, inputs, mask, self._targets_of(rows, mask))

    def _targets_of(self, rows: np.ndarray, mask: np.ndarray) -> np.ndarray:
        if not self.per_token:
            return self.targets[rows]
        targets = np.full(mask.shape, IGNORED, np.int32)
        targets[mask] = np.concatenate([self.targets[self._starts[row] : self._starts[row + 1]] for row in rows])
        return targets

    def all_targets(self) -> np.ndarray:
        """Of every row, in their order; those a token, and of words beyond the last one, filled up with `IGNORED`.

        Likewise, where an answer is a part of a text, the offsets of its tokens and the text with the right answers.
        """
        if self._measured is not None:
            if self._to_measure is None:
                self._to_measure = filled_up(list(self._measured()), IGNORED, np.int32)
            return self._to_measure
        if not self.per_token:
            return self.targets
        tags, counts = self._unseen or (np.zeros(0, np.int32), np.zeros_like(self.lengths))
        ends = self.lengths + counts
        places = np.arange(ends.max(initial=0))
        of_token = places < self.lengths[:, np.newaxis]
        targets = self._targets_of(np.arange(len(self)), of_token)
        targets[(places < ends[:, np.newaxis]) & ~of_token] = tags
        return targets

    @property
    def words_cut(self) -> int:
        """Words with a label that are beyond the last token of their row."""
        return len(self._unseen[0]) if self._unseen else 0

    def sha256(self) -> str:
        """Of the token ids and targets of all rows."""
        targets = self.targets if self._measured is not None else self.all_targets()
        digest = hashlib.sha256(self.lengths.tobytes() + targets.tobytes())
        for row in self._measured() if self._measured is not None else ():
            digest.update(row.tobytes())
        with open(self._file.fileno(), "rb", closefd=False) as file:
            while part := file.read(1 << 20):
                digest.update(part)
        return digest.hexdigest()

    def epoch(self, batch_size: int, seed: int, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Every row once, in batches of `batch_size` rows of similar length; the last one may be smaller.

        Args:
            batch_size: rows in a batch.
            seed: of the whole training.
            epoch: number from 0.
            first: number of the batch to begin with, from 0.
        """
        random = np.random.default_rng([seed, epoch])
        order = random.permutation(len(self))
        batches = []
        for start in range(0, len(order), group := batch_size * _GROUPED_BATCHES):
            rows = order[start : start + group]
            rows = rows[np.argsort(-self._computed[rows], kind="stable")]
            batches += [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
        for index in random.permutation(len(batches))[first:]:
            yield self.batch(batches[index])

    def by_length(self) -> Iterator[Batch]:
        """Every row once, the longest first, in batches of about as many tokens each: for passes without gradients."""
        order = np.argsort(-self._computed, kind="stable")
        start = 0
        while start < len(order):
            size = max(1, self.inference_tokens // max(1, int(self._computed[order[start]])))
            yield self.batch(order[start : start + size])
            start += size


def _texts_to_measure(files: Sequence[str]) -> Iterator[np.ndarray]:
    """Of rows in gzipped TFRecords of transformed examples, int32[any] as `Answering.compute_metrics` takes it."""
    ragged = tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)
    wanted = {feature_names.OFFSETS: ragged, feature_names.ANSWER_TEXTS: ragged}
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_PARSE_ROWS)
    for parsed in records.map(lambda batch: tf.io.parse_example(batch, wanted)).prefetch(2):
        for offsets, codes in zip(*(parsed[name].to_list() for name in wanted), strict=True):
            yield np.array([len(offsets) // 2, *offsets, *codes], np.int32)


def _of_rows(values: np.ndarray) -> np.ndarray:
    """int32[n] or float32[n, ...]."""
    values = values.reshape(len(values), -1) if values.size > len(values) else values.reshape(-1)
    return values.astype(np.int32 if np.issubdtype(values.dtype, np.integer) else np.float32)


def _of_tokens(parsed: dict[str, tf.RaggedTensor]) -> np.ndarray:
    """int32[tokens]: the tag of the word that a token begins, else `IGNORED`."""
    words, tags = parsed[feature_names.WORD_IDS], parsed[feature_names.TARGET]
    number = words.values.numpy()
    first = np.repeat(tags.row_starts().numpy(), words.row_lengths().numpy())
    found = np.full(len(number), IGNORED, np.int32)
    begins = number >= 0
    found[begins] = tags.values.numpy()[(first + number)[begins]]
    return found


def _beyond(parsed: dict[str, tf.RaggedTensor]) -> tuple[np.ndarray, np.ndarray]:
    """int32[words]: the tags of words behind the last one that a token begins; int32[rows]: how many of each row."""
    words, tags = parsed[feature_names.WORD_IDS], parsed[feature_names.TARGET]
    seen = tf.maximum(tf.reduce_max(words, axis=1), -1) + 1
    counts = tags.row_lengths() - seen
    places = tf.ragged.range(tags.row_lengths())
    found = tf.ragged.boolean_mask(tags, places >= tf.expand_dims(seen, 1))
    return found.values.numpy().astype(np.int32), counts.numpy().astype(np.int32)

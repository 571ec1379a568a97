"""The sentences of Examples of documents as token ids, by the tokenizer in the graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.common import feature_names, progress
from components.rows.text_statistics import NO_LIMIT
from components.tokenization.vocabulary import Tokenizer

_DOCUMENTS, _SENTENCES = 64, 1024
"""That are read, and cut into pieces, at a time."""


class TokenBatch(NamedTuple):
    """The sentences of some documents."""

    token_ids: np.ndarray
    """int32 of all, [CLS] pieces [SEP] each."""
    lengths: np.ndarray
    """int64[sentences], tokens of each."""
    documents: np.ndarray
    """int64[documents], sentences of each."""


class Tokens(NamedTuple):
    """All documents of a split."""

    token_ids: np.ndarray
    """int32 of all sentences one after the other, without [CLS] and [SEP]; on disk."""
    sentences: np.ndarray
    """int64[sentences], tokens of each; none is 0."""
    documents: np.ndarray
    """int64[documents], sentences of each."""


def token_batches(files: Sequence[str], tokenizer: Tokenizer) -> Iterator[TokenBatch]:
    """The sentences as a model would get them, whole.

    Args:
        files: gzipped TFRecords of Examples of documents.
        tokenizer: with its vocabulary.
    """
    import tensorflow as tf

    from components.tokenization.wordpiece import traced

    wordpiece, features = traced(tokenizer, NO_LIMIT), {feature_names.SENTENCES: tf.io.RaggedFeature(tf.string)}
    with progress.progress() as bar:
        for batch in tf.data.TFRecordDataset(sorted(files), compression_type="GZIP").batch(_DOCUMENTS):
            sentences = tf.io.parse_example(batch, features)[feature_names.SENTENCES]
            ids, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
            for first in range(0, len(sentences.values), _SENTENCES):
                cut = wordpiece(sentences.values[first : first + _SENTENCES])
                ids.append(cut.flat_values.numpy().astype(np.int32))
                lengths.append(cut.row_lengths().numpy())
            yield TokenBatch(np.concatenate(ids), np.concatenate(lengths), sentences.row_lengths().numpy())
            bar.advance(len(batch), f"{bar.done + len(batch):,.0f} documents")


def read(files: Sequence[str], tokenizer: Tokenizer, path: Path) -> Tokens:
    """The sentences that have a token at all, onto disk.

    Args:
        files: as `token_batches`.
        tokenizer: likewise.
        path: file to write the token ids to.
    """
    sentences, documents = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    with path.open("wb") as file:
        for batch in token_batches(files, tokenizer):
            inner = np.ones(len(batch.token_ids), bool)
            ends = np.cumsum(batch.lengths)
            inner[ends - 1] = inner[ends - batch.lengths] = False
            batch.token_ids[inner].tofile(file)
            lengths = batch.lengths - 2
            # A document may have no sentence: no reduceat, which would take the next one's.
            before = np.concatenate([[0], np.cumsum(lengths > 0)])[np.concatenate([[0], np.cumsum(batch.documents)])]
            sentences.append(lengths[lengths > 0])
            documents.append(np.diff(before))
    of_file = np.memmap(path, np.int32, "r") if path.stat().st_size else np.zeros(0, np.int32)
    return Tokens(of_file, np.concatenate(sentences), np.concatenate(documents))

"""What a tokenizer makes of the texts of Examples: `text_statistics`, counted in TensorFlow's graph."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.common import feature_names, progress
from components.examples import records
from components.examples.in_process import ordered
from components.rows.text_statistics import NO_LIMIT, Counter, TextStatistics
from components.tasks import Task
from components.tokenization.coverage import Coverage
from components.tokenization.vocabulary import Tokenizer
from components.tokenization.wordpiece import traced

_ROWS, _BYTES = 2048, 1 << 22
"""Rows, and bytes of Examples, that are tokenized together: long texts take memory."""


def of_examples(directory: Path, task: Task, tokenizer: Tokenizer, most_tokens: int) -> TextStatistics | None:
    """Counts the rows of a split.

    Args:
        directory: its gzipped TFRecords of raw Examples.
        task: whose rows they are.
        tokenizer: of the base model.
        most_tokens: that the model sees of a row.
    """
    wordpiece = traced(tokenizer, NO_LIMIT)
    features = {name: tf.io.FixedLenFeature([], tf.string) for name in task.texts}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def tokenized(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        parsed = tf.io.parse_example(batch, features)
        texts, begins = [parsed[name] for name in task.texts], tf.zeros([0], tf.bool)
        if task.per_token:
            ids, words = wordpiece.words(tf.strings.split(texts[0], " "))
            begins = words.flat_values >= 0
        elif task.bi_encoder:
            ids = tf.stack([wordpiece(text) for text in texts], axis=1).merge_dims(0, 1)
        else:
            ids = task.tokenize(wordpiece, texts)
        return ids.flat_values, ids.row_lengths(), begins

    def of_batch(batch: list[bytes]) -> list[np.ndarray]:
        return [found.numpy() for found in tokenized(tf.constant(batch))]

    counter = Counter(Coverage(tokenizer), most_tokens, len(task.texts) if task.bi_encoder else 1)
    with progress.progress() as bar:
        for ids, lengths, begins in ordered(of_batch, records.batches(directory, _ROWS, _BYTES)):
            counter.add(ids, lengths, begins if task.per_token else None)
            rows = len(lengths) // (len(task.texts) if task.bi_encoder else 1)
            bar.advance(rows, f"{bar.done + rows:,.0f} rows")
    return counter.statistics()


class LongTargets(NamedTuple):
    """Targets of a split that have more tokens than are learned."""

    rows: int
    """Of the split."""
    long: int
    first: str
    """The first of them; empty: there is none."""


def long_targets(directory: Path, task: Task, tokenizer: Tokenizer, most_tokens: int) -> LongTargets:
    """Counts the targets of a split that are too long.

    Args:
        directory: its gzipped TFRecords of raw Examples.
        task: one whose labels are texts.
        tokenizer: of the base model.
        most_tokens: of a target, its end among them.
    """
    wordpiece = traced(tokenizer, NO_LIMIT)
    features = {feature_names.LABEL: tf.io.FixedLenFeature([], tf.string)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def too_long(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        labels = tf.io.parse_example(batch, features)[feature_names.LABEL]
        is_long = wordpiece.pieces(labels).row_lengths() + 1 > most_tokens
        return tf.size(labels), tf.boolean_mask(labels, is_long)

    rows, long, first = 0, 0, ""
    for batch in records.batches(directory, _ROWS, _BYTES):
        size, found = (values.numpy() for values in too_long(tf.constant(batch)))
        first = first or (found[0].decode() if len(found) else "")
        rows, long = rows + int(size), long + len(found)
    return LongTargets(rows, long, first)

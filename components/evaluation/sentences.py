"""Labelled sentences of Examples that lie on disk, for what reads them one by one, outside of Beam."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from components.common import feature_names
from components.evaluation import split_examples
from components.examples import records
from components.tasks import Task

Sentence = tuple[list[str], list[str]]
"""Words and their tags."""


def read(directory: str | Path, task: Task) -> Iterator[Sentence]:
    """The sentences of a split's directory of raw Examples, in its order.

    Args:
        directory: of gzipped TFRecords.
        task: a tagger's.
    """
    for record in records.read(directory):
        example = tf.train.Example.FromString(record)
        words, tags = (split_examples.value(example, name) for name in (*task.texts, feature_names.LABEL))
        yield words.split(" "), tags.split(" ")

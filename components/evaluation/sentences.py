"""Labelled sentences of Examples that lie on disk, for what reads them one by one, outside of Beam."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from components.common import feature_names
from components.tasks import Task

Sentence = tuple[list[str], list[str]]
"""Words and their tags."""


def read(directory: str | Path, task: Task) -> Iterator[Sentence]:
    """The sentences of a split's directory of raw Examples, in its order.

    Args:
        directory: of gzipped TFRecords.
        task: a tagger's.
    """
    files = sorted(str(path) for path in Path(directory).glob("*.gz"))
    for record in tf.data.TFRecordDataset(files, compression_type="GZIP"):
        feature = tf.train.Example.FromString(record.numpy()).features.feature
        words, tags = (feature[name].bytes_list.value[0].decode() for name in (*task.texts, feature_names.LABEL))
        yield words.split(" "), tags.split(" ")

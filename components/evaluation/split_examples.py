"""Raw Examples of one split: a feature's value, labelled sentences, and an artifact that has this split alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts

from components.common import feature_names
from components.examples import records
from components.tasks import Task

Sentence = tuple[list[str], list[str]]
"""Words and their tags."""


def value(example: Any, name: str) -> str:
    """What a feature of one string holds."""
    text: str = example.features.feature[name].bytes_list.value[0].decode()
    return text


def sentences(directory: str | Path, task: Task) -> Iterator[Sentence]:
    """The labelled sentences of a split's directory, in its order, for what reads them one by one, outside of Beam.

    Args:
        directory: of gzipped TFRecords.
        task: a tagger's.
    """
    for record in records.read(directory):
        example = tf.train.Example.FromString(record)
        words, tags = (value(example, name) for name in (*task.texts, feature_names.LABEL))
        yield words.split(" "), tags.split(" ")


@contextmanager
def written(
    examples: Any, split: str, scratch: Path
) -> Iterator[tuple[standard_artifacts.Examples, Callable[[bytes], None]]]:
    """An artifact like another, with one split, and what writes a serialized Example of it as long as the block lasts.

    Args:
        examples: the other artifact.
        split: the only one.
        scratch: where the Examples go.
    """
    made = standard_artifacts.Examples()
    made.copy_from(examples)
    made.uri, made.split_names = str(scratch), artifact_utils.encode_split_names([split])
    directory = Path(artifact_utils.get_split_uri([made], split))
    directory.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(directory / "data_tfrecord-00000-of-00001.gz"), options="GZIP") as out:
        yield made, out.write

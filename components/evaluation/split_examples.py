"""Raw Examples of one split: a feature's value, and an artifact that has this split alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts


def value(example: Any, name: str) -> str:
    """What a feature of one string holds."""
    text: str = example.features.feature[name].bytes_list.value[0].decode()
    return text


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

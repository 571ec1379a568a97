"""Raw Examples of one split on disk, one by one: read, and written as an artifact that has this split alone.

Outside of Beam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts


def records(directory: str | Path) -> Iterator[bytes]:
    """The serialized Examples of a split's directory of gzipped TFRecords, in its order."""
    files = sorted(map(str, Path(directory).glob("*.gz")))
    yield from tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()


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

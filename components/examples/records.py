"""Serialized Examples in the gzipped TFRecords of a split's directory, many at a time, outside of Beam."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

MOST_ROWS, MOST_BYTES = 8192, 20 << 20
"""Of a batch: as tfx_bsl makes them for Beam, see `pipeline.beam.batch_size`."""

_READ_ROWS, _READ_AHEAD = 256, 16

_WRITE_AHEAD = 2


def read(directory: str | Path) -> Iterator[bytes]:
    """The serialized Examples of a split's directory, in its order."""
    return itertools.chain.from_iterable(batches(directory))


def batches(directory: str | Path, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> Iterator[list[bytes]]:
    """The same, as many together as these limits allow and one at least; disk and gzip are waited for by a thread."""
    files = sorted(map(str, Path(directory).glob("*.gz")))
    found = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_READ_ROWS).prefetch(_READ_AHEAD)
    batch, size = list[bytes](), 0
    for record in itertools.chain.from_iterable(found.as_numpy_iterator()):
        if batch and (len(batch) == most_rows or size + len(record) > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record)
    if batch:
        yield batch


@contextmanager
def written(directory: Path, name: str = "data_tfrecord") -> Iterator[Callable[[Sequence[bytes]], None]]:
    """What writes serialized Examples to the one file of a split, as long as the block lasts.

    Another thread compresses, which takes as long as making them; no more than two calls are ahead of it.

    Args:
        directory: of the split.
        name: that the file's begins with.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = str(directory / f"{name}-00000-of-00001.gz")
    with tf.io.TFRecordWriter(path, options="GZIP") as out, ThreadPoolExecutor(1) as pool:
        waiting = deque[Future[None]]()

        def write_all(records: Sequence[bytes]) -> None:
            for record in records:
                out.write(record)

        def write(records: Sequence[bytes]) -> None:
            if len(waiting) == _WRITE_AHEAD:
                waiting.popleft().result()
            waiting.append(pool.submit(write_all, records))

        yield write
        for future in waiting:
            future.result()

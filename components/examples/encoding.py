"""Rows as the tf.Examples that all stages read: one by one, and, many times as fast, many at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders import example_coder

from components.common import feature_names
from components.rows.reader import Row
from components.tasks import Task


def serialized(row: Row, task: Task, slice_names: Sequence[str]) -> bytes:
    """A row as an Example: the features of the task's texts, `label` and the slice columns, one value each."""
    example = tf.train.Example()
    feature = example.features.feature
    for name, text in zip(task.texts, row.texts, strict=True):
        feature[name].bytes_list.value.append(text.encode())
    label = task.to_feature(row.label)
    if isinstance(label, str):
        feature[feature_names.LABEL].bytes_list.value.append(label.encode())
    else:
        feature[feature_names.LABEL].float_list.value.append(label)
    for name, value in zip(slice_names, row.slices, strict=True):
        feature[name].bytes_list.value.append(value.encode())
    return example.SerializeToString()


def all_serialized(rows: Sequence[Row], task: Task, slice_names: Sequence[str]) -> list[bytes]:
    """`serialized` of each row, of which there is one at least; an Example's features have no order."""
    labels = [task.to_feature(row.label) for row in rows]
    columns = dict(zip(task.texts, zip(*(row.texts for row in rows), strict=True), strict=True))
    columns |= dict(zip(slice_names, zip(*(row.slices for row in rows), strict=True), strict=True))
    arrays = {name: pa.array(values, pa.large_string()).cast(pa.large_binary()) for name, values in columns.items()}
    is_text = isinstance(labels[0], str)
    of_labels = pa.array(labels, pa.large_string() if is_text else pa.float32())
    arrays[feature_names.LABEL] = of_labels.cast(pa.large_binary()) if is_text else of_labels
    one_a_row = pa.array(np.arange(len(rows) + 1), pa.int64())
    lists = [pa.LargeListArray.from_arrays(one_a_row, values) for values in arrays.values()]
    batch = pa.RecordBatch.from_arrays(lists, list(arrays))
    encoded: list[bytes] = example_coder.RecordBatchToExamplesEncoder().encode(batch)
    return encoded

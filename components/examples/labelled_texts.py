"""Raw Examples as texts and labels, for what looks at single rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from components.common import feature_names
from components.examples import records
from components.tasks import Task

LabelledTexts = tuple[tuple[str, ...], str]
"""Of one row; the label as `Task.to_feature` has it, a number as text."""


def read(directory: Path, task: Task) -> Iterator[LabelledTexts]:
    """The rows of a split's directory of raw Examples, in its order."""
    return (of(record, task) for record in records.read(directory))


def of(record: bytes, task: Task) -> LabelledTexts:
    """The row of a serialized raw Example."""
    feature = tf.train.Example.FromString(record).features.feature
    texts = tuple(feature[name].bytes_list.value[0].decode() for name in task.texts)
    label = feature[feature_names.LABEL]
    return texts, repr(label.float_list.value[0]) if task.numeric else label.bytes_list.value[0].decode()

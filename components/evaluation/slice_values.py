"""The values of a column that metrics are given apart for: those of the most rows, or those that the settings list.

Rows with other values are a slice together: each slice takes TensorFlow Model Analysis its time, and nobody reads
two thousand of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.types import artifact_utils

from components.evaluation import split_examples
from components.examples import records

OTHERS = "(others)"
"""In place of a value that has no slice of its own; in more brackets where a row has this very value."""


def limited(examples: Any, split: str, slices: Mapping[str, Sequence[str]], most: int, scratch: Path) -> Any:
    """Examples whose columns have so few values that each may be a slice: the given ones, if that is so already.

    Args:
        examples: the artifact.
        split: of it.
        slices: raw feature -> the values with a slice each; none: those of the most rows.
        most: of these.
        scratch: where changed Examples are written.
    """
    directory = artifact_utils.get_split_uri([examples], split)
    counts: dict[str, Counter[str]] = {name: Counter() for name in slices}
    for record in records.read(directory) if slices else ():
        example = tf.train.Example.FromString(record)
        for name, counted in counts.items():
            counted[split_examples.value(example, name)] += 1
    others = {name: _others(counted, slices[name], most) for name, counted in counts.items()}
    if not any(others.values()):
        return examples
    with split_examples.written(examples, split, scratch) as (fewer, write):
        for record in records.read(directory):
            example = tf.train.Example.FromString(record)
            for name, renamed in others.items():
                value = split_examples.value(example, name)
                if value in renamed:
                    example.features.feature[name].bytes_list.value[0] = renamed[value].encode()
            write(example.SerializeToString())
    return fewer


def _others(counted: Counter[str], listed: Sequence[str], most: int) -> dict[str, str]:
    """Value without a slice of its own -> what stands in its place."""
    ordered = sorted(counted, key=lambda value: (-counted[value], value))
    apart = set(listed or ordered[:most])
    name = OTHERS
    while name in counted:
        name = f"({name})"
    return {value: name for value in ordered if value not in apart}

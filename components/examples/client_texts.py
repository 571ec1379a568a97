"""The texts of Examples as a client sends them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from components.tasks import Task
from components.tokenization.printed import printed

HELD_AGAINST = 192
"""Rows of dev that another form of a model is held against the model on."""


def of_examples(examples: Path, split: str, task: Task, count: int) -> list[tuple[str, ...]]:
    """The texts of the first rows of a split.

    Args:
        examples: the artifact's directory, with raw rows.
        split: its name.
        task: whose rows they are.
        count: of rows, at most.
    """
    # With TensorFlow, which the function below does without.
    import tensorflow as tf

    from components.examples import records

    found: list[tuple[str, ...]] = []
    for record in islice(records.read(examples / f"Split-{split}"), count):
        features = tf.train.Example.FromString(record).features.feature
        found += as_sent([features[name].bytes_list.value[0].decode() for name in task.texts], task)
    return found[:count]


def as_sent(texts: Sequence[str], task: Task) -> list[tuple[str, ...]]:
    """The texts of a row of training as a client sends them: words as running text, of a bi-encoder each by itself."""
    if task.per_token:
        return [(printed(texts[0].split(" "))[0],)]
    return [(text,) for text in texts] if task.bi_encoder else [tuple(texts)]

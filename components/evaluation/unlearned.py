"""The rows of a split that a model has not learned from: on others it answers by heart, and nothing can be compared."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts

from components.common import feature_names
from components.evaluation import split_examples
from components.examples import records
from components.leakage import row_hashes
from components.tasks import Task


def count(examples: Path, split: str, learned: np.ndarray) -> tuple[int, int]:
    """How many rows of a split have texts that a model has learned from, and how many there are.

    Args:
        examples: directory of the artifact.
        split: of it.
        learned: uint64[texts], as `leakage.learned` has them.
    """
    found = [row_hashes.among(np.asarray(rows["texts"]), learned) for _, rows in row_hashes.read(examples, split)]
    return sum(int(rows.sum()) for rows in found), sum(map(len, found))


def without(
    examples: Any, split: str, task: Task, learned: np.ndarray, scratch: Path
) -> tuple[standard_artifacts.Examples, Counter[str]]:
    """Examples with the other rows of a split, and how many there are by label, as the task counts them.

    Args:
        examples: the artifact.
        split: of it.
        task: whose rows they are.
        learned: uint64[texts], as `leakage.learned` has them.
        scratch: where they are written.
    """
    known, labels = set(learned.tolist()), Counter[str]()
    directory = artifact_utils.get_split_uri([examples], split)
    with split_examples.written(examples, split, scratch) as (rest, write):
        for record in records.read(directory):
            example = tf.train.Example.FromString(record)
            texts = tuple(split_examples.value(example, name) for name in task.texts)
            if row_hashes.of_texts(texts, task) in known:
                continue
            write(record)
            if task.has_label_names:
                labels[task.count_key(split_examples.value(example, feature_names.LABEL))] += 1
    return rest, labels

"""Trainings on toy rows in a process of their own, alone or with others, for tests of what becomes of the weights.

`python -m tests.together FOLDER JSON`: `FOLDER/model` is a toy checkpoint; the JSON holds `name`, `cases`, which are
[task, training], and `devices`, the copies in this process. With 0 it is one of the processes that TF_CONFIG lists.
Case 2 leaves `FOLDER/NAME-2.npz`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from components.common import tensorflow_env
from components.distributed import cluster
from tests.toys import VOCABULARY

ROWS = 45
"""In batches of 8 rows the last one has 5, and in batches of 4, 1."""


def main(folder: Path, order: dict[str, Any]) -> None:
    """Trains, and writes the weights, the losses on dev and the number of copies."""
    tensorflow_env.set_up()
    import tensorflow as tf

    from components.distributed import cluster_replicas
    from components.training import replicas

    if order["devices"] > 1:
        logical = [tf.config.LogicalDeviceConfiguration() for _ in range(order["devices"])]
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], logical)
    if order["devices"] == 0:
        group = cluster_replicas.of_cluster(cluster.of_environment())
    else:
        group = replicas.of_machine("mirrored" if order["devices"] > 1 else "auto")
    for number, (task, training) in enumerate(order["cases"]):
        np.savez(folder / f"{order['name']}-{number}.npz", **trained(folder / "model", task, training, group))


def trained(base_model: Path, name: str, settings: dict[str, Any], group: Any) -> dict[str, Any]:
    """What a training leaves."""
    from components.settings.model import Model
    from components.settings.training import Training
    from components.training import initial_model, loop

    training = Training(**settings)
    with tempfile.TemporaryDirectory() as scratch:
        logs = Path(scratch)
        rows, task = toy_split(name, logs / "rows")
        model_settings = Model(base="toy", pooling="mean")
        model, *others = group.copies(lambda: initial_model.build_model(base_model, model_settings, training, task))
        weights = np.array([1.0, 2.5, 0.5], np.float32)[: len(task.weight_names)]
        history = loop.fit(model, rows, rows, training, weights, logs, logs, None, group, others)
    losses = [evaluation.loss for evaluation in history.evaluations]
    found = {variable.path: variable.numpy() for variable in model.variables if "seed" not in variable.path}
    return {**found, "losses": losses, "replicas": history.replicas}


def toy_split(name: str, path: Path) -> tuple[Any, Any]:
    """Rows of 3 to 14 tokens, and their task: two classes of a text or of two, answers in the second of two, or tags of
    few or many words a row.
    """
    from components.tasks.answering.task import Answering
    from components.tasks.classification import Classification
    from components.tasks.pair import Pair
    from components.tasks.tagging import IGNORED, Tagging
    from components.training.dataset import Rows

    draws = np.random.default_rng(0)
    lengths = draws.integers(3, 15, ROWS).astype(np.int32)
    token_ids = draws.integers(5, 40, lengths.sum()).astype(np.int32)
    if name in ("answering", "pair"):
        # A row's second token, so that the second text has one at least.
        token_ids[np.cumsum(lengths) - lengths + 1] = VOCABULARY.index("[SEP]")
    token_ids.tofile(path)
    if name in ("classification", "pair"):
        task = (Pair if name == "pair" else Classification)(("bad", "good"))
        return Rows(path, lengths, draws.integers(0, 2, ROWS).astype(np.int32)), task
    if name == "answering":
        targets = np.array([[0, 0] if row % 3 == 0 else [2, size - 1] for row, size in enumerate(lengths)], np.int32)
        to_measure = [np.array([0, ord("a")], np.int32)] * ROWS
        return Rows(path, lengths, targets, measured=lambda: iter(to_measure)), Answering()
    tags = draws.integers(0, 3, lengths.sum()).astype(np.int32)
    tags[draws.random(len(tags)) < 0.6] = IGNORED
    return Rows(path, lengths, tags, per_token=True), Tagging(("FILM",))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))

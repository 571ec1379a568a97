"""Copies that are trained together: what one worker or device computes, two compute too."""

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.common.errors import InputError
from components.tasks.classification import Classification
from components.tasks.tagging import IGNORED, Tagging
from components.training import replicas
from components.training.dataset import Batch
from components.training.replicas import SINGLE_REPLICA
from tests.commands import Interpreter
from tests.network import tf_config
from tests.toys import write_toy_checkpoint

Weights = Mapping[str, np.ndarray]


def test_rows_count_and_with_labels_a_token_words() -> None:
    targets = np.array([[0, IGNORED, 1], [IGNORED, IGNORED, 2]], np.int32)
    assert Tagging(("LOC",)).loss_weight(targets) == 3
    assert Classification(("a", "b")).loss_weight(np.zeros(5, np.int32)) == 5


def test_the_gradient_of_some_rows_has_a_place_for_all_rows_of_the_batch() -> None:
    slices = tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([7, 3, 7]))
    rows = tf.constant([3, 5, 7])
    assert replicas.gradient_of_rows(slices, rows).numpy().tolist() == [[2.0], [0.0], [5.0]]


def test_parts_of_a_batch_have_nearly_the_same_length_and_every_row_once() -> None:
    batch = Batch(*(np.arange(5) for _ in Batch._fields))
    assert [batch.part(number, 3).rows.tolist() for number in range(3)] == [[0, 3], [1, 4], [2]]
    assert len(batch.part(6, 7).rows) == 0


def test_one_device_is_not_mirrored() -> None:
    assert replicas.of_machine("auto") is SINGLE_REPLICA
    with pytest.raises(InputError, match='is "mirrored", and TensorFlow sees one device'):
        replicas.of_machine("mirrored")


# Without dropout, whose masks each copy draws for itself.
TRAINING = {"epochs": 2, "dropout": 0.0, "learning_rate": 1e-3, "evaluations_per_epoch": 2}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "classification": ("classification", {"batch_size": 8}),
    "tagging": ("tagging", {"batch_size": 8}),
    "micro-batches": ("tagging", {"batch_size": 8, "micro_batch": 3}),
    "a batch of one row": ("classification", {"batch_size": 4}),
    "pair": ("pair", {"batch_size": 8, "clip_norm": 0.01}),
    "clipping": ("tagging", {"batch_size": 8, "clip_norm": 0.01}),
    "frozen layers": ("classification", {"batch_size": 8, "strategy": "freeze_layers", "freeze_layers": 1}),
    "gradual": ("tagging", {"batch_size": 8, "strategy": "gradual", "unfreeze_epochs": 0.5}),
}

PROCESSES = {"alone": (1, None), "mirrored": (2, None), "worker 0": (0, tf_config(0)), "worker 1": (0, tf_config(1))}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, python_in_network: Interpreter) -> dict[str, list[Weights]]:
    """What each process left in each case; all of them ran at the same time."""
    folder = tmp_path_factory.mktemp("together")
    write_toy_checkpoint(folder / "model")
    cases = [(task, {**TRAINING, **settings}) for task, settings in CASES.values()]
    running = []
    for name, (devices, config) in PROCESSES.items():
        order = json.dumps({"name": name, "devices": devices, "cases": cases})
        variables = {**os.environ, **({"TF_CONFIG": config} if config else {})}
        command = ("-m", "tests.together", folder, order)
        running.append(python_in_network.start(*command, env=variables, stderr=subprocess.PIPE))
    for process in running:
        _, errors = process.communicate()
        assert process.returncode == 0, errors[-3000:]
    return {name: [dict(np.load(folder / f"{name}-{n}.npz")) for n in range(len(cases))] for name in PROCESSES}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["mirrored", "worker 0"])
def test_two_devices_and_two_workers_end_with_the_weights_of_one(
    name: str, case: str, trained: dict[str, list[Weights]]
) -> None:
    one, two = (trained[each][list(CASES).index(case)] for each in ("alone", name))
    assert [int(each["replicas"]) for each in (one, two)] == [1, 2]
    assert one.keys() == two.keys()
    for path in one.keys() - {"replicas"}:
        np.testing.assert_allclose(two[path], one[path], rtol=0, atol=1e-5, err_msg=path)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_workers_are_equal_to_the_bit(case: str, trained: dict[str, list[Weights]]) -> None:
    one, other = (trained[f"worker {number}"][list(CASES).index(case)] for number in range(2))
    for path, value in one.items():
        np.testing.assert_array_equal(other[path], value, path)

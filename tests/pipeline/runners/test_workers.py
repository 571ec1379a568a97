"""Whole runs whose training two processes share, and what becomes of them when one is killed."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.commands import Interpreter, Process
from tests.network import tf_config
from tests.toys import write_toy_run

SECONDS = 600

# Slowly: the bias of the keys has no gradient but rounding, of which AdamW makes steps of up to the learning rate.
TRAINING = {"epochs": 20, "learning_rate": 2e-5, "checkpoint_steps": 10}

CHECKPOINTS = "toy/artifacts/Trainer/checkpoints/*/*.safetensors"

pytestmark = pytest.mark.slow

Start = Callable[..., Process]


@pytest.fixture
def start(python_in_network: Interpreter) -> Iterator[Start]:
    """Starts a command, as the chief or as worker 1; whatever is left in the end is killed."""
    started: list[Process] = []

    def begin(index: int, *words: object) -> Process:
        variables = {**os.environ, "TF_CONFIG": tf_config(index)}
        pipe = subprocess.PIPE
        process = python_in_network.start("pipeline_runner.py", *words, env=variables, stdout=pipe, stderr=pipe)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()


def write(folder: Path, devices: str) -> Path:
    return write_toy_run(folder, without_test=True, training={**TRAINING, "devices": devices})


def both(start: Start, config: Path, root: Path) -> tuple[Process, Process]:
    chief = start(0, "run", "--config", config, "--root", root, "--json")
    return chief, start(1, "train-worker", "--wait", 10)


def ended(process: Process, status: int) -> tuple[str, str]:
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == status, err[-3000:]
    return out, err


def pushed(process: Process) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The record of a run that ended well, and the weights that it pushed."""
    record = json.loads(ended(process, 0)[0])
    reader = tf.train.load_checkpoint(str(Path(record["pushed"], "variables", "variables")))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("model/") and "seed" not in name]
    return record, {name: reader.get_tensor(name) for name in names}


def wait_for_another(pattern: str, root: Path, before: set[Path], process: Process) -> None:
    end = time.monotonic() + SECONDS
    while set(root.glob(pattern)) <= before:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def test_two_workers_push_the_model_of_one_and_a_kill_of_either_changes_nothing(tmp_path: Path, start: Start) -> None:
    config, root = write(tmp_path, "multiworker"), tmp_path / "runs"
    of_trainer = root / "toy" / "artifacts" / "Trainer"
    chief, worker = both(start, config, root)
    record, weights = pushed(chief)
    assert ended(worker, 0)[0].splitlines()[-1] == "the training has ended"
    assert record["training"]["replicas"] == 2
    # One process has written, once.
    assert len(list(of_trainer.glob("model_run/*/events*"))) == 1

    # Without it the next run trains from the start.
    (model,) = (of_trainer / "model").glob("[0-9]*")
    shutil.rmtree(model)
    for victim in (1, 0):
        before = set(root.glob(CHECKPOINTS))
        pair = both(start, config, root)
        wait_for_another(CHECKPOINTS, root, before, pair[0])
        pair[victim].send_signal(signal.SIGKILL)
        began = time.monotonic()
        _, err = ended(pair[1 - victim], 1)
        assert time.monotonic() - began < 60
        assert err.count("error: ") == 1
        assert "another worker has ended or cannot be reached any more" in err
    chief, worker = both(start, config, root)
    again, same = pushed(chief)
    ended(worker, 0)
    assert again["training"]["resumed"]
    for name, value in weights.items():
        np.testing.assert_array_equal(same[name], value, name)

    alone, of_one = pushed(start(0, "run", "--config", write(tmp_path, "auto"), "--root", root, "--json"))
    assert alone["training"]["replicas"] == 1
    assert weights.keys() == of_one.keys()
    for name, value in weights.items():
        np.testing.assert_allclose(value, of_one[name], rtol=0, atol=1e-5, err_msg=name)

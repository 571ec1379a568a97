import io
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tensorflow as tf

from components.common.errors import InputError, WorkerError, describe
from components.distributed import supervisor, worker
from tests.checkout import ROOT
from tests.google_form import write_google_checkpoint
from tests.network import tf_config

LEAD = "from components.distributed import supervisor; supervisor.lead({}, 0.05)"


def test_a_chief_that_does_not_come_is_not_waited_for_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("TF_CONFIG", tf_config(1).replace("127.0.0.1:2222", address))
    shown: list[str] = []
    with pytest.raises(WorkerError, match=f"waited 0.01 minutes for the chief, {address}, and it did not come"):
        supervisor.follow("", 0.01, None, shown.append)
    assert shown == [f"worker 1 of 2: waiting for the chief, {address}"]


def test_a_worker_with_other_code_does_not_join(tmp_path: Path) -> None:
    order = {
        "transform_output": str(tmp_path),
        "base_model": None,
        "custom_config": {"source": "a" * 64, "base_model": str(tmp_path)},
    }
    worker.check_order(order, "a" * 64)
    with pytest.raises(InputError, match="the chief trains with other code or libraries"):
        worker.check_order(order, "b" * 64)


def test_a_worker_that_cannot_read_what_the_chief_reads_says_so(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    order = {"transform_output": gone, "base_model": None, "custom_config": {"base_model": str(tmp_path)}}
    with pytest.raises(InputError) as raised:
        worker.check_order(order, "")
    assert (raised.value.place, raised.value.problem) == (gone, "the chief reads this, and it is not on this machine")
    # Of a base model in Google's form there is no file of the path's own name.
    google = write_google_checkpoint(tmp_path / "google") / "bert_model.ckpt"
    worker.check_order({**order, "transform_output": None, "custom_config": {"base_model": str(google)}}, "")
    (tmp_path / "google" / "bert_model.ckpt.index").unlink()
    with pytest.raises(InputError, match=r"bert_model.ckpt: the chief reads this, and it is not on this machine"):
        worker.check_order({**order, "transform_output": None, "custom_config": {"base_model": str(google)}}, "")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ArithmeticError("the loss is nan at step 3 of 4"), "ArithmeticError: the loss is nan at step 3 of 4"),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
            "out of memory: training.micro_batch, a smaller model.max_length or a smaller base model needs less",
        ),
        (tf.errors.UnavailableError(None, None, "Connection reset by peer"), worker.LOST),
    ],
)
def test_what_failed_in_the_process_that_trains_is_reported_as_if_it_had_failed_here(
    error: Exception, why: str
) -> None:
    event = json.dumps({"failed": worker.reason(error)})
    with pytest.raises(WorkerError) as raised:
        supervisor.followed(io.StringIO(f"{event}\n"), threading.Timer(0, int))
    assert describe(raised.value) == why


@pytest.mark.slow
def test_the_chief_gives_up_and_names_the_worker_that_did_not_come(in_network: list[str]) -> None:
    variables = {**os.environ, "TF_CONFIG": tf_config(0)}
    command = [*in_network, sys.executable, "-c", LEAD]
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    wanted = "WorkerError: waited 0.05 minutes for the other workers, these did not come: 127.0.0.1:2223"
    assert ended.stderr.splitlines()[-1].removeprefix("components.common.errors.") == wanted

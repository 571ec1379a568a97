import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tfx_bsl.coders import batch_util

from pipeline.beam import options
from pipeline.config import preflight
from pipeline.runners.launch import Compiled
from pipeline.runs import lifecycle, manifest
from pipeline.runs.paths import PipelinePaths
from tests.toys import write_toy_run

THREADS = ("TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS")

ASK = f"import json, os, pipeline_runner; print(json.dumps([os.environ[name] for name in {THREADS}]))"


def threads(**set_by_the_user: str) -> list[str]:
    others = {name: value for name, value in os.environ.items() if name not in THREADS}
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(command, env={**others, **set_by_the_user}, check=True, capture_output=True, text=True)
    found: list[str] = json.loads(done.stdout)
    return found


def test_beam_is_given_large_batches_from_the_start() -> None:
    batches = batch_util.GetBatchElementsKwargs(None)
    assert batches["min_batch_size"] == batches["max_batch_size"] > 1_000_000


def test_two_ops_run_at_a_time_on_half_of_the_cores_each_unless_the_user_says_otherwise() -> None:
    half = (len(os.sched_getaffinity(0)) + 1) // 2
    assert threads() == ["2", str(half)]
    assert threads(TF_NUM_INTRAOP_THREADS="7") == ["2", "7"]


def test_a_job_service_that_has_gone_since_the_run_began_is_told_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Were it waited for, this test would not hang.
    monkeypatch.setattr(options, "_NEVER", "--job_server_timeout=5")
    with socket.create_server(("127.0.0.1", 0)) as service:
        address = f"127.0.0.1:{service.getsockname()[1]}"
        path = write_toy_run(tmp_path, beam={"preset": "portable", "job_service": address})
        checked = preflight.check(path)
        paths = PipelinePaths.of(checked.run, tmp_path / "runs")
        record = lifecycle.begin(checked, paths)
        compiled = Compiled.of(checked, paths, manifest.collect(checked, record.id, record.started))
    with pytest.raises(RuntimeError) as caught:
        compiled.launch(compiled.node_ids[0])
    assert str(caught.value) == f"no job service answers at {address} (Connection refused) any more"

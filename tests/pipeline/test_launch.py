import json
import os
import subprocess
import sys

from tfx_bsl.coders import batch_util

import pipeline.launch  # noqa: F401

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

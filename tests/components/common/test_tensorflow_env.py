import json
import os
import subprocess
import sys

THREADS = ("TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS")

CODE = f"""
import json, os
from components.common import tensorflow_env
tensorflow_env.set_up()
print(json.dumps([os.environ[name] for name in {THREADS}]))
"""


def threads(**set_by_the_user: str) -> list[str]:
    others = {name: value for name, value in os.environ.items() if name not in THREADS}
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, env={**others, **set_by_the_user}, check=True, capture_output=True, text=True)
    found: list[str] = json.loads(done.stdout)
    return found


def test_two_ops_run_at_a_time_on_half_of_the_cores_each_unless_the_user_says_otherwise() -> None:
    half = (len(os.sched_getaffinity(0)) + 1) // 2
    assert threads() == ["2", str(half)]
    assert threads(TF_NUM_INTRAOP_THREADS="7") == ["2", "7"]

"""A process that has imported the project and TensorFlow, and forks for each command: `tests/commands.py` starts it.

`python tests/preloaded.py FD`, with the project on PYTHONPATH and nothing else of the checkout. TensorFlow starts its
threads with its first operation, which this process never does: what it forks is as a process that has just imported
everything.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import socket
import sys
from pathlib import Path
from typing import Any

MODULES = (
    "pipeline_runner",
    "pipeline.runners.launch",
    "components.nodes.example_gen",
    "components.nodes.transform",
    "components.nodes.trainer",
    "components.nodes.evaluator",
    "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor",
)
"""What takes the time, or imports it."""

MOST = 1 << 20
"""Bytes of a request."""


def _serve(requests: socket.socket) -> dict[str, Any] | None:
    """Forks for each request, and tells its end; returns a request, in the process that is to do it."""
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready in select.select([requests.fileno(), *running], [], [])[0]:
            if ready != requests.fileno():
                pid, status = running.pop(ready)
                os.close(ready)
                status.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                status.close()
                continue
            content, given, _, _ = socket.recv_fds(requests, MOST, 3)
            if not content:
                return None
            pid = os.fork()
            if not pid:
                requests.close()
                for pidfd, (_, other) in running.items():
                    os.close(pidfd)
                    other.close()
                os.close(given[0])
                for number, end in enumerate(given[1:], 1):
                    os.dup2(end, number)
                    os.close(end)
                request: dict[str, Any] = json.loads(content)
                return request
            for end in given[1:]:
                os.close(end)
            status = socket.socket(fileno=given[0])
            status.send(b"%d" % pid)
            running[os.pidfd_open(pid)] = pid, status


def _become(words: list[str], cwd: str, env: dict[str, str]) -> None:
    """Does what `python WORDS` does."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    # Those that were made with this process know what it wrote to, and whether that can be sought in.
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.orig_argv = [sys.executable, *words]
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    # Python put this file's own folder in front.
    here = Path(sys.path.pop(0))
    from components.common import tensorflow_env

    tensorflow_env.set_up()
    for module in MODULES:
        importlib.import_module(module)
    runpy.run_path(str(here / "beam_reflection.py"))["remember"]()
    # Else the end of every child would copy what is shared, page by page.
    gc.freeze()
    if request := _serve(socket.socket(fileno=int(sys.argv[1]))):
        _become(**request)

"""Runs pytest again and again, each time in a fork of a process that has imported the libraries: for `tests.mutate`.

    python -m tests.warm_pytest serve SOCKET              in the checkout whose tests are run
    python tests/warm_pytest.py run SOCKET CHECKOUT ...   pytest's arguments; exits as pytest does

Nothing of the project is imported before the fork, unlike in `tests.preloaded`: every run sees the files as they are
then.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path

LIBRARIES = ("keras", "components.examples.tfdv", "tensorflow_model_analysis", "apache_beam", "pytest")


def serve(path: str) -> None:
    """Answers one client after the other until it is killed."""
    from components.common import tensorflow_env

    tensorflow_env.set_up()
    for library in LIBRARIES:
        importlib.import_module(library)
    for name in [name for name in sys.modules if name.split(".")[0] in ("components", "pipeline", "data", "tests")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    gc.freeze()  # its passes would copy the pages that a fork shares
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        os.rename(f"{path}.new", path)  # noqa: PTH104
        while True:
            client, _ = listener.accept()
            with client:
                arguments = json.loads(client.makefile().readline())
                status = forked(client, arguments, f"{path}.log")
                with contextlib.suppress(OSError):
                    client.sendall(bytes([status]))


def forked(client: socket.socket, arguments: list[str], log: str) -> int:
    """Pytest's exit status, its output in `log`; a client that goes away takes its tests with it."""
    child = os.fork()
    if not child:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        import pytest

        os._exit(int(pytest.main(arguments)))
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) & 0xFF
        # The client sends one line and then nothing: what can be read is its end.
        if select.select([client], [], [], 0.05)[0]:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return 1


def run(path: str, arguments: list[str]) -> int:
    """Has the server at `path` run the arguments, and prints what pytest printed."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        server.sendall(json.dumps(arguments).encode() + b"\n")
        status = server.recv(1)[0]
    print(Path(f"{path}.log").read_text(errors="replace"))
    return status


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        sys.exit(run(sys.argv[2], ["--rootdir", sys.argv[3], *sys.argv[4:]]))

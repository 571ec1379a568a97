"""A loopback of one's own: TensorFlow's servers listen on every interface of the machine, and need a port each."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_HOLD = "ip link set lo up && echo up && exec cat"


@contextmanager
def own_loopback() -> Iterator[list[str]]:
    """Yields the words in front of a command that give it a network of nothing but 127.0.0.1, which all of them share.

    Raises:
        PermissionError: that cannot be had here.
    """
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        raise PermissionError("needs unshare, nsenter and ip")
    with subprocess.Popen(
        ["unshare", "--map-root-user", "--net", "sh", "-c", _HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        if holder.stdout.readline() != "up\n":
            raise PermissionError("needs the right to make a network namespace")
        # `cat` ends with its input, which the end of this block closes.
        yield ["nsenter", f"--target={holder.pid}", "--user", "--net", "--preserve-credentials"]


def tf_config(index: int, workers: int = 2) -> str:
    """TF_CONFIG of one of several workers on the loopback."""
    addresses = [f"127.0.0.1:{2222 + number}" for number in range(workers)]
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})

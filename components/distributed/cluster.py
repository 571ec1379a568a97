"""The processes that train together: what TF_CONFIG, TensorFlow's environment variable for clusters, says of them."""

from __future__ import annotations

import json
import os
import re
import socket
from dataclasses import dataclass
from typing import Any

from components.common.errors import InputError
from components.settings.fields import ADDRESS

VARIABLE = "TF_CONFIG"

EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'

_JOBS = ("chief", "worker")
"""In the order of their numbers; without a chief, the first worker is it."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Workers by their numbers; number 0 is the chief, which alone writes anything."""

    addresses: tuple[str, ...]
    """HOST:PORT of each."""
    number: int
    """Of this process."""

    @property
    def others(self) -> list[str]:
        """The addresses but this process's."""
        return [address for number, address in enumerate(self.addresses) if number != self.number]


def of_environment() -> Cluster:
    """The cluster in TF_CONFIG.

    Raises:
        InputError: it is not set, no JSON, or names no cluster of several workers with this process among them.
    """
    text = os.environ.get(VARIABLE, "")
    if not text.strip():
        problem = f'`training.devices` is "multiworker" and {VARIABLE} is not set'
        raise InputError(VARIABLE, problem, f'Set it in each process, say {EXAMPLE}, or set devices = "auto"')
    try:
        return _parsed(json.loads(text))
    except json.JSONDecodeError as error:
        raise _mistake(f"not valid JSON ({error.msg}, character {error.pos})") from None


def chief() -> Cluster:
    """The same, for the process that runs the pipeline.

    Raises:
        InputError: as `of_environment`, or this process is another worker.
    """
    cluster = of_environment()
    if cluster.number:
        problem = f"this process is worker {cluster.number}, and the pipeline runs on the chief, {cluster.addresses[0]}"
        raise InputError(VARIABLE, problem, "Start `pipeline_runner.py train-worker` here")
    return cluster


def follower() -> Cluster:
    """The same, for a process that helps the chief.

    Raises:
        InputError: as `of_environment`, or this process is the chief.
    """
    cluster = of_environment()
    if not cluster.number:
        problem = f"this process is the chief, {cluster.addresses[0]}"
        raise InputError(VARIABLE, problem, "Start `pipeline_runner.py run` here, or give it the index of another one")
    return cluster


def listens(address: str) -> bool:
    """Whether something accepts connections there."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def _parsed(config: Any) -> Cluster:
    cluster, task = (config.get(key) if isinstance(config, dict) else None for key in ("cluster", "task"))
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise _mistake("it should be an object with `cluster` and `task`")
    if unknown := sorted(set(cluster) - set(_JOBS)):
        raise _mistake(f"`cluster` has {unknown[0]!r}, only chief and worker take part")
    jobs = {job: cluster[job] for job in _JOBS if job in cluster}
    for job, addresses in jobs.items():
        if not isinstance(addresses, list) or not all(_is_address(address) for address in addresses):
            raise _mistake(f"`cluster.{job}` is {json.dumps(addresses)}, it should be a list of HOST:PORT")
    if len(jobs.get("chief", [])) > 1:
        raise _mistake(f"`cluster.chief` has {len(jobs['chief'])} addresses, there is one chief")
    every = [(job, index, address) for job, found in jobs.items() for index, address in enumerate(found)]
    addresses = tuple(address for *_, address in every)
    if len(addresses) < 2:
        raise _mistake(f"`cluster` has {len(addresses)} workers, it should have at least 2")
    if len(set(addresses)) < len(addresses):
        raise _mistake("`cluster` has an address twice")
    wanted = task.get("type"), task.get("index")
    numbers = [number for number, (job, index, _) in enumerate(every) if (job, index) == wanted]
    if not numbers or isinstance(wanted[1], bool):
        raise _mistake(f"`task` is {json.dumps(task)}, there is none like it in `cluster`")
    return Cluster(addresses, numbers[0])


def _is_address(text: object) -> bool:
    if not isinstance(text, str) or not re.fullmatch(ADDRESS, text):
        return False
    return 0 < int(text.rpartition(":")[2]) < 2**16


def _mistake(problem: str) -> InputError:
    return InputError(VARIABLE, problem, f"Correct it, say {EXAMPLE}")

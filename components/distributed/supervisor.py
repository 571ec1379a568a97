"""Starts the processes that train together (`worker`), one on each machine, and ends each of them in bounded time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, Any

from components.common.checkout import ROOT
from components.common.errors import InputError, WorkerError
from components.common.progress import progress
from components.distributed import cluster

_END_SECONDS = 60.0
"""That a process is given to take leave of the others, once its work is done."""


def lead(order: Mapping[str, Any], minutes: float) -> None:
    """Trains as the chief, and writes what Trainer has to write.

    Args:
        order: the arguments of `fine_tuning.train`, as JSON has them; the other workers get them from this one.
        minutes: to wait for the other workers.

    Raises:
        InputError: TF_CONFIG names no cluster or another worker; or what `fine_tuning.train` raises.
        WorkerError: a worker did not come, or has ended.
    """
    found = cluster.chief()

    def missing() -> str:
        absent = [address for address in found.others if not cluster.listens(address)] or found.others
        return f"waited {minutes:g} minutes for the other workers, these did not come: {', '.join(absent)}"

    _supervised({"order": dict(order), "source": ""}, minutes, missing, None)


def follow(source: str, minutes: float, log: IO[str] | None, say: Callable[[str], None]) -> None:
    """Waits for the chief and trains with it, once; writes nothing but temporary files.

    Args:
        source: hash of this worker's code, which has to be the chief's.
        minutes: to wait for the chief, and then for the rest.
        log: what libraries say goes here; None: nowhere.
        say: shows a line to the user.

    Raises:
        InputError: TF_CONFIG names no cluster or the chief; or this worker cannot do what the chief does.
        WorkerError: the chief did not come, or a worker has ended.
    """
    found = cluster.follower()
    chief, end = found.addresses[0], time.monotonic() + 60 * minutes
    say(f"worker {found.number} of {len(found.addresses)}: waiting for the chief, {chief}")
    while not cluster.listens(chief):
        if time.monotonic() > end:
            raise WorkerError(f"waited {minutes:g} minutes for the chief, {chief}, and it did not come")
        time.sleep(0.5)
    say("training with the chief")

    def missing() -> str:
        return f"waited {minutes:g} minutes for all {len(found.addresses)} workers, and not all of them came"

    _supervised({"order": None, "source": source}, minutes, missing, log or subprocess.DEVNULL)


def _supervised(
    request: Mapping[str, Any], minutes: float, missing: Callable[[], str], stderr: IO[str] | int | None
) -> None:
    """Runs `worker` to its end, `minutes` at most until it has met the others; `missing` says who has not come."""
    # The package may have been found by the path of a script.
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    # In a session of its own: Ctrl-C is for this process, which ends the other.
    process = subprocess.Popen(
        [sys.executable, "-m", "components.distributed.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )
    late: list[str] = []

    def give_up() -> None:
        late.append(missing())
        process.kill()

    timer = threading.Timer(60 * minutes, give_up)
    timer.start()
    try:
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        if followed(process.stdout, timer):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)
            return
    except BrokenPipeError:
        # It ended before it listened; its status says why.
        pass
    finally:
        timer.cancel()
        # Not politely: TensorFlow has its own idea of a request to end.
        process.kill()
        process.wait()
    status = process.returncode
    how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    raise WorkerError(late[0] if late else f"the process that trains has ended {how}")


def followed(events: IO[str], timer: threading.Timer) -> bool:
    """Shows the progress; whether the training ended well.

    Raises:
        InputError: the user's mistake that the process met.
        WorkerError: it failed.
    """
    with progress() as bar:
        for line in events:
            match json.loads(line):
                case {"joined": True}:
                    timer.cancel()
                case {"ended": True}:
                    return True
                case {"mistake": [place, problem, remedy]}:
                    raise InputError(place, problem, remedy)
                case {"failed": why}:
                    raise WorkerError(why)
                case {"total": total, "done": done, "text": text}:
                    bar.total, bar.done = total, done
                    bar.advance(0, text)
    return False

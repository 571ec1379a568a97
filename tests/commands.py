"""Commands as processes of their own that do not import TensorFlow again: forked from one that has, a session long.

What a test says about the imports themselves, or about a signal that comes during them, needs a plain process.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tests.checkout import ROOT
from tests.preloaded import MOST


class Process:
    """What `subprocess.Popen` would be of `python WORDS`, text in its pipes."""

    def __init__(self, status: socket.socket, stdout: int | None, stderr: int | None) -> None:
        self._status = status
        self.pid = int(status.recv(16))
        self.returncode: int | None = None
        self.stdout, self.stderr = (
            None if end is None else os.fdopen(end, encoding="utf-8") for end in (stdout, stderr)
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()
        for pipe in filter(None, (self.stdout, self.stderr)):
            pipe.close()

    def poll(self) -> int | None:
        """The exit status, -N after signal N; None: it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, once there is one.

        Raises:
            TimeoutExpired: that takes more seconds.
        """
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(self._status.recv(16) or -signal.SIGKILL)
            self._status.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Standard output and standard error to their end, each "" where it is no pipe."""
        said = {}

        def read(name: str, pipe: IO[str]) -> None:
            said[name] = pipe.read()

        pipes = {name: pipe for name, pipe in (("out", self.stdout), ("err", self.stderr)) if pipe}
        readers = [threading.Thread(target=read, args=one, daemon=True) for one in pipes.items()]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return said.get("out", ""), said.get("err", "")

    def send_signal(self, number: int) -> None:
        """Sends a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it, if it runs."""
        self.send_signal(signal.SIGKILL)


class Interpreter:
    """A Python that has imported the project and TensorFlow.

    Args:
        root: the checkout, or the copy of it, that is imported.
        environment: what the imports see.
        before: words in front of `python`, as those of a network of its own.
    """

    def __init__(self, root: Path, environment: Mapping[str, str], before: Sequence[str] = ()) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST)
        with theirs:
            # Its requests end with this process.
            self._process = subprocess.Popen(
                [*before, sys.executable, str(ROOT / "tests" / "preloaded.py"), str(theirs.fileno())],
                cwd=root,
                env={**environment, "PYTHONPATH": str(root)},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def start(
        self,
        *words: object,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> Process:
        """Starts `python WORDS`: a script or `-m MODULE`, and its arguments.

        Args:
            words: of the command.
            cwd: its working directory.
            env: its environment; None: this process's.
            stdout: `subprocess.PIPE`, `subprocess.DEVNULL` or None, for this process's.
            stderr: likewise.
        """
        ends = [_end(stdout, 1), _end(stderr, 2)]
        status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = {"words": list(map(str, words)), "cwd": str(cwd), "env": dict(os.environ if env is None else env)}
        socket.send_fds(
            self._requests, [json.dumps(request).encode()], [theirs.fileno(), *(given for given, _ in ends)]
        )
        theirs.close()
        for given, _ in ends:
            if given > 2:
                os.close(given)
        return Process(status, *(kept for _, kept in ends))

    def run(
        self, *words: object, check: bool = False, timeout: float | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """What `subprocess.run` would give of `python WORDS` with its output captured.

        Raises:
            CalledProcessError: it failed, and `check` is set.
        """
        with self.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as process:
            out, err = process.communicate(timeout)
        done = subprocess.CompletedProcess(list(map(str, words)), process.wait(), out, err)
        if check and done.returncode:
            print(done.stderr, file=sys.stderr)
            done.check_returncode()
        return done


@functools.cache
def python() -> Interpreter:
    """The one of this checkout; a session has one, which its first call starts."""
    return Interpreter(ROOT, os.environ)


def command(*words: object) -> subprocess.CompletedProcess[str]:
    """Runs `pipeline_runner.py WORDS` to its end."""
    return python().run("pipeline_runner.py", *words)


def _end(wanted: int | None, own: int) -> tuple[int, int | None]:
    """What the process gets as one of its outputs, and the end of the pipe that stays here."""
    if wanted is None:
        return own, None
    if wanted == subprocess.DEVNULL:
        return os.open(os.devnull, os.O_WRONLY), None
    kept, given = os.pipe()
    return given, kept

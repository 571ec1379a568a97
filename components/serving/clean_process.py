"""An exported model in a client's hands: `client.py` in a process that has TensorFlow and nothing of this project."""

from __future__ import annotations

import contextlib
import json
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import numpy as np

from components.serving.client import REQUESTED, Call

_CLIENT = "components.serving.client"

_SHOWN = 500
"""Characters of what TensorFlow says, which may quote a graph."""

MOST_SECONDS = 3600.0
"""After these the process is ended: some hundred rows take minutes where a model is large."""


class ClientError(Exception):
    """A client could not use the model; the text says why."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a client sees of a model besides its answers."""

    load_seconds: float
    """Until the first answer, TensorFlow's import apart."""
    latency_seconds: float
    """Of a request of one row, the median."""
    peak_bytes: int
    """The most memory of the process, TensorFlow included."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a client got."""

    outputs: list[dict[str, np.ndarray]]
    """Of each call, by name; texts as bytes."""
    measured: Measured


class Client:
    """A process that imports TensorFlow while there is nothing to ask yet, and then answers once.

    Args:
        scratch: directory for temporary files.
    """

    def __init__(self, scratch: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=scratch)
        self._answer = Path(self._folder.name)
        self._request, self._log = self._answer / "request.json", self._answer / "log"
        spec = util.find_spec(_CLIENT)
        assert spec is not None  # noqa: S101
        assert spec.origin is not None  # noqa: S101
        # Isolated: neither this folder nor PYTHONPATH is where it finds modules.
        command = [sys.executable, "-I", spec.origin, str(self._request), str(self._answer)]
        with self._log.open("wb") as said:
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True
            )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None  # noqa: S101
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._folder.cleanup()

    def ask(self, model: Path, calls: Sequence[Call], timed: Sequence[Call]) -> Answers:
        """Loads a model there and calls it.

        Args:
            model: a SavedModel.
            calls: signatures with what they are given and which outputs are wanted.
            timed: calls of one row, the first of which ends the loading.

        Raises:
            ClientError: the model cannot be loaded there, lacks a signature or an output, or the process has ended.
        """
        content = {"model": str(model.resolve()), "first": timed[0], "calls": calls, "timed": timed}
        self._request.write_text(json.dumps(content), encoding="utf-8")
        status = self._ended()
        measured = self._answer / "measured.json"
        if not measured.is_file():
            how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
            said = " ".join(self._log.read_text(encoding="utf-8", errors="replace").split())[-_SHOWN:]
            raise ClientError(f"the process of a client ended {how}: {said}" if said else f"it ended {how}")
        found = json.loads(measured.read_text(encoding="utf-8"))
        if "error" in found:
            raise ClientError(f"with TensorFlow alone it cannot be used: {found['error'][:_SHOWN]}")
        outputs: list[dict[str, np.ndarray]] = [{} for _ in calls]
        with np.load(self._answer / "outputs.npz", allow_pickle=False) as stored:
            for key in stored.files:
                number, _, name = key.partition("/")
                outputs[int(number)][name] = stored[key]
        latency = statistics.median(found["latencies"])
        return Answers(outputs, Measured(found["load_seconds"], latency, found["peak_bytes"]))

    def _ended(self) -> int:
        """Tells the process that there is a request, and waits for its end; the exit status."""
        assert self._process.stdin is not None  # noqa: S101
        with contextlib.suppress(OSError):
            self._process.stdin.write(REQUESTED)
            self._process.stdin.flush()
        try:
            return self._process.wait(MOST_SECONDS)
        except subprocess.TimeoutExpired:
            raise ClientError(f"it did not answer within {MOST_SECONDS:,.0f} seconds") from None

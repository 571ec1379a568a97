"""The settings in `[beam]` as Beam's own arguments; importing this imports neither Beam nor TFX."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from components.common.errors import InputError
from components.examples.in_process import RUNNER
from components.settings.beam import Beam
from components.settings.toml import TomlSource

JOB_PORT, WORKER_PORT = 8099, 50000
"""Where `pipeline.beam.service` listens, and where it is looked for."""

WORKER = Path(__file__).with_name("worker.py")
"""The executable that starts a worker."""

# The image is a name nothing runs: without one, TFX copies its own 50 MB of source aside for every node.
_NO_IMAGE = "--sdk_container_image=none"

# In this process, without Beam's Go runner (which would be downloaded).
LOCAL = (RUNNER, _NO_IMAGE)

# The streams that tell of a job's state end after this many seconds, five minutes if Beam is not told; but as long does
# it wait for a service that is not there, so that is asked before.
NO_TIMEOUT = f"--job_server_timeout={30 * 24 * 3600}"

_ENDPOINT = "--job_endpoint="

_ANSWER_SECONDS = 5.0

_BLANK_LINE = re.compile(r"\n[ \t]*\n")

_STEP = re.compile(r" \[while running '[^']*'\]")

_MISTAKE = re.compile(
    rf"^(?:{re.escape(InputError.__module__)}\.)?InputError: (.+?): (.+)\. (.+)", re.MULTILINE | re.DOTALL
)


@contextlib.contextmanager
def own_arguments() -> Iterator[None]:
    """Around what runs a node: absl takes the arguments of this process for its own, whoever gave them to whom."""
    before, sys.argv = sys.argv, sys.argv[:1] or [""]
    try:
        yield
    finally:
        sys.argv = before


def arguments(beam: Beam) -> list[str]:
    """The arguments of a Beam pipeline; of an argument that stands twice, Beam takes the last."""
    match beam.preset:
        case "portable":
            service, workers = job_service(beam), beam.workers or f"127.0.0.1:{WORKER_PORT}"
            preset = ["--runner=PortableRunner", f"{_ENDPOINT}{service}", NO_TIMEOUT, _NO_IMAGE]
            preset += ["--environment_type=EXTERNAL", f"--environment_config={workers}"]
        case "flink":
            process = json.dumps({"command": str(WORKER), "env": {"PATH": worker_path()}})
            preset = ["--runner=FlinkRunner", f"--flink_master={beam.flink_master}", NO_TIMEOUT, _NO_IMAGE]
            preset += ["--environment_type=PROCESS", f"--environment_config={process}"]
        case "dataflow":
            # The image starts Beam's worker, not ours: it is told what to import.
            plugins = ("pipeline.beam.plugin", "tfx")
            preset = ["--runner=DataflowRunner", *(f"--beam_plugin={name}" for name in plugins)]
        case _:
            preset = list(LOCAL)
    return [*preset, *beam.arguments]


def job_service(beam: Beam) -> str:
    """HOST:PORT of the job service."""
    return beam.job_service or f"127.0.0.1:{JOB_PORT}"


def worker_path() -> str:
    """The PATH on which `WORKER` finds this environment's Python."""
    return os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])


def check(beam: Beam, source: TomlSource) -> None:
    """Finds out whether a job service answers, which Beam waits for without a word.

    Raises:
        InputError: none does.
    """
    if beam.preset != "portable":
        return
    if problem := _silence(job_service(beam)):
        remedy = "Start one, on this machine with `make beam-service`, or correct beam.job_service"
        raise InputError(source.locate(("beam", "job_service")), problem, remedy)


def check_again(arguments: Iterable[str]) -> None:
    """The same right before a job, of Beam's arguments: the service may be gone since the run began.

    Raises:
        RuntimeError: it is.
    """
    for argument in arguments:
        if argument.startswith(_ENDPOINT) and (problem := _silence(argument.removeprefix(_ENDPOINT))):
            raise RuntimeError(f"{problem} any more")


def _silence(address: str) -> str:
    """What is wrong with the job service at HOST:PORT; empty if it answers."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return f"no job service answers at {address} ({reason})"
    return ""


def original_error(error: Exception) -> Exception:
    """What a function of ours raised, without what Beam added; of a job service there is the traceback, as text."""
    if isinstance(error, InputError) and _STEP.search(error.place):
        return InputError(_STEP.sub("", error.place), error.problem, error.remedy)
    _, traceback, text = str(error).rpartition("Traceback (most recent call last):")
    if not traceback:
        return error
    text = _STEP.sub("", text).rstrip()
    # What follows a blank line is Beam's.
    for paragraph in _BLANK_LINE.split(text):
        if mistake := _MISTAKE.search(paragraph):
            return InputError(*mistake.groups())
    # Frames are indented, the exception is not.
    raised = next((line for line in text.splitlines() if line and not line.startswith(" ")), "")
    return (
        RuntimeError(f"the Beam job failed: {raised.removeprefix('RuntimeError: ').rstrip('.')}") if raised else error
    )

"""`preset = "portable"`: Beam's own job service and worker pool, started here, and what comes of a killed worker."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from components.export.card import read_card
from pipeline.beam import options
from pipeline.commands import predict
from tests.checkout import ROOT
from tests.commands import Process, python
from tests.pipeline.conftest import GATE, LEARNS, FirstRun
from tests.toys import toy_rows, write_toy_run

PATIENCE = 600
"""Seconds until a test that waits gives up: most of them are for imports, beside other work."""

pytestmark = pytest.mark.slow


class Service(NamedTuple):
    process: subprocess.Popen[str]
    settings: dict[str, object]
    """For `[beam]`."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    log = tmp_path_factory.mktemp("service") / "log.txt"
    command = [sys.executable, "-m", "pipeline.beam.service", "--job-port", "0", "--worker-port", "0"]
    with log.open("w") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True)
    try:
        assert process.stdout is not None
        said = dict(re.findall(r'(\w+) = "([^"]*)"', process.stdout.readline()))
        assert said["preset"] == "portable", log.read_text()
        yield Service(process, dict(said))
    finally:
        process.terminate()
        process.wait(30)


def start(*arguments: object) -> Process:
    return python().start("pipeline_runner.py", *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def run(config: Path, root: Path) -> subprocess.CompletedProcess[str]:
    command = ("run", "--config", config, "--root", root, "--json")
    return python().run("pipeline_runner.py", *command, timeout=PATIENCE)


def workers(service: Service) -> list[int]:
    """Process ids of the workers that are alive."""
    children = Path(f"/proc/{service.process.pid}/task").glob("*/children")
    return [int(pid) for path in children for pid in path.read_text().split()]


def soon(found: Callable[[], Any], while_runs: Process) -> Any:
    """What a function finds, once it finds something."""
    deadline = time.monotonic() + PATIENCE
    while not (what := found()):
        assert while_runs.poll() is None, "the job ended before"
        if time.monotonic() > deadline:
            while_runs.kill()
        time.sleep(0.02)
    return what


def listening(pid: int) -> set[str]:
    """Addresses, in /proc's hexadecimal, on which a process listens."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes |= set(re.findall(r"^socket:\[(\d+)\]$", str(link.readlink())))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and rest[5] in inodes:
                found.add(local.partition(":")[0])
    return found


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}


@pytest.fixture(scope="module")
def config(service: Service, first_run: FirstRun) -> Path:
    """The first run's, on the service."""
    tables: dict[str, Any] = {"training": LEARNS, "gate": GATE, "beam": service.settings}
    return write_toy_run(first_run.folder, keep_data=True, without_test=True, **tables)


def test_a_killed_worker_fails_the_run_at_once(service: Service, config: Path, root: Path) -> None:
    with start("run", "--config", config, "--root", root) as job:
        # Of ExampleGen's, if it is not done before this process looks; else of the next node's.
        worker = soon(lambda: workers(service), job)[0]
        assert listening(service.process.pid)
        assert listening(service.process.pid) | listening(worker) <= LOOPBACK
        os.kill(worker, signal.SIGKILL)
        _, error = job.communicate(timeout=PATIENCE)
    assert job.returncode == 1
    (line,) = error.splitlines()
    assert re.match(
        r"error: \w+ failed: RuntimeError: the Beam job failed: a worker (ended with status -9|is gone)", line
    )


def test_the_next_run_finishes_with_the_weights_and_the_metrics_of_a_local_one(
    config: Path, root: Path, first_run: FirstRun
) -> None:
    done = run(config, root)
    assert done.returncode == 0, done.stderr
    record, expected = json.loads(done.stdout), first_run.record
    # ExampleGen may have been done before the worker was killed.
    assert {node["state"] for node in record["nodes"][1:]} == {"done"}
    assert record["evaluations"]["dev"]["metrics"] == expected["evaluations"]["dev"]["metrics"]
    assert read_card(Path(record["pushed"]))["weights_sha256"] == read_card(Path(expected["pushed"]))["weights_sha256"]


def test_where_a_node_ran_is_not_in_its_cache_key(root: Path, first_run: FirstRun) -> None:
    local = write_toy_run(first_run.folder, keep_data=True, without_test=True, training=LEARNS, gate=GATE)
    again = json.loads(run(local, root).stdout)
    assert {node["state"] for node in again["nodes"]} == {"cached"}


def test_a_mistake_that_a_worker_finds_is_told_as_one(service: Service, tmp_path: Path) -> None:
    config = write_toy_run(tmp_path, beam=service.settings, data={"labels": ["bad", "good"], "train": "train.txt.gz"})
    rows = "".join(f"{text}\t{label}\n" for text, label in toy_rows(200) * 50)
    packed = subprocess.run(["gzip", "-1"], input=rows.encode(), capture_output=True, check=True).stdout
    (tmp_path / "train.txt.gz").write_bytes(packed[:-100])
    done = run(config, tmp_path / "runs")
    assert done.stderr == (
        f"error: {tmp_path}/train.txt.gz: not a whole gzip file (Compressed file ended before the end-of-stream marker "
        "was reached). Compress it again, or drop the .gz.\n"
    )
    assert done.returncode == 2


@pytest.fixture(scope="module")
def pushed(first_run: FirstRun) -> Path:
    """The serving directory of a local run."""
    return first_run.serving


def write_rows(path: Path, count: int) -> Path:
    rows = toy_rows(600)
    path.write_text("".join(f"{rows[index % 600][0]} {index}\tgood\n" for index in range(count)))
    return path


def test_bulk_predict_goes_on_after_a_killed_worker_and_answers_as_predict_does(
    service: Service, pushed: Path, tmp_path: Path
) -> None:
    config = write_toy_run(tmp_path / "given", beam=service.settings)
    rows, output = write_rows(tmp_path / "rows.tsv", 50_000), tmp_path / "out"
    command = ("bulk-predict", "--model", pushed, "--input", rows, "--output", output, "--config", config)
    with start(*command) as job:
        soon(lambda: list(output.glob("rows-*")), job)
        os.kill(workers(service)[0], signal.SIGKILL)
        _, error = job.communicate(timeout=PATIENCE)
    assert job.returncode == 1
    assert error.startswith("error: RuntimeError: the Beam job failed: a worker ")
    there = {path.name: path.stat().st_ino for path in output.glob("rows-*")}
    assert 0 < len(there) < 4
    python().run("pipeline_runner.py", *command, check=True, timeout=PATIENCE)
    answers = sorted(output.glob("rows-*"))
    assert there.items() <= {path.name: path.stat().st_ino for path in answers}.items()
    predict.predict_file(pushed, rows, tmp_path / "all.tsv", None, io.StringIO())
    assert b"".join(path.read_bytes() for path in answers) == (tmp_path / "all.tsv").read_bytes()


# Beam's two commands as they are, which listen on every interface and call workers by the host's name.
IN_NAMESPACE = """
set -e
ip link set lo up
hostname localhost
{python} -m apache_beam.runners.portability.local_job_service_main -p 8099 2> {folder}/jobs.txt &
PATH={path} {python} -m apache_beam.runners.worker.worker_pool_main --service_port=50000 \\
  --container_executable={worker} 2> {folder}/pool.txt &
trap 'kill $(jobs -p)' EXIT
for _ in $(seq 60); do
  if {python} -c "import socket; [socket.create_connection(('127.0.0.1', p)) for p in (8099, 50000)]" 2> /dev/null; then
    break
  fi
  sleep 1
done
{command}
"""


def test_the_worker_script_serves_beams_own_commands_in_a_network_of_their_own(pushed: Path, tmp_path: Path) -> None:
    alone = ["unshare", "--net", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "--map-root-user"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*alone, "ip", "link"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs unshare, ip and the right to a network namespace: Beam's worker pool binds every interface")
    config = write_toy_run(tmp_path / "given", beam={"preset": "portable"})
    rows, output = write_rows(tmp_path / "rows.tsv", 50), tmp_path / "out"
    command = [sys.executable, "pipeline_runner.py", "bulk-predict", "--model", str(pushed)]
    command += ["--input", str(rows), "--output", str(output), "--config", str(config)]
    script = IN_NAMESPACE.format(
        python=sys.executable,
        folder=tmp_path,
        path=options.worker_path(),
        worker=options.WORKER,
        command=" ".join(command),
    )
    done = subprocess.run(
        [*alone, "bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    predict.predict_file(pushed, rows, tmp_path / "all.tsv", None, io.StringIO())
    assert (output / "rows-00000-of-00001.tsv").read_bytes() == (tmp_path / "all.tsv").read_bytes()

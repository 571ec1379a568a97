"""What can break under a run, each with one message, nothing lost, and a next run that gets to the end."""

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import pipeline_runner
from components.serving.versions import versions
from components.tasks.classification import Classification
from tests.checkout import ROOT
from tests.commands import python
from tests.pipeline.conftest import GATE, LEARNS, FirstRun, states
from tests.toys import write_toy_run

pytestmark = pytest.mark.slow

A_WRITE = """
import sqlite3, sys, time
store = sqlite3.connect(sys.argv[1], isolation_level=None)
# So small that changed pages go to the file before the end of the transaction.
store.execute("PRAGMA cache_size = 1")
store.execute("BEGIN IMMEDIATE")
store.execute("UPDATE Execution SET last_known_state = 1")
store.execute("CREATE TABLE Rubbish AS SELECT hex(randomblob(10000)) FROM Execution, Execution AS others")
print("begun", flush=True)
time.sleep(600)
"""

Said = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture(scope="module")
def folder(first_run: FirstRun) -> Path:
    return first_run.folder


@pytest.fixture(scope="module")
def root(first_run: FirstRun) -> Path:
    return first_run.root


@pytest.fixture
def run(folder: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> Said:
    """Runs the first run's config, or another, again: exit status, record and standard error."""

    def call(config: Path = folder / "run.toml", root: Path = root) -> tuple[int, dict[str, Any], str]:
        capfd.readouterr()
        status = pipeline_runner.main(["run", "--config", str(config), "--root", str(root), "--json"])
        out, err = capfd.readouterr()
        return status, json.loads(out) if out.startswith("{") else {}, err

    write_toy_run(folder, keep_data=True, training=LEARNS, gate=GATE)
    return call


def one_message(err: str) -> str:
    assert sum(line.startswith("error: ") for line in err.splitlines()) == 1
    assert "Traceback" not in err
    return err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_ends_the_run_with_a_message_and_room_lets_it_go_on(
    run: Said, small_disk: Path, tmp_path: Path
) -> None:
    config = write_toy_run(tmp_path, without_test=True)
    status, _, err = run(config, small_disk)
    assert status == 1
    assert "No space left" in one_message(err) or "full" in err
    subprocess.run(["mount", "-o", "remount,size=300m", str(small_disk)], check=True)
    status, record, err = run(config, small_disk)
    assert (status, record["state"]) == (0, "pushed"), err


def test_a_file_that_is_cut_short_while_the_run_begins_is_named(
    run: Said, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.runners.launch import CompiledPipeline

    train, launch = folder / "train.txt", CompiledPipeline.launch
    whole = train.read_bytes()

    def cut_then_launch(self: CompiledPipeline, node_id: str) -> Any:
        if node_id == "TsvExampleGen":
            train.write_bytes(whole[: whole.index(b"\t", 100)])
        return launch(self, node_id)

    with monkeypatch.context() as patch:
        patch.setattr(CompiledPipeline, "launch", cut_then_launch)
        status, _, err = run()
    assert status == 2
    assert f"{train}:" in one_message(err)
    train.write_bytes(whole)
    assert run()[0] == 0


def test_a_killed_write_of_ml_metadata_is_undone(run: Said, root: Path) -> None:
    store = root / "toy" / "metadata.sqlite"
    with sqlite3.connect(store) as connection:
        before = connection.execute("SELECT * FROM Execution").fetchall()
    process = subprocess.Popen([sys.executable, "-c", A_WRITE, str(store)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert Path(f"{store}-journal").stat().st_size > 0
    status, record, err = run()
    assert status == 0, err
    assert {node["state"] for node in record["nodes"]} == {"cached"}
    with sqlite3.connect(store) as connection:
        assert connection.execute("SELECT * FROM Execution").fetchall()[: len(before)] == before


def test_a_file_that_changes_between_two_rows_while_it_is_read_is_noticed(
    run: Said, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.nodes import example_gen

    dev, find = folder / "dev.txt", example_gen.find_files
    whole = dev.read_text()

    def find_then_cut(*arguments: Any) -> Any:
        found = find(*arguments)
        dev.write_text("".join(whole.splitlines(keepends=True)[:-4]))
        return found

    # Another row, as the examples of the first run come from cache.
    dev.write_text(f"{whole}a good film indeed\tgood\n")
    with monkeypatch.context() as patch:
        patch.setattr(example_gen, "find_files", find_then_cut)
        status, _, err = run()
    assert status == 2
    assert "changed since the run began. Run again once the files are complete" in one_message(err)
    dev.write_text(whole)
    status, record, err = run()
    assert (status, record["rows"]["dev"]) == (0, 16), err


def test_a_file_that_vanishes_while_the_run_begins_is_named(
    run: Said, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.runners.launch import CompiledPipeline

    dev, launch = folder / "dev.txt", CompiledPipeline.launch
    whole = dev.read_text()

    def delete_then_launch(self: CompiledPipeline, node_id: str) -> Any:
        dev.unlink()
        return launch(self, node_id)

    monkeypatch.setattr(CompiledPipeline, "launch", delete_then_launch)
    status, _, err = run()
    dev.write_text(whole)
    assert status == 2
    assert f"error: {dev}: no such file" in one_message(err)


def test_a_loss_that_is_no_number_ends_the_run_with_a_remedy(
    run: Said, first_run: FirstRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = versions(first_run.serving)
    write_toy_run(first_run.folder, keep_data=True, training=LEARNS | {"seed": 3}, gate=GATE)
    with monkeypatch.context() as patch:
        # Weights that overflow are refused before: what remains is a training that diverges.
        patch.setattr(Classification, "loss", lambda _, logits, *__: tf.reduce_sum(logits, axis=1) * math.nan)
        status, record, err = run()
    assert record["failure"]["exit_status"] == status
    assert (record["state"], record["failure"]["place"]) == ("failed", "Trainer")
    assert record["failure"]["rule"].startswith("failed: ArithmeticError: the loss is nan at step 1 of 96, before any")
    assert status == 1
    assert "Trainer failed: ArithmeticError: the loss is nan at step 1 of 96" in one_message(err)
    assert "before any update: the weights that training begins with overflow, take another model" in err
    assert versions(first_run.serving) == before


def test_memory_that_runs_out_ends_the_run_with_a_remedy(
    run: Said, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_toy_run(folder, keep_data=True, training=LEARNS | {"seed": 2}, gate=GATE)
    with monkeypatch.context() as patch:
        # TensorFlow's own error, of an allocation that no machine can grant.
        patch.setattr(Classification, "compute_metrics", lambda *_: tf.zeros([2**50]))
        status, _, err = run()
    assert status == 1
    assert "Trainer failed: out of memory" in one_message(err)
    assert "training.micro_batch" in err
    assert run()[0] == 0


AS_ANYBODY = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"]
"""Root may read and write everything; without these capabilities it is as others are."""


@pytest.mark.parametrize(("closed", "mode"), [("train.txt", 0o000), ("closed", 0o500)])
def test_what_permissions_forbid_is_told_before_anything_starts(tmp_path: Path, closed: str, mode: int) -> None:
    write_toy_run(tmp_path)
    (tmp_path / "closed").mkdir()
    place = tmp_path / closed
    place.chmod(mode)
    command = [sys.executable, "pipeline_runner.py", "run", "--config", str(tmp_path / "run.toml")]
    command += ["--root", str(tmp_path / "closed" / "runs")]
    before = AS_ANYBODY if os.geteuid() == 0 else []
    if before and shutil.which("setpriv") is None:
        pytest.skip("needs setpriv to be refused anything as root")
    done = subprocess.run([*before, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    place.chmod(0o700)
    assert done.returncode == 2
    assert f"error: {place}" in one_message(done.stderr)
    assert "ermission" in done.stderr
    assert not list((tmp_path / "closed").iterdir())


def test_a_second_run_waits_for_the_first_if_told_to(run: Said, folder: Path, root: Path) -> None:
    # Another threshold: the evaluators take their time.
    config = write_toy_run(folder, keep_data=True, training=LEARNS, gate={"min": {"accuracy": 0.6}})
    command = ["pipeline_runner.py", "run", "--config", config, "--root", root]
    before = set((root / "toy" / "runs").iterdir())
    with python().start(*command, stdout=subprocess.DEVNULL) as first:
        while set((root / "toy" / "runs").iterdir()) == before:
            assert first.poll() is None
            time.sleep(0.01)
        refused = python().run(*command)
        assert refused.returncode == 2
        assert f"another run is running here (process {first.pid} since" in one_message(refused.stderr)
        second = python().run(*command, "--wait")
        assert second.returncode == 0, second.stderr
        assert "waiting for its end" in second.stderr
        assert "cached" in second.stdout
        assert first.wait() == 0


def test_a_root_that_cannot_be_written_is_told_before_anything_starts(tmp_path: Path, run: Said) -> None:
    (tmp_path / "file").write_text("not a directory")
    status, _, err = run(root=tmp_path / "file")
    assert status == 2
    assert "cannot be written (Not a directory). Give a --root you may write to." in one_message(err)


def test_a_corrupted_record_within_a_run_is_an_error_and_the_next_run_makes_it_again(
    run: Said, folder: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.runners.launch import CompiledPipeline

    # Another length: Transform reads the examples again.
    write_toy_run(folder, keep_data=True, model={"max_length": 15}, training=LEARNS)
    launch = CompiledPipeline.launch

    def corrupt_then_launch(self: CompiledPipeline, node_id: str) -> Any:
        if node_id == "Transform":
            (record,) = (root / "toy/artifacts/TsvExampleGen/examples").glob("*/Split-train/*")
            content = bytearray(record.read_bytes())
            content[len(content) // 2] ^= 255
            record.write_bytes(content)
        return launch(self, node_id)

    with monkeypatch.context() as patch:
        patch.setattr(CompiledPipeline, "launch", corrupt_then_launch)
        status, _, err = run()
    assert status == 1
    assert "Transform failed" in one_message(err)
    status, record, err = run()
    assert status == 0, err
    assert states(record)["TsvExampleGen"] == "done"

"""What can break under a run, each with one message, nothing lost, and a next run that gets to the end."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
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


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Said:
    """Runs the toy config: exit status, record and standard error."""

    def call(root: Path | None = None) -> tuple[int, dict[str, Any], str]:
        capfd.readouterr()
        where = str(root or tmp_path / "runs")
        status = pipeline_runner.main(["run", "--config", str(tmp_path / "run.toml"), "--root", where, "--json"])
        out, err = capfd.readouterr()
        return status, json.loads(out) if out.startswith("{") else {}, err

    write_toy_run(tmp_path, without_test=True, gate={"min": {"accuracy": 0.01}})
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


def test_a_full_disk_ends_the_run_with_a_message_and_room_lets_it_go_on(run: Said, small_disk: Path) -> None:
    status, _, err = run(small_disk)
    assert status == 1
    assert "No space left" in one_message(err) or "full" in err
    subprocess.run(["mount", "-o", "remount,size=300m", str(small_disk)], check=True)
    status, record, err = run(small_disk)
    assert (status, record["state"]) == (0, "pushed"), err


def test_a_file_that_is_cut_short_while_the_run_begins_is_named(
    run: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.launch import Compiled

    train, launch = tmp_path / "train.txt", Compiled.launch
    whole = train.read_bytes()

    def cut_then_launch(self: Compiled, node_id: str) -> Any:
        if node_id == "TsvExampleGen":
            train.write_bytes(whole[: whole.index(b"\t", 100)])
        return launch(self, node_id)

    with monkeypatch.context() as patch:
        patch.setattr(Compiled, "launch", cut_then_launch)
        status, _, err = run()
    assert status == 2
    assert f"{train}:" in one_message(err)
    train.write_bytes(whole)
    assert run()[0] == 0


def test_a_corrupted_record_within_a_run_is_an_error_and_the_next_run_makes_it_again(
    run: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.launch import Compiled

    launch = Compiled.launch

    def corrupt_then_launch(self: Compiled, node_id: str) -> Any:
        if node_id == "Transform":
            (record,) = (tmp_path / "runs/toy/artifacts/TsvExampleGen/examples").glob("*/Split-train/*")
            content = bytearray(record.read_bytes())
            content[len(content) // 2] ^= 255
            record.write_bytes(content)
        return launch(self, node_id)

    with monkeypatch.context() as patch:
        patch.setattr(Compiled, "launch", corrupt_then_launch)
        status, _, err = run()
    assert status == 1
    assert "Transform failed" in one_message(err)
    status, record, err = run()
    assert status == 0, err
    assert {node["id"]: node["state"] for node in record["nodes"]}["TsvExampleGen"] == "done"


def test_a_killed_write_of_ml_metadata_is_undone(run: Said, tmp_path: Path) -> None:
    assert run()[0] == 0
    store = tmp_path / "runs" / "toy" / "metadata.sqlite"
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


def test_a_root_that_cannot_be_written_is_told_before_anything_starts(tmp_path: Path, run: Said) -> None:
    (tmp_path / "file").write_text("not a directory")
    status, _, err = run(tmp_path / "file")
    assert status == 2
    assert "cannot be written (Not a directory). Give a --root you may write to." in one_message(err)

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components.common.errors import InputError
from components.settings.push import Notify
from pipeline.config import preflight
from pipeline.runners import claims, local, notify, outside_command
from pipeline.runners.exported_dag import ExportedDag
from pipeline.runs import lock
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import RunRecord
from tests.pipeline.runs.stored_runs import IDS, write_runs
from tests.toys import write_toy_run

KEEP = [sys.executable, "-c", "import sys; open('told.json', 'a').write(sys.stdin.read())"]
"""Keeps what it is told, in its working directory."""


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "told.json").read_text())
    return found


def of_state(folder: Path, state: str = "failed") -> dict[str, Any]:
    return {"name": "toy", "config": str(folder / "run.toml"), "state": state}


def test_a_command_gets_the_run_as_json_in_the_directory_of_the_config(tmp_path: Path) -> None:
    notify.tell(Notify(command=tuple(KEEP)), of_state(tmp_path))
    assert told(tmp_path) == of_state(tmp_path)


@pytest.mark.parametrize("state", ["failed", "interrupted", "refused", "pushed", "running"])
def test_it_is_told_of_the_states_that_it_wants_to_hear_of(state: str, tmp_path: Path) -> None:
    notify.tell(Notify(command=tuple(KEEP), on=("refused", "interrupted")), of_state(tmp_path, state))
    assert (tmp_path / "told.json").is_file() == (state in ("refused", "interrupted"))


def test_a_string_is_split_and_no_shell_sees_it(tmp_path: Path) -> None:
    script = tmp_path / "tell.sh"
    script.write_text("#!/bin/sh\nprintf '%s|' \"$@\" > words\n")
    script.chmod(0o755)
    notify.tell(Notify(command="./tell.sh 'one word' $HOME; > other"), of_state(tmp_path))
    assert (tmp_path / "words").read_text() == "one word|$HOME;|>|other|"
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import sys; sys.exit('no \\x1b[31mroute')", "ended with 1 (no \\u001b[31mroute)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "ended with -15"),
    ],
)
def test_a_command_that_fails_is_said_without_what_controls_a_terminal(
    code: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notify.tell(Notify(command=(sys.executable, "-c", code)), of_state(tmp_path, "pushed"))
    assert capsys.readouterr().err == f"! notify: {sys.executable} {problem}; the run is pushed all the same\n"


def test_a_command_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notify.tell(Notify(command="./gone.sh"), of_state(tmp_path))
    assert "./gone.sh cannot be started (No such file or directory)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device"), "cannot be started (No space left on device)"),
        (KeyboardInterrupt(), "was"),
    ],
)
def test_whatever_happens_while_it_is_told_the_run_ends_as_it_would(
    error: BaseException, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(outside_command.tempfile, "TemporaryFile", fails)
    notify.tell(Notify(command="tell"), of_state(tmp_path, "refused"))
    assert f"! notify: tell {said}" in capsys.readouterr().err


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "tell.sh"
    script.write_text("#!/bin/sh\nsleep 60 &\necho $! > child\nwait\n")
    script.chmod(0o755)
    began = time.monotonic()
    notify.tell(Notify(command="./tell.sh", seconds=1.0), of_state(tmp_path))
    assert time.monotonic() - began < 30
    assert "took longer than notify.seconds, 1, and was ended" in capsys.readouterr().err
    child = Path("/proc", (tmp_path / "child").read_text().strip())
    deadline = time.monotonic() + 10
    while _is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(child)


def test_a_command_that_prints_without_an_end_is_ended_before_it_fills_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(outside_command, "_MOST_SAID", 100_000)
    flood = "while True: print('y' * 999, flush=True); __import__('time').sleep(0.001)"
    began = time.monotonic()
    notify.tell(Notify(command=(sys.executable, "-c", flood), seconds=60), of_state(tmp_path))
    assert time.monotonic() - began < 30
    assert "printed more than 100,000 bytes, and was ended" in capsys.readouterr().err


def test_of_much_that_a_command_printed_its_last_line_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import sys; print('é' * 100_000); print('no route'); sys.exit(3)"
    notify.tell(Notify(command=(sys.executable, "-X", "utf8", "-c", code)), of_state(tmp_path))
    assert "ended with 3 (no route)" in capsys.readouterr().err


def test_a_run_ends_as_it_would_where_nothing_can_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        notify.tell(Notify(command="./gone.sh"), of_state(tmp_path))
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()


def _is_running(process: Path) -> bool:
    try:
        return " Z " not in (process / "stat").read_text()
    except OSError:
        return False


def test_a_run_that_cannot_begin_is_told_and_ends_as_it_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_toy_run(tmp_path, notify={"command": KEEP})
    (tmp_path / "train.txt").write_text("no label\n")
    root = tmp_path / "root"
    assert pipeline_runner.main(["run", "--config", str(config), "--root", str(root)]) == 2
    assert f"{tmp_path}/train.txt:1: expected 2" in capsys.readouterr().err
    found = told(tmp_path)
    assert (found["name"], found["state"], found["config"], found["id"]) == ("toy", "failed", str(config), None)
    assert f"{tmp_path}/train.txt:1: expected 2" in found["error"]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(None, "pushed"), (InputError("a", "b", "c"), "failed"), (KeyboardInterrupt(), "interrupted")],
)
def test_a_run_s_end_is_told_once_when_others_can_go_on(
    outcome: BaseException | None, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_toy_run(tmp_path, notify={"command": "tell", "on": ["failed", "interrupted", "pushed"]})
    checked, root = preflight.check(config), tmp_path / "root"
    seen: list[tuple[list[str], str, str]] = []

    def tell(settings: Notify, run: dict[str, Any]) -> None:
        with lock.held(PipelinePaths.of(checked.run, root)):
            seen.append((settings.words, run["state"], run["name"]))

    def nodes(checked: Any, paths: Any, record: RunRecord, *rest: Any) -> None:
        if outcome is not None:
            raise outcome
        record.state = "pushed"

    monkeypatch.setattr(notify, "tell", tell)
    monkeypatch.setattr(local, "_run_nodes", nodes)
    try:
        local.run(checked, root, lambda _: None)
    except InputError as error:
        assert error is outcome
    assert seen == [(["tell"], state, "toy")]


def exported(folder: Path) -> Path:
    """A DAG without nodes, as `export` writes it."""
    config = folder / "run.toml"
    dag = ExportedDag(
        name="toy",
        config=str(config),
        root=str(folder / "root"),
        python="python",
        runner="pipeline_runner.py",
        schedule=preflight.load_config(config).schedule,
        pipeline={"nodes": []},
        notify=Notify(command=tuple(KEEP)),
    )
    dag.write(folder / "toy.json")
    return folder / "toy.json"


def test_of_a_scheduled_run_that_could_not_begin_its_last_step_tells_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dag = exported(write_toy_run(tmp_path).parent)
    (tmp_path / "train.txt").write_text("no label\n")
    command = ["--dag", str(dag), "--run-id", "scheduled__1"]
    assert pipeline_runner.main(["begin-run", *command]) == 2
    # A scheduler may try again before it gives up.
    assert not (tmp_path / "told.json").exists()
    assert pipeline_runner.main(["end-run", *command]) == 2
    assert "no run has begun as 'scheduled__1'. Let `begin-run` go before" in capsys.readouterr().err
    assert told(tmp_path)["error"].startswith(f"{tmp_path}/train.txt:1: expected 2")
    assert told(tmp_path)["scheduled_as"] == "scheduled__1"


def test_of_a_scheduled_run_of_which_a_node_failed_the_last_step_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dag = exported(write_toy_run(tmp_path).parent)
    paths = write_runs(tmp_path / "root")
    directory = paths.runs / IDS[0]
    record = json.loads((directory / "run.json").read_text())
    record |= {"state": "running", "scheduled_as": "scheduled__1", "config": str(tmp_path / "run.toml")}
    record["nodes"][0]["state"] = "failed"
    (directory / "run.json").write_text(json.dumps(record))
    nodes = {"nodes": [{"pipelineNode": {"nodeInfo": {"id": "Trainer"}}}]}
    (directory / "pipeline.json").write_text(json.dumps(nodes))
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["config"]["notify"] = {"command": KEEP}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    claims.write(ExportedDag.read(dag), "scheduled__1", {"directory": str(directory)})
    assert pipeline_runner.main(["end-run", "--dag", str(dag), "--run-id", "scheduled__1"]) == 1
    assert "Trainer failed: Trainer did not come to its end" in capsys.readouterr().err
    found = told(tmp_path)
    assert (found["id"], found["state"], found["error"]) == (IDS[0], "failed", "Trainer did not come to its end")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('command = "tell \'me"', "whose words cannot be told apart (No closing quotation)"),
        ('command = ""', "which names no command"),
        ("command = []", None),
        ('command = "tell\\u0000me"', "which names no command"),
        ('on = ["done"]', "it should be"),
        ("command = 3", "it should be a string or a list"),
    ],
)
def test_a_command_that_cannot_be_is_refused_when_the_config_is_read(
    line: str, message: str | None, tmp_path: Path
) -> None:
    config = write_toy_run(tmp_path)
    config.write_text(f"{config.read_text()}\n[notify]\n{line}\n")
    if message is None:
        assert preflight.load_config(config).notify.words == []
        return
    with pytest.raises(InputError) as caught:
        preflight.load_config(config)
    assert message in str(caught.value)
    assert caught.value.place == f"{config}:{config.read_text().count(os.linesep)}"

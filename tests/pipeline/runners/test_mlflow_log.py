"""What MLflow is told of a run; with a store in an SQLite file, where `make mlflow` has installed the client."""

import dataclasses
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest

import pipeline_runner
from components.common.errors import InputError
from components.settings.run import Run
from components.settings.tracking import Tracking
from pipeline.commands import reproduce
from pipeline.config import preflight
from pipeline.reports import tables
from pipeline.runners import claims, local
from pipeline.runners.exported_dag import ExportedDag
from pipeline.runners.tracking import mlflow_log
from pipeline.runs import manifest, record
from pipeline.runs.record import RunRecord
from tests.pipeline.conftest import Command, FirstRun, states
from tests.pipeline.conftest import Run as RunAgain
from tests.pipeline.runners.test_notify import exported
from tests.pipeline.runs.stored_runs import IDS, write_runs
from tests.toys import write_toy_run

SERVER = "http://127.0.0.1:9"

needs_mlflow = pytest.mark.skipif(mlflow_log.python() is None, reason="needs `make mlflow`")


def stored(root: Path, run_id: str, tracking: Tracking) -> tuple[Run, RunRecord]:
    """The settings and the record of a run that `write_runs` wrote, with `[tracking]`."""
    directory = root / "toy" / "runs" / run_id
    settings = manifest.read_alone(directory).settings
    assert isinstance(settings, Run)
    return dataclasses.replace(settings, tracking=tracking), record.read(directory)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In place of MLflow, a command that keeps what it is told and its environment, in the folder."""
    python = tmp_path / ".venv-mlflow" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\ncd "{tmp_path}"\ncat > told.json\nenv > environment\necho "page of the run"\n')
    python.chmod(0o755)
    monkeypatch.setattr(mlflow_log, "ROOT", tmp_path)
    yield tmp_path


def test_a_run_is_told_with_its_settings_metrics_by_step_verdict_report_and_model(tmp_path: Path) -> None:
    paths = write_runs(tmp_path)
    run, kept = stored(tmp_path, IDS[1], Tracking(mlflow="sqlite:////srv/runs.db"))
    kept.report.write_text("<p>")
    told = mlflow_log.told(run, kept)
    assert (told["experiment"], told["run"], told["status"], told["files"]) == (
        *("toy", IDS[1], "FINISHED"),
        "/srv/mlflow-files",
    )
    assert told["tags"] == {"verdict": "pushed", "pushed": str(paths.serving / "1")}
    assert told["metrics"] == [
        *[("training/dev_accuracy", 0.5, 96), ("training/dev_loss", 0.7, 96)],
        *[("dev/accuracy", 0.75, 96), ("dev/f1/bad", 0.5, 96), ("dev/f1/good", 0.8, 96), ("dev/example_count", 16, 96)],
    ]
    assert told["artifacts"] == [(str(kept.report), None), (str(paths.serving / "1"), "model")]
    assert told["params"]["gate.min"] == '{"accuracy": 0.5}'
    assert (told["params"]["name"], told["params"]["training.batch_size"]) == ("toy", "32")
    # No settings that no result follows from: a command that is told may hold a password.
    assert not {name.partition(".")[0] for name in told["params"]} & set(manifest.WITHOUT_EFFECT)


def test_of_a_refused_run_the_reasons_are_told_and_the_model_that_it_made(tmp_path: Path) -> None:
    paths = write_runs(tmp_path)
    run, kept = stored(tmp_path, IDS[0], Tracking(mlflow=SERVER))
    kept.evaluations["dev"]["reasons"] = ["accuracy 0.4 is below 0.5"]
    kept.training["chosen"] = [{"key": "training.epochs", "value": 7, "why": "few rows"}]
    told = mlflow_log.told(run, kept)
    assert (told["files"], told["tags"]) == (None, {"verdict": "refused: accuracy 0.4 is below 0.5"})
    assert told["artifacts"] == [(str(paths.models / "1" / "Format-Serving"), "model")]
    assert told["params"]["training.epochs"] == "7"
    without = dataclasses.replace(run, tracking=Tracking(mlflow=SERVER, model=False))
    assert mlflow_log.told(without, kept)["artifacts"] == []


@pytest.mark.parametrize(
    ("name", "logged"),
    [("f1", "f1"), ("f1/grün", "f1/grün"), ("f1/a/b", "f1/a_b"), ("f1/..", "f1/__"), ("f1/<x>\x1b", "f1/_x__")],
)
def test_a_label_becomes_a_name_that_mlflow_takes(name: str, logged: str) -> None:
    assert mlflow_log._metric(name) == logged


def test_the_client_gets_the_variables_of_the_run_and_tells_nobody_else(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    write_runs(tmp_path / "root")
    run, kept = stored(tmp_path / "root", IDS[1], Tracking(mlflow=SERVER))
    mlflow_log.log(run, kept, tables.console(sys.stdout).print, "")
    assert capsys.readouterr() == ("logged to  page of the run\n", "")
    environment = (fake / "environment").read_text().splitlines()
    assert {"MLFLOW_DISABLE_TELEMETRY=true", "MLFLOW_TRACKING_TOKEN=secret", "MLFLOW_HTTP_REQUEST_TIMEOUT=7"} <= {
        *environment
    }
    told = json.loads((fake / "told.json").read_text())
    assert (told["uri"], told["run"]) == (SERVER, IDS[1])
    assert "secret" not in json.dumps(told)


def test_without_mlflow_check_warns_and_a_run_says_the_remedy_and_ends_as_it_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mlflow_log, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    config = write_toy_run(tmp_path, tracking={"mlflow": SERVER})
    assert pipeline_runner.main(["check", "--config", str(config)]) == 0
    assert "! tracking: MLflow is not installed, no run will be logged. Run `make mlflow`" in capsys.readouterr().err
    write_runs(tmp_path / "root")
    mlflow_log.log(*stored(tmp_path / "root", IDS[1], Tracking(mlflow=SERVER)), print, "")
    assert capsys.readouterr() == (
        "",
        f"! tracking: MLflow is not installed; the run is pushed all the same, and not logged in {SERVER}. Run `make "
        "mlflow`, or put the command `mlflow` of an environment of its own on the PATH\n",
    )


def test_what_a_node_left_in_another_form_fails_no_run(
    fake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_runs(tmp_path / "root")
    run, kept = stored(tmp_path / "root", IDS[1], Tracking(mlflow=SERVER))
    kept.training["evaluations"] = [3]
    mlflow_log.log(run, kept, print, "Mend it")
    assert capsys.readouterr().err.startswith("! tracking: TypeError: ")


@pytest.mark.parametrize(
    ("outcome", "logged"), [(None, ["pushed"]), (InputError("a", "b", "c"), ["failed"]), (KeyboardInterrupt(), [])]
)
def test_a_run_is_logged_whatever_became_of_it_unless_it_was_stopped(
    outcome: BaseException | None, logged: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked, seen = preflight.check(write_toy_run(tmp_path, tracking={"mlflow": SERVER})), []

    def nodes(checked: Any, paths: Any, record: RunRecord, *rest: Any) -> None:
        if outcome is not None:
            raise outcome
        record.state = "pushed"

    def told(interpreter: Path, run: Any, record: RunRecord, uri: str) -> tuple[str, str]:
        seen.append(record.state)
        return "", ""

    monkeypatch.setattr(local, "_run_nodes", nodes)
    monkeypatch.setattr(mlflow_log, "python", lambda: Path(sys.executable))
    monkeypatch.setattr(mlflow_log, "_logged", told)
    try:
        local.run(checked, tmp_path / "root", lambda _: None)
    except InputError as error:
        assert error is outcome
    assert seen == logged


def test_the_last_step_of_a_scheduler_logs_the_run(
    fake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dag = exported(write_toy_run(tmp_path).parent)
    directory = write_runs(tmp_path / "root").runs / IDS[0]
    kept = json.loads((directory / "run.json").read_text())
    kept |= {"state": "running", "scheduled_as": "scheduled__1"}
    kept["nodes"][0]["state"] = "failed"
    (directory / "run.json").write_text(json.dumps(kept))
    stood_on = json.loads((directory / "manifest.json").read_text())
    stood_on["config"]["tracking"] = {"mlflow": SERVER}
    (directory / "manifest.json").write_text(json.dumps(stood_on))
    nodes = {"nodes": [{"pipelineNode": {"nodeInfo": {"id": "Trainer"}}}]}
    (directory / "pipeline.json").write_text(json.dumps(nodes))
    claims.write(ExportedDag.read(dag), "scheduled__1", {"directory": str(directory)})
    assert pipeline_runner.main(["end-run", "--dag", str(dag), "--run-id", "scheduled__1"]) == 1
    assert "logged to  page of the run" in capsys.readouterr().out
    told = json.loads((tmp_path / "told.json").read_text())
    assert (told["run"], told["status"]) == (IDS[0], "FAILED")
    assert told["tags"]["verdict"] == "failed: Trainer did not come to its end"


def test_a_run_that_is_made_again_is_not_logged(tmp_path: Path) -> None:
    write_runs(tmp_path)
    run, _ = stored(tmp_path, IDS[1], Tracking(mlflow=SERVER))
    found = manifest.read_alone(tmp_path / "toy" / "runs" / IDS[1])
    found.config["tracking"] = dataclasses.asdict(run.tracking)
    assert reproduce._found_again(found, tmp_path)["tracking"] == {}


def test_a_file_of_the_config_s_directory_is_named_by_a_relative_path(tmp_path: Path) -> None:
    config = write_toy_run(tmp_path / "a b@c", tracking={"mlflow": "sqlite:///runs.db"})
    assert preflight.load_config(config).tracking.mlflow == f"sqlite:///{tmp_path}/a b@c/runs.db"


@needs_mlflow
@pytest.mark.slow
def test_a_server_that_is_not_there_and_a_bad_store_cost_a_line_each(
    first_run: FirstRun, capfd: pytest.CaptureFixture[str]
) -> None:
    (first_run.folder / "bad.db").write_text("no database")
    for uri, why in ((SERVER, "Connection refused"), ("sqlite:///bad.db", "file is not a database")):
        config = write_toy_run(first_run.folder, keep_data=True, tracking={"mlflow": uri})
        run, kept = preflight.load_config(config), record.read(Path(first_run.record["directory"]))
        capfd.readouterr()
        mlflow_log.log(run, kept, print, "Mend it")
        out, err = capfd.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert why in err
        assert f"the run is pushed all the same, and not logged in {run.tracking.mlflow}. Mend it" in err


@needs_mlflow
@pytest.mark.slow
def test_a_run_that_failed_before_trainer_chose_is_logged_again_once_it_is_mended(tmp_path: Path) -> None:
    write_runs(tmp_path / "root")
    run, kept = stored(tmp_path / "root", IDS[1], Tracking(mlflow=f"sqlite:///{tmp_path}/runs.db", model=False))
    said: list[Any] = []
    chosen: list[Any] = [{"key": "model.pooling", "value": "mean", "why": "so"}]
    ends: tuple[tuple[Literal["failed", "pushed"], list[Any]], ...] = (("failed", []), ("pushed", chosen))
    for state, of_trainer in ends:
        kept.state, kept.training["chosen"] = state, of_trainer
        mlflow_log.log(run, kept, said.append, "")
    assert len(said) == 2
    with closing(sqlite3.connect(tmp_path / "runs.db")) as store:
        query = "SELECT status, value FROM runs JOIN params USING (run_uuid) WHERE lifecycle_stage = 'active'"
        assert store.execute(f"{query} AND key = 'model.pooling'").fetchall() == [("FINISHED", "mean")]


@needs_mlflow
@pytest.mark.slow
def test_a_run_is_logged_to_an_sqlite_file_and_its_nodes_come_from_cache(
    first_run: FirstRun, run_again: RunAgain, command: Command
) -> None:
    status, found = run_again(tracking={"mlflow": "sqlite:///runs.db"})
    assert (status, found["state"]) == (0, "pushed")
    assert set(states(found).values()) == {"cached"}
    kept = record.read(Path(found["directory"]))
    # A scheduler's last step may be cleared: a second time changes nothing.
    mlflow_log.log(preflight.load_config(Path(found["config"])), kept, print, "")
    with closing(sqlite3.connect(first_run.folder / "runs.db")) as store:

        def rows(query: str) -> list[Any]:
            return store.execute(query).fetchall()

        ((run_id, status, name, experiment, uri),) = rows(
            "SELECT run_uuid, status, runs.name, experiments.name, artifact_uri FROM runs JOIN experiments USING "
            "(experiment_id)"
        )
        assert (status, name, experiment) == ("FINISHED", found["id"], "toy")
        assert uri == f"{first_run.folder}/mlflow-files/{run_id}/artifacts"
        losses = rows("SELECT step, value FROM metrics WHERE key = 'training/dev_loss' ORDER BY step")
        assert losses == [(one["step"], one["loss"]) for one in found["training"]["evaluations"]]
        accuracy = found["evaluations"]["test"]["metrics"]["candidate"][""]["accuracy"]
        assert rows("SELECT value FROM metrics WHERE key = 'test/accuracy'") == [(accuracy,)]
        assert rows("SELECT value FROM params WHERE key = 'training.epochs'") == [("12",)]
        assert rows("SELECT value FROM tags WHERE key = 'verdict'") == [("pushed",)]
    files = Path(uri)
    assert (files / "report.html").read_bytes() == kept.report.read_bytes()
    assert (files / "model" / "saved_model.pb").read_bytes() == Path(found["pushed"], "saved_model.pb").read_bytes()
    status, told, _ = command("check", "--config", found["config"], "--json")
    assert (status, told["tracking"]["mlflow"]) == (0, f"sqlite:///{first_run.folder}/runs.db")

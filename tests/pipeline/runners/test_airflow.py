"""The exported DAG under real Airflows, whose schedulers the tests start: `make airflow` sets both up."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import pipeline_runner
from pipeline.runs import record
from tests.airflow import Airflow, page, python_of, wait_until
from tests.pipeline.runners.test_scheduled import result
from tests.toys import write_toy_run

pytestmark = pytest.mark.slow

PATIENCE = 1200.0
"""Seconds for a run: a node imports TFX in a process of its own, on a machine that may be busy."""


@pytest.fixture(scope="module", params=[2, 3], ids=["airflow-2", "airflow-3"])
def airflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    if not python_of(request.param).exists():
        pytest.skip(f"no Airflow {request.param}: `make airflow` sets it up")
    started = Airflow(request.param, tmp_path_factory.mktemp("airflow"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def folder(airflow: Airflow) -> Path:
    """One for each Airflow, unlike that of other modules."""
    (made := airflow.home / "config").mkdir()
    return made


@pytest.fixture(scope="module")
def root(airflow: Airflow) -> Path:
    """The same of the root."""
    return airflow.home / "root"


def export(airflow: Airflow, config: Path, root: Path) -> None:
    command = ["export", "--runner", "airflow", "--config", str(config), "--root", str(root)]
    assert pipeline_runner.main([*command, "--output", str(airflow.dags)]) == 0


def ended(airflow: Airflow, dag: str, run_id: str) -> bool:
    return airflow.run_state(dag, run_id) in ("success", "failed")


def test_a_dag_file_is_read_in_about_a_second_and_imports_nothing_of_ours(
    airflow: Airflow, folder: Path, root: Path
) -> None:
    export(airflow, write_toy_run(folder, schedule={"retries": 2, "retry_minutes": 0.2}), root)
    code = (
        "import sys, time, runpy\n"
        "import airflow.models\n"
        "try:\n    import airflow.sdk, airflow.providers.standard.operators.bash\n"
        "except ImportError:\n    import airflow.operators.bash\n"
        "started = time.process_time()\n"
        f"runpy.run_path({str(airflow.dags / 'toy.py')!r})\n"
        "print(time.process_time() - started, [m for m in sys.modules if m.split('.')[0] in"
        " ('tfx', 'tensorflow', 'pipeline', 'components')])"
    )
    python = str(airflow.program.with_name("python"))
    done = subprocess.run([python, "-c", code], env=airflow.environment, capture_output=True, text=True, check=True)
    seconds, modules = done.stdout.splitlines()[-1].split(" ", 1)
    assert (float(seconds) < 2, modules) == (True, "[]")


def test_runs_get_to_their_end_one_after_the_other_whatever_happens_to_the_scheduler(
    airflow: Airflow, folder: Path, root: Path, tmp_path: Path
) -> None:
    # A file where a node's directory should be: it fails until the file is gone.
    obstacle = root / "toy" / "artifacts" / "StatisticsGen"
    obstacle.parent.mkdir(parents=True)
    obstacle.write_text("")
    airflow.command("dags", "reserialize")
    wait_until(lambda: airflow.knows("toy"), 60, "the DAG is known")
    airflow.start()
    for run_id in ("first", "second"):
        airflow.trigger("toy", run_id)

    def state(task: str) -> str | None:
        return airflow.tasks("toy", "first").get(task, (None, 0))[0]

    wait_until(lambda: state("StatisticsGen") == "up_for_retry", PATIENCE, "StatisticsGen waits to be tried again")
    assert airflow.run_state("toy", "second") == "queued"
    obstacle.unlink()
    wait_until(lambda: state("Transform") == "running", PATIENCE, "Transform runs")
    time.sleep(3)
    airflow.kill_scheduler()
    airflow.start_scheduler()
    for run_id in ("first", "second"):
        wait_until(lambda run_id=run_id: ended(airflow, "toy", run_id), PATIENCE, f"the run {run_id} ends")  # type: ignore[misc]
        assert {task: state for task, (state, _) in airflow.tasks("toy", run_id).items() if state != "success"} == {}
        assert airflow.run_state("toy", run_id) == "success"
    assert airflow.tasks("toy", "first")["StatisticsGen"][1] >= 2
    (_, _, first_ended), (_, second_started, _) = airflow.run_times("toy")
    assert str(first_ended) <= str(second_started)
    assert "dev accuracy" in airflow.logs("toy", "first", "Trainer")
    first, second = (record.read(path) for path in record.find(root, None))
    assert [(one.scheduled_as, one.state) for one in (first, second)] == [("first", "pushed"), ("second", "pushed")]
    assert pipeline_runner.main(["run", "--config", str(folder / "run.toml"), "--root", str(tmp_path)]) == 0
    assert result(root) == result(tmp_path)


def test_nodes_that_do_not_wait_for_each_other_run_side_by_side(airflow: Airflow) -> None:
    times = airflow.task_times("toy", "second")
    (begin, end), (other_begin, other_end) = times["Evaluator"], times["Evaluator.test"]
    assert max(begin, other_begin) < min(end, other_end)


def test_airflows_own_page_shows_the_nodes_and_that_they_succeeded(airflow: Airflow, tmp_path: Path) -> None:
    if airflow.version != 3:
        pytest.skip("Airflow 2's page asks for a password")
    if not shutil.which("chromium"):
        pytest.skip("no chromium: `apt-get install chromium` brings it")
    url = f"http://127.0.0.1:{airflow.port}/dags/toy/runs/first"
    shown = page(url, tmp_path / "profile", "--dump-dom")
    for task in airflow.tasks("toy", "first"):
        assert f">{task}<" in shown
    assert shown.count("Success") >= len(airflow.tasks("toy", "first"))
    # `docs/airflow.png` is one of these.
    picture = Path(os.environ.get("AIRFLOW_SCREENSHOT", tmp_path / "airflow.png"))
    page(url, tmp_path / "profile", f"--screenshot={picture}")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_refused_model_skips_the_push_and_the_run_ends_as_the_config_says(airflow: Airflow, tmp_path: Path) -> None:
    config = write_toy_run(tmp_path, gate={"min": {"accuracy": 0.999}}, schedule={"on_refusal": "fail"})
    config.write_text(config.read_text().replace('name = "toy"', 'name = "strict"'))
    export(airflow, config, tmp_path / "root")
    airflow.command("dags", "reserialize")
    wait_until(lambda: airflow.knows("strict"), 120, "the DAG is known")
    airflow.trigger("strict", "once")
    wait_until(lambda: ended(airflow, "strict", "once"), PATIENCE, "the run ends")
    states = {task: state for task, (state, _) in airflow.tasks("strict", "once").items() if state != "success"}
    assert states == {"Pusher": "skipped", "end": "failed"}
    assert airflow.run_state("strict", "once") == "failed"
    assert "skipped, nothing is pushed: accuracy" in airflow.logs("strict", "once", "Pusher")
    assert not list((tmp_path / "root" / "strict" / "serving").glob("*/*"))

"""ServingValidator in whole runs: what it changes of a run's end, the cache, scheduled steps, a kill."""

import time
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components.serving import validation
from components.serving.versions import versions
from pipeline.runs import record
from tests.pipeline.conftest import FirstRun, Run, states
from tests.pipeline.runners.test_scheduled import export, nodes, process, result, step

pytestmark = pytest.mark.slow


@pytest.fixture
def run(run_again: Run) -> Run:
    """Runs the first run's config with a table `serving`: exit status and record."""

    def call(**serving: Any) -> tuple[int, dict[str, Any]]:
        return run_again(serving=serving)

    return call


def test_a_model_that_a_client_can_use_is_pushed_and_is_tried_once(run: Run, first_run: FirstRun) -> None:
    status, found = run(validate=True)
    assert (status, found["state"], found["serving"]["blessed"]) == (0, "pushed", True)
    (note,) = (node["note"] for node in found["nodes"] if node["id"] == "ServingValidator")
    assert note.startswith("16 rows answered as they should be, loaded in ")
    _, again = run(validate=True)
    assert states(again)["ServingValidator"] == "cached"
    assert again["serving"] == found["serving"]
    assert len(versions(first_run.serving)) == 1


def test_one_beyond_a_limit_is_refused_each_time_anew_with_the_reason(
    run: Run, first_run: FirstRun, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(validation, "_TRIES", 1)
    before = versions(first_run.serving)
    status, found = run(validate=True, max_memory_mb=1.5)
    assert (status, found["state"], found["evaluations"]["dev"]["blessed"]) == (3, "refused", True)
    (reason,) = found["serving"]["reasons"]
    assert reason.endswith(" MB of memory, allowed: 1.5")
    assert found["failure"]["rule"] == f"as a client has it: {reason}"
    assert versions(first_run.serving) == before
    assert pipeline_runner.main(["show", "--root", str(first_run.root)]) == 0
    shown = capfd.readouterr().out
    assert "refused by the gate" in shown
    assert f"not served    {reason}" in shown
    _, again = run(validate=True, max_memory_mb=1.5)
    assert {states(again)[node] for node in ("ServingValidator", "Trainer")} == {"done", "cached"}


def test_scheduled_steps_with_one_killed_give_the_bits_of_a_local_run(
    run: Run, first_run: FirstRun, tmp_path: Path
) -> None:
    run(validate=True)
    dag, root = export(first_run.folder / "run.toml", tmp_path), tmp_path
    assert step("begin-run", dag, "killed") == 0
    for node in nodes(dag):
        if node == "ServingValidator":
            killed = process("run-node", dag, "killed", node)
            directory = root / "toy" / "artifacts" / node / "blessing"
            while not list(directory.glob("*/tmp*/request.json")) and killed.poll() is None:
                time.sleep(0.02)
            killed.kill()
            assert killed.wait() == -9
        assert step("run-node", dag, "killed", node) == 0
    assert step("end-run", dag, "killed") == 0
    (blessing,) = directory.iterdir()
    assert sorted(path.name for path in blessing.iterdir()) == ["INFRA_BLESSED", "serving.json"]
    assert result(root) == result(first_run.root)
    found = record.read(record.find(root, None)[-1])
    assert found.serving["blessed"] is True

"""Calibration in whole runs: what it changes of a run, what comes from cache, scheduled steps with one killed."""

import time
from pathlib import Path
from typing import Any

import pytest

from components.export import saved_weights
from components.export.card import read_card
from components.serving.predictor import Predictor
from components.serving.versions import versions
from tests.pipeline.conftest import FirstRun, Run, states
from tests.pipeline.runners.test_scheduled import export, nodes, process, result, step

pytestmark = pytest.mark.slow

TEXT = [("the film is good",)]


@pytest.fixture
def run(run_again: Run) -> Run:
    """Runs the first run's config with a table `calibration`: exit status and record."""

    def call(**calibration: Any) -> tuple[int, dict[str, Any]]:
        return run_again(calibration=calibration)

    return call


def test_the_same_weights_and_answers_are_pushed_as_another_version(run: Run, first_run: FirstRun) -> None:
    status, found = run(enabled=True)
    assert (status, found["state"]) == (0, "pushed")
    assert (states(found)["Trainer"], states(found)["Calibration"]) == ("cached", "done")
    (note,) = (node["note"] for node in found["nodes"] if node["id"] == "Calibration")
    assert note.startswith("temperature ")
    before, after = (one["evaluations"]["dev"] for one in (first_run.record, found))
    overall = after["metrics"]["candidate"][""]
    assert overall["accuracy"] == before["metrics"]["candidate"][""]["accuracy"]
    # The gate is held to what rows that did not choose have.
    assert after["cross_fitted"] == ["loss"]
    assert overall["loss"] == found["calibration"]["cross_fitted"]["loss"]
    assert after["baseline_version"] == Path(first_run.record["pushed"]).name
    assert len(versions(first_run.serving)) == 2
    (old,), (new,) = (list(Predictor(Path(one["pushed"])).predict(TEXT)) for one in (first_run.record, found))
    assert old["label"] == new["label"]
    assert old["probabilities"] != new["probabilities"]

    _, again = run(enabled=True)
    assert {states(again)[node] for node in ("Calibration", "Baseline", "Evaluator", "Pusher")} == {"cached"}


def test_a_model_that_answers_too_few_rows_is_refused(run: Run, first_run: FirstRun) -> None:
    before = versions(first_run.serving)
    status, found = run(enabled=True, abstain={"error": 0.01, "min_coverage": 0.5})
    assert (status, found["state"]) == (3, "refused")
    # 16 rows cannot show one error in a hundred.
    assert "0 of 16 rows are answered (0.0000), required: at least 0.5" in found["failure"]["rule"]
    assert versions(first_run.serving) == before


def test_scheduled_steps_with_one_killed_give_the_bits_of_a_local_run(
    run_again: Run, first_run: FirstRun, tmp_path: Path
) -> None:
    """With rows of dev that the gate alone looks at: none of them chose the checkpoint or the temperature."""
    _, local = run_again(calibration={"enabled": True}, data={"held_back": 0.5})
    assert local["rows"] == {"train": 64, "dev": 7, "gate": 9, "test": 16}
    assert local["calibration"]["rows"] == 7
    gated = local["evaluations"]["dev"]
    assert (gated["split"], gated["metrics"]["candidate"][""]["example_count"]) == ("gate", 9)
    assert "cross_fitted" not in gated
    dag, root = export(first_run.folder / "run.toml", tmp_path), tmp_path
    assert step("begin-run", dag, "killed") == 0
    for node in nodes(dag):
        if node == "Calibration":
            killed = process("run-node", dag, "killed", node)
            directory = root / "toy" / "artifacts" / node / "model"
            while not list(directory.glob("*")) and killed.poll() is None:
                time.sleep(0.02)
            killed.kill()
            assert killed.wait() == -9
        assert step("run-node", dag, "killed", node) == 0
    assert step("end-run", dag, "killed") == 0
    assert result(root) == result(first_run.root)
    (made,), theirs = directory.iterdir(), Path(_outputs(local))
    assert (made / "calibration.json").read_bytes() == (theirs / "calibration.json").read_bytes()
    models = [one / "Format-Serving" for one in (made, theirs)]
    # The graph's own bytes depend on what a process has traced before.
    for model in models:
        saved_weights.check(model)
    ours, known = map(read_card, models)
    assert ours == known


def _outputs(found: dict[str, Any]) -> str:
    (calibrated,) = (node["outputs"] for node in found["nodes"] if node["id"] == "Calibration")
    (uri,) = calibrated
    return str(uri)

"""Runs whose steps are processes of their own, without a scheduler; `test_airflow` has a real one."""

import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components.common.checkout import ROOT
from components.serving.versions import CARDS
from pipeline.runners.exported_dag import ExportedDag, edges
from pipeline.runs import manifest, record
from tests.commands import Process, python
from tests.google_form import write_google_checkpoint
from tests.pipeline.conftest import GATE, LEARNS, FirstRun
from tests.toys import write_toy_run

pytestmark = pytest.mark.slow

GOOGLE = "google/bert_model.ckpt"
"""The base model: a path prefix."""

PAIR = ["Evaluator", "Evaluator.test"]
"""Nodes that do not wait for each other."""


def export(config: Path, root: Path) -> Path:
    """The exported JSON, which lies beside the config."""
    dags = config.parent / "dags"
    command = ["export", "--runner", "airflow", "--config", str(config), "--root", str(root), "--output", str(dags)]
    assert pipeline_runner.main(command) == 0
    return dags / "toy.json"


def step(name: str, dag: Path, run_id: str, *node: str) -> int:
    try:
        return pipeline_runner.main([name, *node, "--dag", str(dag), "--run-id", run_id])
    except SystemExit as error:
        return int(str(error.code))


def process(name: str, dag: Path, run_id: str, *node: str) -> Process:
    command = ["pipeline_runner.py", name, *node, "--dag", dag, "--run-id", run_id]
    return python().start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def nodes(dag: Path) -> list[str]:
    return list(edges(ExportedDag.read(dag).pipeline))


def all_steps(dag: Path, run_id: str) -> dict[str, int]:
    """Every step's exit status."""
    found = {"begin": step("begin-run", dag, run_id)}
    found |= {node: step("run-node", dag, run_id, node) for node in nodes(dag)}
    return {**found, "end": step("end-run", dag, run_id)}


def latest(root: Path) -> Path:
    return record.find(root, None)[-1]


def result(root: Path) -> dict[str, Any]:
    return {name: manifest.read(latest(root)).result[name] for name in ("weights_sha256", "metrics", "rows", "state")}


def versions(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "toy" / "serving" / "toy").iterdir() if path.name != CARDS)


@pytest.fixture(scope="module")
def folder(first_run: FirstRun) -> Path:
    """The first run's, whose base model is here in Google's form, which has the same weights."""
    write_google_checkpoint(first_run.folder / "google", first_run.folder / "model")
    write_toy_run(first_run.folder, keep_data=True, training=LEARNS, gate=GATE, model={"base": GOOGLE})
    return first_run.folder


@pytest.fixture(scope="module")
def dag(folder: Path, root: Path) -> Path:
    """Of the first run's config, under a root of its own."""
    return export(folder / "run.toml", root)


def variant(folder: Path, own: Path, **tables: Mapping[str, object]) -> Path:
    """Another config over the shared data: what does not follow from the difference comes from cache."""
    data = {split: str(folder / f"{split}.txt") for split in ("train", "dev", "test")}
    shared: dict[str, Any] = {"data": data, "model": {"base": str(folder / GOOGLE)}, "training": LEARNS, "gate": GATE}
    return write_toy_run(own, keep_data=True, **(shared | tables))


def test_a_killed_node_leaves_nothing_behind(dag: Path, root: Path) -> None:
    assert step("begin-run", dag, "manual__1") == 0
    every = nodes(dag)
    for node in every[: every.index(PAIR[0])]:
        if node == "Trainer":
            killed = process("run-node", dag, "manual__1", node)
            directory = root / "toy" / "artifacts" / "Trainer" / "model_run"
            while not list(directory.glob("*/*")) and killed.poll() is None:
                time.sleep(0.05)
            killed.kill()
            assert killed.wait() == -9
        assert step("run-node", dag, "manual__1", node) == 0
    assert len(list(directory.iterdir())) == 1


def test_nodes_side_by_side_are_both_noted(dag: Path, root: Path) -> None:
    assert [one.wait() for one in [process("run-node", dag, "manual__1", node) for node in PAIR]] == [0, 0]
    assert set(record.read(latest(root)).evaluations) == {"dev", "test"}
    digests = json.loads((root / "toy" / "digests.json").read_text())
    assert {name.split("/")[-3] for name in digests} >= set(PAIR)


def test_steps_one_by_one_give_the_bits_of_a_local_run(
    dag: Path, root: Path, first_run: FirstRun, capfd: pytest.CaptureFixture[str]
) -> None:
    assert (step("run-node", dag, "manual__1", "Pusher"), step("end-run", dag, "manual__1")) == (0, 0)
    shown = capfd.readouterr().out
    assert "blessed and pushed" in shown
    found = record.read(latest(root))
    assert (found.state, found.scheduled_as, {node.state for node in found.nodes}) == ("pushed", "manual__1", {"done"})
    assert result(root) == result(first_run.root)


def test_the_next_run_comes_from_cache(dag: Path, root: Path) -> None:
    assert set(all_steps(dag, "manual__2").values()) == {0}
    states = {node.id: node.state for node in record.read(latest(root)).nodes}
    # What is in production has changed.
    assert {name for name, state in states.items() if state != "cached"} <= {"Predecessor", "Baseline"}
    assert {states["Trainer"], states["Transform"], states["Pusher"]} == {"cached"}


def test_a_step_that_is_done_has_nothing_to_do(dag: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert step("run-node", dag, "manual__2", "Trainer") == 0
    assert capfd.readouterr().out == "Trainer is done already\n"


@pytest.mark.parametrize(("on_refusal", "status"), [("succeed", 0), ("fail", 3)])
def test_a_refused_model_skips_the_push(
    on_refusal: str, status: int, folder: Path, root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = versions(root)
    config = variant(folder, tmp_path, gate={"max": {"loss": 0.0}}, schedule={"on_refusal": on_refusal})
    found = all_steps(export(config, root), f"refused, {on_refusal}")
    assert {step: status for step, status in found.items() if status} == {"Pusher": 99} | (
        {"end": status} if status else {}
    )
    assert "skipped, nothing is pushed: loss" in capfd.readouterr().out
    assert versions(root) == before
    assert result(root)["state"] == "refused"


def test_a_node_that_failed_can_be_tried_again(
    dag: Path, folder: Path, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert step("begin-run", dag, "tried again") == 0
    train = folder / "train.txt"
    good = train.read_text()
    train.write_text(good + "no label\n")
    capfd.readouterr()
    assert step("run-node", dag, "tried again", "TsvExampleGen") == 2
    assert "train.txt:65: expected 2 tab-separated fields, got 1" in capfd.readouterr().err
    assert step("run-node", dag, "tried again", "StatisticsGen") == 1
    assert [(n.id, n.state) for n in record.read(latest(root)).nodes] == [
        ("TsvExampleGen", "failed"),
        ("StatisticsGen", "failed"),
    ]
    assert step("end-run", dag, "tried again") == 1
    assert "failed" in capfd.readouterr().err
    # The bytes that the run began with: other data needs another run.
    train.write_text(good)
    for node in nodes(dag):
        assert step("run-node", dag, "tried again", node) == 0
    assert step("end-run", dag, "tried again") == 0
    found = record.read(latest(root))
    assert (found.state, found.error) == ("pushed", None)


def test_another_dag_than_the_exported_one_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    dag = export(write_toy_run(tmp_path), tmp_path / "root")
    config = write_toy_run(tmp_path, keep_data=True, without_test=True)
    assert step("begin-run", dag, "a") == 2
    error = f"error: {dag}: {config} has another DAG than the one that was exported. Export it again.\n"
    assert error in capfd.readouterr().err


def test_a_local_run_does_not_come_between_nodes_that_are_on(
    dag: Path, folder: Path, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from pipeline.runs.lock import held
    from pipeline.runs.paths import PipelinePaths

    with held(PipelinePaths.of(manifest.read(latest(root)).settings, root), shared=True):
        assert pipeline_runner.main(["run", "--config", str(folder / "run.toml"), "--root", str(root)]) == 2
        assert "another run is running here" in capfd.readouterr().err
        # Nodes go side by side.
        assert step("run-node", dag, "manual__2", "Trainer") == 0


def test_unknown_nodes_runs_and_files_are_named(
    dag: Path, root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert step("run-node", dag, "manual__1", "Tariner") == 2
    assert f"error: {dag}: no node 'Tariner'. The nodes are TsvExampleGen, StatisticsGen" in capfd.readouterr().err
    assert step("run-node", dag, "manual__9", "Trainer") == 2
    said = capfd.readouterr().err
    assert f"error: {root / 'toy'}: no run has begun as 'manual__9'. Let `begin-run` go before; its log" in said
    assert step("begin-run", tmp_path / "none.json", "a") == 2
    assert "none.json: cannot be read (No such file or directory). Give the .json" in capfd.readouterr().err
    (tmp_path / "none.json").write_text("{}")
    assert step("begin-run", tmp_path / "none.json", "a") == 2
    assert "none.json: not an exported pipeline (name: Field required)" in capfd.readouterr().err


def test_a_run_without_a_new_span_is_skipped(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path, without_test=True)
    for split in ("train", "dev"):
        (tmp_path / f"{split}.txt").rename(tmp_path / f"{split}-1.txt")
    config.write_text(config.read_text().replace('.txt"', '-{SPAN}.txt"'))
    dag = export(config, tmp_path / "root")
    assert set(all_steps(dag, "a").values()) == {0}
    capfd.readouterr()
    assert (step("begin-run", dag, "b"), step("end-run", dag, "b")) == (99, 99)
    assert capfd.readouterr().out.count("nothing new: span 1 is still the newest, run") == 2
    for split in ("train", "dev"):
        (tmp_path / f"{split}-2.txt").write_text((tmp_path / f"{split}-1.txt").read_text())
    assert step("begin-run", dag, "c") == 0


def test_after_data_were_corrected_a_run_that_is_cleared_begins_anew(
    dag: Path, folder: Path, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train = folder / "train.txt"
    corrected = train.read_text()
    train.write_text(corrected + "good film indeed\tgood\n")
    assert step("begin-run", dag, "corrected") == 0
    train.write_text(corrected)
    assert step("run-node", dag, "corrected", "TsvExampleGen") == 2
    assert "changed since the run began. Run again once the files are complete; of a" in capfd.readouterr().err
    assert set(all_steps(dag, "corrected").values()) == {0}
    assert record.read(latest(root)).rows["train"] == 64


def test_a_base_model_that_changes_between_two_steps_is_said(
    dag: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert step("begin-run", dag, "another base model") == 0
    vocabulary = folder / "google" / "vocab.txt"
    good = vocabulary.read_bytes()
    vocabulary.write_bytes(good + b"more\n")
    capfd.readouterr()
    assert step("run-node", dag, "another base model", "ExampleValidator") == 2
    vocabulary.write_bytes(good)
    said = f"error: {vocabulary}: changed since the run began. Run again once the files are complete; of a scheduled"
    assert said in capfd.readouterr().err


def test_a_cleared_run_whose_beginning_fails_is_no_success(
    dag: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = folder / "run.toml"
    good = config.read_text()
    config.write_text(good + "oops")
    try:
        assert (step("begin-run", dag, "manual__2"), step("end-run", dag, "manual__2")) == (2, 2)
    finally:
        config.write_text(good)
    assert "no run has begun as 'manual__2'" in capfd.readouterr().err


def test_a_pipeline_that_has_another_name_by_now_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path)
    dag = export(config, tmp_path / "root")
    config.write_text(config.read_text().replace('name = "toy"', 'name = "play"'))
    assert step("begin-run", dag, "a") == 2
    assert f"{config}: `name` is 'play', it was exported as 'toy'. Export it again." in capfd.readouterr().err


def test_a_model_is_not_pushed_over_one_that_it_was_not_held_against(
    dag: Path, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (version,) = versions(root)
    assert step("begin-run", dag, "late") == 0
    for node in nodes(dag)[:-1]:
        assert step("run-node", dag, "late", node) == 0
    # Another one comes between.
    serving = root / "toy" / "serving" / "toy"
    other = shutil.copytree(serving / version, serving / str(int(version) + 1))
    card = other / "assets.extra" / "model.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"weights_sha256": "0" * 64}))
    assert step("run-node", dag, "late", "Pusher") == 2
    said = f"version {other.name} is in production now, the model was held against no version. Clear all tasks"
    assert said in capfd.readouterr().err
    assert step("end-run", dag, "late") == 1


def test_an_export_does_not_write_over_other_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = write_toy_run(tmp_path)
    command = ["export", "--runner", "airflow", "--config", str(config), "--output", str(tmp_path / "dags")]
    assert pipeline_runner.main([*command, "--root", str(tmp_path / "root")]) == 0
    assert pipeline_runner.main([*command, "--root", str(tmp_path / "root")]) == 0
    assert pipeline_runner.main([*command, "--root", str(tmp_path / "other")]) == 2
    dag = tmp_path / "dags" / "toy.py"
    assert f"{dag}: is the DAG of {config} with --root {tmp_path / 'root'}. Give another" in capfd.readouterr().err
    dag.with_suffix(".json").unlink()
    assert pipeline_runner.main([*command, "--root", str(tmp_path / "root")]) == 2
    assert f"{dag}: is there already, and `export` did not write it." in capfd.readouterr().err
    assert dag.read_text() == (ROOT / "pipeline" / "runners" / "airflow_dag.py").read_text()

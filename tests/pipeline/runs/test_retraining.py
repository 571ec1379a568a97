"""Runs that are made again, killed, damaged, rolled back and pruned, on toy data and through the command line."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components.export.card import read_card
from components.serving.predictor import Predictor
from components.serving.versions import versions
from pipeline.runs.manifest import read as read_manifest
from tests.checkout import ROOT
from tests.commands import python
from tests.pipeline.conftest import GATE, LEARNS, FirstRun, states
from tests.toys import write_toy_run

pytestmark = pytest.mark.slow


def said(capfd: pytest.CaptureFixture[str], *command: object) -> tuple[int, str, str]:
    capfd.readouterr()
    status = pipeline_runner.main(list(map(str, command)))
    out, err = capfd.readouterr()
    return status, out, err


def run(config: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    status, out, err = said(capfd, "run", "--config", config, "--root", root, "--json")
    assert status == 0, err
    record: dict[str, Any] = json.loads(out)
    return record


def manifest(record: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read_manifest(Path(record["directory"])).as_json())
    return found


@pytest.fixture(scope="module")
def folder(first_run: FirstRun) -> Path:
    return first_run.folder


@pytest.fixture(scope="module")
def root(first_run: FirstRun) -> Path:
    return first_run.root


@pytest.fixture(scope="module")
def serving(root: Path) -> Path:
    return root / "toy" / "serving" / "toy"


def test_a_run_s_manifest_says_what_it_stood_on(
    first_run: FirstRun, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record = first_run.record
    found = manifest(record)
    assert [(file["split"], Path(file["path"]).name, file["rows"], file["quarantined"]) for file in found["data"]] == [
        ("train", "train.txt", 64, 0),
        ("dev", "dev.txt", 16, 0),
        ("test", "test.txt", 16, 0),
    ]
    assert found["config"]["training"]["seed"] == 1
    assert found["libraries"]["tensorflow"]
    assert found["machine"]["features"]
    assert found["result"]["weights_sha256"] == read_card(Path(record["pushed"]))["weights_sha256"]
    assert found["result"]["rows"] == {"train": 64, "dev": 16, "test": 16}
    status, out, _ = said(capfd, "show", "--root", root, "--manifest")
    assert (status, json.loads(out)) == (0, found)


def test_in_a_copied_root_with_config_data_and_base_model_elsewhere_nothing_is_made_again(
    first_run: FirstRun, folder: Path, root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    elsewhere, copy = shutil.copytree(folder, tmp_path / "elsewhere"), shutil.copytree(root, tmp_path / "copy")
    left = sorted(root.rglob("*"))
    status, out, _ = said(capfd, "run", "--config", elsewhere / "run.toml", "--root", copy)
    assert (status, out.count("cached")) == (0, 12)
    assert f"! {copy}/toy was copied or moved from {root}/toy: its own files are used from now on" in out
    record = json.loads(said(capfd, "show", "--root", copy, "--json")[1])
    assert record["pushed"] == first_run.record["pushed"].replace(str(root), str(copy))
    assert all(Path(uri).is_relative_to(copy) for node in record["nodes"] for uri in node["outputs"])
    assert manifest(record)["data"][0]["path"] == str(elsewhere / "train.txt")
    (version,) = json.loads(said(capfd, "versions", "--root", copy, "--json")[1])
    assert (version["path"], version["run"]) == (record["pushed"], first_run.record["id"])
    assert json.loads(said(capfd, "prune", "--root", copy, "--keep", "1", "--json")[1])["removed"] == []
    assert sorted(root.rglob("*")) == left


def test_another_seed_is_told_as_what_differs(
    folder: Path, root: Path, serving: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = run(folder / "run.toml", root, capfd)
    assert set(states(first).values()) == {"cached"}
    record = run(write_toy_run(folder, training=LEARNS | {"seed": 2}, gate=GATE), root, capfd)
    reasons = {node["id"]: node["reason"] for node in record["nodes"]}
    assert reasons["Transform"] == ""
    assert reasons["Trainer"] == "config training.seed changed"
    assert reasons["Evaluator"] == "its baseline_model, its model changed"
    assert manifest(record)["result"]["weights_sha256"] != manifest(first)["result"]["weights_sha256"]
    # The first run's manifest with other data, which lie elsewhere now: what differs is named, and by how much.
    moved = shutil.copytree(folder, tmp_path / "moved")
    lines = (moved / "train.txt").read_text().splitlines(keepends=True)
    (moved / "train.txt").write_text("".join(reversed(lines)))
    places = ("--data-path", moved, "--base", moved / "model")
    status, out, _ = said(capfd, "reproduce", first["id"], "--root", root, "--into", tmp_path, *places, "--json")
    assert status == 1
    compared = json.loads(out)
    assert [kind for kind, _ in compared["differences"]] == ["data"]
    assert compared["differences"][0][1].startswith(f"{moved}/train.txt: ")
    assert compared["result"][0].startswith("weights: differ by up to ")


def test_a_damaged_version_is_copied_again_where_it_stands_and_additions_are_left(
    folder: Path, root: Path, serving: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = versions(serving)
    version = serving / str(before[-1])
    whole = (version / "saved_model.pb").read_bytes()
    (version / "saved_model.pb").write_bytes(whole[:-1])
    (version / "assets.extra" / "notes").write_bytes(b"added by hand")
    status, out, _ = said(capfd, "run", "--config", folder / "run.toml", "--root", root)
    assert status == 0
    assert "saved_model.pb is damaged: the version was copied again from the model it is of" in out
    assert (version / "saved_model.pb").read_bytes() == whole
    assert versions(serving) == before
    (version / "assets.extra" / "notes").write_bytes(b"added by hand")
    status, out, _ = said(capfd, "run", "--config", folder / "run.toml", "--root", root)
    assert (status, "damaged" in out) == (0, False)


def test_a_damaged_artifact_is_made_again(folder: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    last = max((root / "toy" / "artifacts" / "Trainer" / "model").iterdir(), key=lambda path: int(path.name))
    weights = last / "Format-Serving" / "variables" / "variables.data-00000-of-00001"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    status, out, _ = said(capfd, "run", "--config", folder / "run.toml", "--root", root)
    assert status == 0
    assert f"! {weights} is damaged: it was put aside in .damaged-{last.name}, its node runs again" in out
    assert "its outputs were deleted" in out
    assert Path(str(weights).replace(f"/{last.name}/", f"/.damaged-{last.name}/")).is_file()


def test_a_rollback_is_served_and_its_weights_are_not_pushed_again(
    folder: Path, root: Path, serving: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, *_, newest = versions(serving)
    status, out, _ = said(capfd, "rollback", "--root", root)
    assert status == 0
    assert out.startswith(f"version {first} is in production again, as version ")
    assert read_card(serving / str(versions(serving)[-1]))["restored_from"] == first
    status, out, _ = said(capfd, "run", "--config", folder / "run.toml", "--root", root)
    assert status == 3
    assert "withdrawn" in out
    status, out, _ = said(capfd, "versions", "--root", root)
    lines = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert "withdrawn" in lines[str(newest)]
    assert f"in production, copy of {first}" in lines[str(versions(serving)[-1])]


def test_what_is_pruned_after_ten_runs_is_what_nothing_kept_needs(
    first_run: FirstRun, folder: Path, root: Path, serving: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = write_toy_run(
        folder, training=LEARNS | {"seed": 3}, gate={"min": {"accuracy": 0.99}, "max": {"loss": 0.0}}
    )
    status, _, _ = said(capfd, "run", "--config", config, "--root", root, "--json")
    assert status == 3
    config = write_toy_run(folder, training=LEARNS | {"seed": 2}, gate=GATE)
    for _ in range(2):
        said(capfd, "run", "--config", config, "--root", root, "--json")
    assert len(list((root / "toy" / "runs").iterdir())) >= 10
    status, out, _ = said(capfd, "prune", "--root", root, "--keep", "1", "--dry-run", "--json")
    planned = json.loads(out)
    assert (status, all(map(os.path.isdir, planned["removed"]))) == (0, True)
    status, out, _ = said(capfd, "prune", "--root", root, "--keep", "1", "--json")
    pruned = json.loads(out)
    assert pruned == planned
    assert pruned["bytes"] > 0
    assert not any(map(os.path.exists, pruned["removed"]))
    status, out, _ = said(capfd, "run", "--config", config, "--root", root, "--json")
    assert set(states(json.loads(out)).values()) == {"cached"}
    assert len(versions(serving)) >= 3
    for version in versions(serving):
        assert len(list(Predictor(serving / str(version)).predict([("the film is good",)]))) == 1
    assert first_run.record["id"] in pruned["kept_runs"]


def test_a_run_that_was_kept_is_reproduced_by_a_clone_elsewhere_bit_for_bit(
    first_run: FirstRun, root: Path, tmp_path: Path
) -> None:
    directory = Path(first_run.record["directory"])
    clone = tmp_path / "elsewhere" / "clone"
    for name in ("components", "pipeline"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pipeline_runner.py", "requirements.lock"):
        shutil.copy(ROOT / name, clone)
    command = [sys.executable, "pipeline_runner.py", "reproduce", directory.name, "--root", str(root)]
    command += ["--into", str(tmp_path / "again"), "--json"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    compared = json.loads(done.stdout)
    assert compared["result"] == []
    assert compared["differences"] == []
    again = json.loads(Path(compared["reproduction"], "manifest.json").read_text())
    assert (
        again["result"]["weights_sha256"]
        == json.loads((directory / "manifest.json").read_text())["result"]["weights_sha256"]
    )


def test_a_killed_run_goes_on_and_ends_with_the_bits_of_an_undisturbed_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    training = LEARNS | {"epochs": 60, "checkpoint_steps": 5}
    config = write_toy_run(tmp_path, without_test=True, training=training, gate={"min": {"accuracy": 0.01}})
    into = tmp_path / "runs"
    of_trainer = into / "toy" / "artifacts" / "Trainer"
    process = python().start("pipeline_runner.py", "run", "--config", config, "--root", into, stdout=subprocess.DEVNULL)
    while len(list(of_trainer.glob("checkpoints/*/[0-9]*.safetensors"))) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    # Of the newest checkpoint a bit turns over: the one before it has to do.
    damaged = max(of_trainer.glob("checkpoints/*/[0-9]*.safetensors"))
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    _, shown, _ = said(capfd, "show", "--root", into)
    assert "interrupted" in shown
    assert "the process was killed" in shown
    results = []
    for killed in (True, False):
        record = run(config, into, capfd)
        assert bool(record["training"]["resumed"]) is killed
        assert record["training"]["damaged"] == ([damaged.name] if killed else [])
        (note,) = (node["note"] for node in record["nodes"] if node["id"] == "Trainer")
        assert ("without the damaged checkpoint" in note, "resumed at step" in note) == (killed, killed)
        results.append(manifest(record)["result"])
        assert not list(of_trainer.glob("checkpoints/*"))
        # Without it the next run trains from the start.
        (model,) = (of_trainer / "model").glob("[0-9]*")
        shutil.rmtree(model)
    assert results[0]["weights_sha256"] == results[1]["weights_sha256"]
    assert results[0]["metrics"] == results[1]["metrics"]

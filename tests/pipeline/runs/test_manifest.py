import json
import shutil
from pathlib import Path

import pytest

from components.common.errors import InputError
from pipeline.runs import manifest
from pipeline.runs.manifest import Manifest
from pipeline.runs.record import RunRecord

RESULT = {"weights_sha256": "aa", "initial_weights": None, "model": "/models/1", "machine": {"cpu": "one"}}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Of a run that was pushed, with its record."""
    directory = tmp_path / "toy" / "runs" / "20260102-030405"
    directory.mkdir(parents=True)
    record = RunRecord(directory.name, "toy", "/toy.toml", str(directory), "2026-01-02T03:04:05+00:00", state="pushed")
    record.rows = {"train": 3, "dev": 1}
    record.duplicates = {"dev": {"leaked": {"train": 1}}}
    record.evaluations = {"dev": {"metrics": {"candidate": {"": {"accuracy": 0.75}, "origin=a": {"accuracy": 1.0}}}}}
    record.write()
    return directory


def begun(directory: Path) -> Manifest:
    return Manifest(
        name="toy",
        run=directory.name,
        started="2026-01-02T03:04:05+00:00",
        config={},
        checkout="/checkout",
        data=[],
        base_model={},
        code={"sha256": "bb"},
        lock=None,
        libraries={},
        machine={},
    )


def test_a_manifest_of_a_run_that_has_not_ended_has_no_result(directory: Path) -> None:
    begun(directory).write(directory)
    assert manifest.read(directory).result == {}
    with pytest.raises(InputError, match="the run did not come to its end"):
        manifest.read_ended(directory)
    assert manifest.newest_ended(directory.parent) is None


def test_state_rows_and_metrics_are_kept_in_the_record_and_read_from_there(directory: Path) -> None:
    outcome = {"state": "pushed", "rows": {"train": 3, "dev": 1}, "metrics": {"dev": {"accuracy": 0.75}}}
    outcome["duplicates"] = {"dev": {"leaked": {"train": 1}}}
    ended = begun(directory)
    ended.result = {**RESULT, **outcome}
    ended.write(directory)
    assert json.loads((directory / "manifest.json").read_text())["result"] == RESULT
    assert manifest.read(directory) == ended


def test_a_manifest_in_a_root_that_was_copied_names_the_model_in_the_copy(directory: Path, tmp_path: Path) -> None:
    ended, model = begun(directory), "artifacts/Trainer/model/8/Format-Serving"
    ended.result = RESULT | {"model": str(tmp_path / "toy" / model)}
    ended.write(directory)
    copy = shutil.copytree(tmp_path / "toy", tmp_path / "copy" / "toy")
    assert manifest.read_alone(copy / "runs" / directory.name).result["model"] == str(copy / model)


def test_a_damaged_record_does_not_hide_what_a_run_stood_on(directory: Path) -> None:
    ended = begun(directory)
    ended.result = dict(RESULT)
    ended.write(directory)
    (directory / "run.json").write_text('{"id": ')
    assert manifest.read_alone(directory) == ended
    assert manifest.newest_ended(directory.parent) == ended
    with pytest.raises(InputError, match=r"run\.json: not the record of a run"):
        manifest.read(directory)

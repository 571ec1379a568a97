import json
from pathlib import Path
from typing import Any

import pytest

from components.export.card import identity
from pipeline.runs import pushed_versions
from pipeline.runs.manifest import Manifest
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import RunRecord


def card(labels: list[str]) -> dict[str, object]:
    return {"weights_sha256": "aa", "task": {"name": "classification", "labels": labels}}


def pushed_by(paths: PipelinePaths, run: str, version: int, labels: list[str], *, older: bool) -> None:
    """A version, and the run that pushed it; an older run's manifest knows the model's weights alone."""
    model = paths.serving / str(version)
    (model / "assets.extra").mkdir(parents=True)
    (model / "saved_model.pb").write_text("graph")
    (model / "assets.extra" / "model.json").write_text(json.dumps(card(labels)))
    directory = paths.runs / run
    directory.mkdir(parents=True)
    record = RunRecord(run, "toy", "/toy.toml", str(directory), "2026-01-02T03:04:05+00:00", state="pushed")
    record.evaluations = {"dev": {"metrics": {"candidate": {"": {"accuracy": version / 10}}}}}
    record.write()
    knows = {} if older else {"identity": identity(card(labels))}
    about: dict[str, Any] = {"config": {}, "checkout": "", "data": [], "base_model": {}, "code": {}, "lock": None}
    found = Manifest(name="toy", run=run, started="", libraries={}, machine={}, **about)
    found.result = {**knows, "weights_sha256": "aa", "model": "/models/1", "machine": {}}
    found.write(directory)


@pytest.mark.parametrize("older", [False, True])
def test_two_models_of_equal_weights_with_other_labels_have_each_its_own_run_and_metrics(
    tmp_path: Path, older: bool
) -> None:
    paths = PipelinePaths(tmp_path / "toy", tmp_path / "toy" / "serving" / "toy")
    pushed_by(paths, "20260101-000000", 1, ["bad", "good"], older=older)
    pushed_by(paths, "20260102-000000", 2, ["negative", "positive"], older=False)
    found = [
        (version.number, version.run, version.metrics["dev"]["accuracy"]) for version in pushed_versions.pushed(paths)
    ]
    assert found == [(1, "20260101-000000", 0.1), (2, "20260102-000000", 0.2)]
    assert pushed_versions.version_of(paths.serving, identity(card(["bad", "good"]))) == paths.serving / "1"
    assert pushed_versions.version_of(paths.serving, "aa") == paths.serving / "2"
    assert pushed_versions.version_of(paths.serving, "bb") is None

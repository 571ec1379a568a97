"""What the tests of whole runs share: those of one file build on each other, in one folder and under one root."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import pipeline_runner
from tests.toys import write_toy_run

LEARNS = {"epochs": 12, "learning_rate": 0.02}

GATE = {"min": {"accuracy": 0.7}}


Command = Callable[..., tuple[int, Any, str]]

Run = Callable[..., tuple[int, dict[str, Any]]]


class FirstRun(NamedTuple):
    """A run that pushed the first version of a good model, of `write_toy_run(folder, training=LEARNS, gate=GATE)`."""

    folder: Path
    """Of the config, the data and the base model."""
    root: Path
    record: dict[str, Any]

    @property
    def serving(self) -> Path:
        """The directory of the versions."""
        return self.root / "toy" / "serving" / "toy"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toy")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="session")
def kept_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """The first run, made once a session; a copy of all of it lies beside it."""
    base = tmp_path_factory.mktemp("first")
    folder, root = base / "run" / "toy", base / "run" / "root"
    config = write_toy_run(folder, training=LEARNS, gate=GATE)
    assert pipeline_runner.main(["run", "--config", str(config), "--root", str(root)]) == 0
    (record,) = root.glob("toy/runs/*/run.json")
    shutil.copytree(base / "run", base / "kept")
    return FirstRun(folder, root, json.loads(record.read_text()))


@pytest.fixture(scope="module")
def first_run(kept_run: FirstRun) -> FirstRun:
    """The first run as it was made, for the tests of one file to go on from, where it was made."""
    base = kept_run.root.parents[1]
    shutil.rmtree(base / "run")
    shutil.copytree(base / "kept", base / "run")
    return kept_run


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command: exit status, what it printed, as JSON where that is asked for, and standard error."""

    def call(*words: object) -> tuple[int, Any, str]:
        capfd.readouterr()
        status = pipeline_runner.main(list(map(str, words)))
        out, err = capfd.readouterr()
        return status, json.loads(out) if "--json" in words and out else out, err

    return call


@pytest.fixture
def run_again(first_run: FirstRun, command: Command) -> Run:
    """Runs the first run's config with tables of a test's own: exit status and record."""

    def call(**tables: Any) -> tuple[int, dict[str, Any]]:
        config = write_toy_run(first_run.folder, keep_data=True, **{"training": LEARNS, "gate": GATE, **tables})
        return command("run", "--config", config, "--root", first_run.root, "--json")[:2]

    return call


def states(record: dict[str, Any]) -> dict[str, str]:
    """Node -> what became of it."""
    return {node["id"]: node["state"] for node in record["nodes"]}

import fcntl
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table

from components.common.errors import InputError
from pipeline.runs.record import NodeRecord, RunRecord, as_written, close_killed, find, read

NAMES = {"headline": ["f1"], "per_label": []}


def record(directory: Path, **changes: Any) -> RunRecord:
    directory.mkdir(parents=True, exist_ok=True)
    return RunRecord(
        **{
            "id": directory.name,
            "name": "toy",
            "config": "/configs/toy.toml",
            "directory": str(directory),
            "started": "2026-01-02T03:04:05+01:00",
        }
        | changes
    )


def run_under(root: Path, pipeline: str, run_id: str) -> Path:
    directory = root / pipeline / "runs" / run_id
    record(directory, name=pipeline).write()
    return directory


def message(function: Any, *arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        function(*arguments)
    return str(caught.value)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = record(
        tmp_path,
        state="pushed",
        seconds=12.5,
        nodes=[NodeRecord("TsvExampleGen", "done", 1.5, "4 rows"), NodeRecord("Trainer", "cached")],
        rows={"train": 3, "dev": 1},
        quarantined=2,
        quarantine_file="/quarantine.tsv",
        training={"steps": 7, "evaluations": [{"accuracy": 0.5}]},
        evaluations={"dev": {**NAMES, "labels": ["böse", "good"], "metrics": {"candidate": {"": {"accuracy": 0.75}}}}},
        pushed="/serving/toy/1",
    )
    written.write()
    assert read(tmp_path) == written
    assert written.log == tmp_path / "log.txt"


def test_a_record_in_a_root_that_was_copied_names_what_is_in_the_copy(tmp_path: Path) -> None:
    directory = run_under(tmp_path / "runs", "toy", "20260102-030405")
    home = tmp_path / "runs" / "toy"
    artifacts = [f"{home}/artifacts/Trainer/model/8", f"{home}2/artifacts", "/elsewhere/toy"]
    nodes = [NodeRecord("Trainer", "done", outputs=artifacts)]
    record(directory, nodes=nodes, pushed=f"{home}/serving/toy/1", state="pushed").write()
    copy = shutil.copytree(tmp_path / "runs", tmp_path / "copy") / "toy"
    found = read(copy / "runs" / directory.name)
    assert found.nodes[0].outputs == [f"{copy}/artifacts/Trainer/model/8", f"{home}2/artifacts", "/elsewhere/toy"]
    assert (found.pushed, found.log) == (f"{copy}/serving/toy/1", copy / "runs" / directory.name / "log.txt")
    found.write()
    assert read(directory).pushed == f"{home}/serving/toy/1"


def test_a_record_is_replaced_in_one_step(tmp_path: Path) -> None:
    run = record(tmp_path)
    run.write()
    run.state, run.error = "failed", "Trainer: no memory"
    run.write()
    assert (read(tmp_path).state, read(tmp_path).error) == ("failed", "Trainer: no memory")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_run_that_holds_no_lock_was_killed(tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "1"
    directory.mkdir(parents=True)
    record(directory, nodes=[NodeRecord("Transform", "done"), NodeRecord("Trainer")]).write()
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert read(directory).state == "running"
        # A later run holds the lock, and says what became of the earlier ones.
        later = tmp_path / "runs" / "2"
        close_killed(tmp_path / "runs", own=read(directory))
        assert read(directory).state == "running"
        close_killed(tmp_path / "runs", own=record(later, id="2"))
        assert read(directory).state == "interrupted"
    found = read(directory)
    assert (found.error, [node.state for node in found.nodes]) == ("the process was killed", ["done", "failed"])


def test_an_undefined_metric_is_null(tmp_path: Path) -> None:
    record(tmp_path, evaluations={"dev": {"auc": math.nan}}).write()
    assert read(tmp_path).evaluations["dev"] == {"auc": None}


def test_a_record_is_json_for_other_programs(tmp_path: Path) -> None:
    values = json.loads(record(tmp_path, nodes=[NodeRecord("Trainer")]).as_json())
    assert (values["state"], values["nodes"][0]["id"], values["pushed"]) == ("running", "Trainer", None)


def test_a_directory_without_a_record_is_refused(tmp_path: Path) -> None:
    assert message(read, tmp_path) == (
        f"{tmp_path}/run.json: cannot be read (No such file or directory). "
        "Give the id of a run; `show --all` lists them."
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "Invalid JSON: EOF while parsing an object at line 1 column 1"),
        ("{}", "id: Field required"),
        ("3", "Input should be an object"),
    ],
)
def test_a_damaged_record_is_named(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "run.json").write_text(content)
    assert message(read, tmp_path) == (
        f"{tmp_path}/run.json: not the record of a run ({reason}). "
        "Delete the run's directory, or give another run's id."
    )


def test_what_cannot_be_shown_of_a_record_is_damage(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the record of a run"), as_written(tmp_path):
        Table("label").add_row([])  # type: ignore[arg-type]


def test_an_unknown_state_is_damage(tmp_path: Path) -> None:
    record(tmp_path).write()
    path = tmp_path / "run.json"
    path.write_text(path.read_text().replace('"running"', '"sleeping"'))
    assert "not the record of a run (state: Input should be 'running', 'pushed'" in message(read, tmp_path)


def test_runs_are_found_oldest_first_over_all_pipelines(tmp_path: Path) -> None:
    second = run_under(tmp_path, "a", "20260102-000000")
    third = run_under(tmp_path, "b", "20260103-000000")
    first = run_under(tmp_path, "b", "20260101-000000")
    (tmp_path / "b" / "runs" / "20260104-000000").mkdir()
    assert find(tmp_path, None) == [first, second, third]


def test_runs_are_found_by_id_by_pipeline_and_by_path(tmp_path: Path) -> None:
    one = run_under(tmp_path, "a", "20260102-000000")
    two = run_under(tmp_path, "b", "20260101-000000")
    three = run_under(tmp_path, "b", "20260103-000000")
    assert find(tmp_path, "20260102-000000") == [one]
    assert find(tmp_path, "b") == [two, three]
    assert find(tmp_path, str(one)) == [one]


def test_a_root_without_runs_is_told(tmp_path: Path) -> None:
    remedy = "Start one with `run --config C`, or give the --root of your runs."
    assert message(find, tmp_path, None) == f"{tmp_path}: no run in it. {remedy}"
    assert message(find, tmp_path / "x", "toy") == f"{tmp_path}/x: no run in it. {remedy}"


def test_the_nearest_run_or_pipeline_is_named(tmp_path: Path) -> None:
    run_under(tmp_path, "movie-reviews", "20260102-000000")
    assert message(find, tmp_path, "movie-review") == (
        f"{tmp_path}: no run or pipeline 'movie-review' in it. Did you mean movie-reviews? `show --all` lists the runs."
    )
    assert message(find, tmp_path, "zzz") == (
        f"{tmp_path}: no run or pipeline 'zzz' in it. `show --all` lists the runs."
    )

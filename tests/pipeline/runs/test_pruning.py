import contextlib
import sqlite3
from pathlib import Path

import pytest

import pipeline_runner
from components.common.errors import InputError
from pipeline.runs import lock
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.pruning import prune
from tests.pipeline.runs.stored_runs import write_runs
from tests.watched_files import CANARY, unchanged_around


@pytest.fixture
def paths(tmp_path: Path) -> PipelinePaths:
    (tmp_path / CANARY / "1").mkdir(parents=True)
    return write_runs(tmp_path / "root")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def set_uri(paths: PipelinePaths, uri: str) -> None:
    """Of the model that no kept run needs."""
    with contextlib.closing(sqlite3.connect(paths.metadata)) as store, store:
        store.execute("UPDATE Artifact SET uri = ? WHERE id = 1", (uri,))


@pytest.mark.parametrize(
    "uri", [f"../../../{CANARY}", f"Trainer/model/1/../../../../../../{CANARY}/1", "Trainer/link/1", "Trainer", "."]
)
def test_an_artifact_that_lies_elsewhere_is_not_followed(uri: str, paths: PipelinePaths, tmp_path: Path) -> None:
    (paths.artifacts / "Trainer" / "link").symlink_to(tmp_path / CANARY)
    set_uri(paths, f"{paths.artifacts}/{uri}")
    with unchanged_around(tmp_path / "root"):
        assert prune(paths, 1, dry=False).removed == []
    assert {"1", "2", "3"} < set(names(paths.models))


def test_a_needed_artifact_by_another_way_to_write_it_is_kept(paths: PipelinePaths) -> None:
    set_uri(paths, f"{paths.artifacts}/Trainer/../Trainer/model/3")
    assert prune(paths, 1, dry=False).removed == []


def test_what_links_within_an_artifact_lead_to_stays(paths: PipelinePaths, tmp_path: Path) -> None:
    (paths.models / "1" / "link").symlink_to(tmp_path / CANARY)
    with unchanged_around(tmp_path / "root"):
        prune(paths, 1, dry=False)
    assert names(paths.models) == ["2", "3", "9"]


def test_of_what_was_put_aside_only_directories_of_that_form_go(paths: PipelinePaths, tmp_path: Path) -> None:
    for name in (".damaged-1", ".damaged-mine"):
        (paths.serving / name).mkdir()
    (paths.serving / ".damaged-2").symlink_to(tmp_path / CANARY)
    with unchanged_around(tmp_path / "root"):
        prune(paths, 1, dry=False)
    assert names(paths.serving) == [".damaged-2", ".damaged-mine", ".withdrawn.json", "1", "2"]


@pytest.mark.parametrize("place", ["artifacts", "runs", "serving"])
def test_nothing_is_changed_through_a_link_out_of_the_root(place: str, paths: PipelinePaths, tmp_path: Path) -> None:
    (paths.home / place).rename(tmp_path / CANARY / "moved")
    (paths.home / place).symlink_to(tmp_path / CANARY / "moved")
    with unchanged_around(tmp_path / "root"), pytest.raises(InputError) as caught, lock.held(paths):
        pass
    moving = f"for a larger disk move all of {tmp_path}/root there then, and give its new place by --root"
    assert "does not lie below" in caught.value.problem
    assert moving in caught.value.remedy


@pytest.mark.parametrize("place", ["lock", "metadata.sqlite", "serving/toy/..withdrawn.json.new"])
def test_no_file_is_written_through_a_link(place: str, paths: PipelinePaths, tmp_path: Path) -> None:
    (paths.home / place).unlink(missing_ok=True)
    (paths.home / place).symlink_to(tmp_path / CANARY / "file")
    with unchanged_around(tmp_path / "root"):
        status = pipeline_runner.main(["rollback", "--root", str(tmp_path / "root")])
    assert status == (0 if place.startswith("serving") else 2)


def test_a_root_that_is_a_link_itself_is_followed(paths: PipelinePaths, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "root")
    assert pipeline_runner.main(["prune", "--keep", "1", "--root", str(tmp_path / "link")]) == 0
    assert names(paths.models) == ["2", "3", "9"]


def test_a_damaged_store_is_named(paths: PipelinePaths) -> None:
    paths.metadata.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(InputError, match="cannot be read as ML Metadata's store") as caught:
        prune(paths, 1, dry=False)
    assert caught.value.place == str(paths.metadata)
    assert names(paths.models) == ["1", "2", "3", "9"]


@pytest.mark.parametrize("command", [["versions"], ["rollback"], ["prune", "--keep", "1"]])
def test_a_pipeline_s_name_is_no_way_out_of_the_root(
    command: list[str], paths: PipelinePaths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / CANARY / "runs").mkdir()
    with unchanged_around(tmp_path / "root"):
        assert pipeline_runner.main([*command, "--name", f"../{CANARY}", "--root", str(tmp_path / "root")]) == 2
    assert capsys.readouterr().err == (
        f"error: --name: got '../{CANARY}', which no pipeline can be called. `show --all` lists them.\n"
    )

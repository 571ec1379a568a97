import contextlib
import io
import json
import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components.common import stored_paths
from components.common.errors import InputError
from components.serving.versions import versions
from pipeline.runs import lock
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.pruning import prune
from tests.pipeline.runs.stored_runs import IDS, write_runs
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


def with_versions(paths: PipelinePaths, *weights: str) -> None:
    """Versions 3 and on, each of these weights; the first two are of weights 2 and 3, which is withdrawn."""
    for number, weight in enumerate(weights, 3):
        version = shutil.copytree(paths.serving / "1", paths.serving / str(number))
        card = version / "assets.extra" / "model.json"
        card.write_text(card.read_text().replace("2" * 64, weight * 64))


def pruned(capsys: pytest.CaptureFixture[str], paths: PipelinePaths, *options: str) -> dict[str, Any]:
    capsys.readouterr()
    assert pipeline_runner.main(["prune", "--root", str(paths.home.parent), "--json", *options]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_of_the_versions_the_newest_stay_and_what_a_rollback_goes_back_to(
    paths: PipelinePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    with_versions(paths, "4", "5", "5", "5")
    (paths.serving / "notes.txt").write_text("mine")
    (paths.serving / ".damaged-3").mkdir()
    planned = pruned(capsys, paths, "--versions", "2", "--dry-run")
    assert names(paths.serving) == [".damaged-3", ".withdrawn.json", *"123456", "notes.txt"]
    found = pruned(capsys, paths, "--versions", "2")
    assert found == planned
    assert found["removed_versions"] == [1, 2, 4]
    assert found["kept_versions"] == {
        "3": "what a rollback goes back to",
        "5": "of the newest 2",
        "6": "in production",
    }
    assert names(paths.serving) == [".damaged-3", ".withdrawn.json", "3", "5", "6", "notes.txt"]
    # Artifacts and records were not asked for.
    assert names(paths.models) == ["1", "2", "3", "9"]
    assert pipeline_runner.main(["rollback", "--root", str(paths.home.parent)]) == 0
    assert "version 3 is in production again" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["1", "20"])
def test_a_version_that_a_config_starts_from_stays(
    name: str, paths: PipelinePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    with_versions(paths, "4", "5")
    link = paths.home / "20"
    link.symlink_to(paths.serving / "1")
    place = paths.runs / IDS[0] / "manifest.json"
    found = json.loads(place.read_text())
    found["config"]["training"]["init_from"] = str(link if name == "20" else paths.serving / name)
    place.write_text(json.dumps(found))
    assert pruned(capsys, paths, "--versions", "1")["kept_versions"]["1"] == (
        f"what training.init_from of run {IDS[0]} names"
    )
    assert names(paths.serving) == [".withdrawn.json", "1", "3", "4"]


def test_a_run_whose_version_is_removed_keeps_no_artifacts_for_it_and_show_says_so(
    paths: PipelinePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    with_versions(paths, "4", "5")
    planned = pruned(capsys, paths, "--versions", "1", "--keep", "1", "--dry-run")
    assert pruned(capsys, paths, "--versions", "1", "--keep", "1") == planned
    assert (planned["removed_versions"], planned["kept_runs"]) == ([1, 2], [IDS[2]])
    assert names(paths.models) == ["3", "9"]
    assert pipeline_runner.main(["show", IDS[2], "--root", str(paths.home.parent)]) == 0
    out = capsys.readouterr().out
    assert f"{paths.serving}/2, a version that was removed since" in out
    assert "predict --model" not in out


def test_a_removal_that_is_killed_leaves_whole_versions_alone(
    paths: PipelinePaths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_versions(paths, "4", "5")

    def killed(directory: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stored_paths.shutil, "rmtree", killed)
        assert pipeline_runner.main(["prune", "--versions", "1", "--root", str(paths.home.parent)]) == 1
    capsys.readouterr()
    assert versions(paths.serving) == [2, 3, 4]
    assert any(name.startswith(".1-") for name in names(paths.serving))
    pruned(capsys, paths, "--versions", "1")
    assert names(paths.serving) == [".withdrawn.json", "3", "4"]


def test_a_version_that_is_a_link_is_left(
    paths: PipelinePaths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_versions(paths, "4", "5")
    shutil.copytree(paths.serving / "1", tmp_path / CANARY / "version")
    shutil.rmtree(paths.serving / "1")
    (paths.serving / "1").symlink_to(tmp_path / CANARY / "version")
    with unchanged_around(tmp_path / "root"):
        assert pruned(capsys, paths, "--versions", "1")["removed_versions"] == [2]


def test_nothing_named_is_refused(paths: PipelinePaths, capsys: pytest.CaptureFixture[str]) -> None:
    assert pipeline_runner.main(["prune", "--root", str(paths.home.parent)]) == 2
    assert "prune: nothing to remove was named. Give --keep N" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["rollback"], ["prune", "--keep", "1"]])
def test_a_command_that_is_to_wait_goes_on_after_the_other_s_end(
    command: list[str], paths: PipelinePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*command, "--root", str(paths.home.parent)]
    done: list[int] = []
    with lock.held(paths):
        assert pipeline_runner.main(words) == 2
        assert "Wait for its end, with --wait," in capsys.readouterr().err
        # A stream of the test's own: what is written while `capsys` empties its own one is lost.
        with contextlib.redirect_stderr(io.StringIO()) as said:
            waiting = threading.Thread(target=lambda: done.append(pipeline_runner.main([*words, "--wait"])))
            waiting.start()
            end = time.monotonic() + 60
            while "waiting for its end" not in said.getvalue() and time.monotonic() < end:
                time.sleep(0.01)
        assert "waiting for its end" in said.getvalue()
        assert done == []
    waiting.join(60)
    assert done == [0]


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

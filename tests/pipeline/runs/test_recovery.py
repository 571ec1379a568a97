import json
from pathlib import Path

import pytest

from components.serving.versions import versions
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.recovery import Digests

CARD = json.dumps({"weights_sha256": "aa", "labels": ["bad", "good"]})


def put(directory: Path, content: str) -> Path:
    (directory / "assets.extra").mkdir(parents=True)
    (directory / "saved_model.pb").write_text(content)
    (directory / "assets.extra" / "model.json").write_text(CARD)
    return directory


@pytest.fixture
def paths(tmp_path: Path) -> PipelinePaths:
    made = PipelinePaths(tmp_path / "home", tmp_path / "serving")
    made.artifacts.mkdir(parents=True)
    put(made.models / "12" / "Format-Serving", "graph")
    put(made.serving / "17", "graph")
    Digests(made).remember(map(str, (made.models / "12", made.serving / "17")))
    return made


def mend(paths: PipelinePaths) -> list[str]:
    """What a new run would say."""
    return Digests(paths).mend()


def test_what_is_as_it_was_left_is_left_alone(paths: PipelinePaths) -> None:
    (paths.serving / "17" / "assets.extra" / "tf_serving_warmup_requests").write_text("added")
    assert mend(paths) == []
    assert sorted(path.name for path in paths.models.iterdir()) == ["12"]


@pytest.mark.parametrize("name", ["saved_model.pb", "assets.extra/model.json"])
def test_a_version_is_copied_again_from_the_model_it_is_of(paths: PipelinePaths, name: str) -> None:
    (paths.serving / "17" / name).write_text("damaged")
    (said,) = mend(paths)
    file = paths.serving / "17" / name
    assert said == f"{file} is damaged: the version was copied again from the model it is of"
    assert (paths.serving / "17" / "saved_model.pb").read_text() == "graph"
    assert mend(paths) == []
    assert versions(paths.serving) == [17]


def test_what_is_damaged_itself_mends_nothing(paths: PipelinePaths) -> None:
    (paths.models / "12" / "Format-Serving" / "saved_model.pb").write_text("damaged")
    (paths.serving / "17" / "saved_model.pb").write_text("damaged too")
    of_model, of_version = mend(paths)
    assert of_model.endswith("it was put aside in .damaged-12, its node runs again")
    assert of_version.endswith("no copy of its model is left; delete the version to have it pushed again, or roll back")
    # It stays in place, and is told of until something is done about it.
    assert versions(paths.serving) == [17]
    assert mend(paths) == [of_version]


def test_a_version_in_another_serving_directory_is_left_to_the_runs_that_push_there(
    paths: PipelinePaths, tmp_path: Path
) -> None:
    elsewhere = PipelinePaths(paths.home, tmp_path / "production")
    (paths.serving / "17" / "saved_model.pb").write_text("damaged")
    assert mend(elsewhere) == []
    assert "copied again" in mend(paths)[0]
    assert versions(paths.serving) == [17]


@pytest.mark.parametrize("way", ["elsewhere", "home/artifacts/../../elsewhere", "home/artifacts/Trainer/link/1"])
def test_a_directory_that_is_not_the_pipeline_s_is_not_renamed(way: str, paths: PipelinePaths, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "1").mkdir(parents=True)
    (paths.artifacts / "Trainer" / "link").symlink_to(tmp_path / "elsewhere")
    digests = json.loads((paths.home / "digests.json").read_text())
    (paths.home / "digests.json").write_text(json.dumps(digests | {str(tmp_path / way): {"file": "0" * 64}}))
    assert mend(paths) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "home", "serving"]
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["1"]


def test_a_damaged_artifact_that_is_remembered_twice_is_put_aside_once(paths: PipelinePaths) -> None:
    again = str(paths.models / ".." / "model" / "12")
    Digests(paths).remember([again])
    (paths.models / "12" / "Format-Serving" / "saved_model.pb").write_text("damaged")
    assert len(mend(paths)) == 1
    assert [path.name for path in paths.models.iterdir()] == [".damaged-12"]


def test_a_version_that_a_rollback_made_is_known_from_the_next_run_on(paths: PipelinePaths) -> None:
    put(paths.serving / "18", "restored")
    assert mend(paths) == []
    (paths.serving / "18" / "saved_model.pb").write_text("damaged")
    assert [said.split(" is damaged")[0] for said in mend(paths)] == [str(paths.serving / "18" / "saved_model.pb")]


def test_a_file_that_cannot_be_read_is_damaged(paths: PipelinePaths) -> None:
    (paths.models / "12" / "Format-Serving" / "saved_model.pb").unlink()
    (paths.models / "12" / "Format-Serving" / "saved_model.pb").mkdir()
    assert len(mend(paths)) == 1
    assert [path.name for path in paths.models.iterdir()] == [".damaged-12"]

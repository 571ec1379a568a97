
from components.serving.versions import versions
from pathlib import Path
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.recovery import Digests
import json
import pytest

CARD = json.dumps({"weights_sha256": "aa", "labels": ["bad", "good"]})

def put(directory: Path, content: str) -> Path:
    (directory / "assets.extra").mkdir(parents=True)
    (directory / "saved_model.pb").write_text(content)
    (directory / "assets.extra" / "model.json").write_text(CARD)
    return directory

@pytest.fixture
def places(tmp_path: Path) -> PipelinePaths:
    made = PipelinePaths(tmp_path / "home", tmp_path / "serving")
    made.artifacts.mkdir(parents=True)
    put(made.models / "12" / "Format-Serving", "graph")
    put(made.serving / "17", "graph")
    Digests(made).remember(map(str, (made.models / "12", made.serving / "17")))
    return made

def mend(places: PipelinePaths) -> list[str]:
    """What a new run would say."""
    return Digests(places).mend()

def test_what_is_as_it_was_left_is_left_alone(places: PipelinePaths) -> None:
    (places.serving / "17" / "assets.extra" / "tf_serving_warmup_requests").write_text("added")
    assert mend(places) == []
    assert sorted(path.name for path in places.models.iterdir()) == ["12"]

@pytest.mark.parametrize("name", ["saved_model.pb", "assets.extra/model.json"])
def test_a_version_is_copied_again_from_the_model_it_is_of(places: PipelinePaths, name: str) -> None:
    (places.serving / "17" / name).write_text("damaged")
    (said,) = mend(places)
    file = places.serving / "17" / name
    assert said == f"{file} is damaged: the version was copied again from the model it is of"
    assert (places.serving / "17" / "saved_model.pb").read_text() == "graph"
    assert mend(places) == []
    assert versions(places.serving) == [17]

def test_what_is_damaged_itself_mends_nothing(places: PipelinePaths) -> None:
    (places.models / "12" / "Format-Serving" / "saved_model.pb").write_text("damaged")
    (places.serving / "17" / "saved_model.pb").write_text("damaged too")
    of_model, of_version = mend(places)
    assert of_model.endswith("it was put aside in .damaged-12, its node runs again")
    assert of_version.endswith("no copy of its model is left; delete the version to have it pushed again, or roll back")
    # It stays in place, and is told of until something is done about it.
    assert versions(places.serving) == [17]
    assert mend(places) == [of_version]

def test_a_version_in_another_serving_directory_stays_there(places: PipelinePaths, tmp_path: Path) -> None:
    elsewhere = PipelinePaths(places.home, tmp_path / "production")
    (places.serving / "17" / "saved_model.pb").write_text("damaged")
    assert "copied again" in mend(elsewhere)[0]
    assert versions(places.serving) == [17]

def test_a_version_that_a_rollback_made_is_known_from_the_next_run_on(places: PipelinePaths) -> None:
    put(places.serving / "18", "restored")
    assert mend(places) == []
    (places.serving / "18" / "saved_model.pb").write_text("damaged")
    assert [said.split(" is damaged")[0] for said in mend(places)] == [str(places.serving / "18" / "saved_model.pb")]

def test_a_file_that_cannot_be_read_is_damaged(places: PipelinePaths) -> None:
    (places.models / "12" / "Format-Serving" / "saved_model.pb").unlink()
    (places.models / "12" / "Format-Serving" / "saved_model.pb").mkdir()
    assert len(mend(places)) == 1
    assert [path.name for path in places.models.iterdir()] == [".damaged-12"]

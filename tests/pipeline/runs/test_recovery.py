import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata

from components.common.errors import InputError
from components.serving.versions import versions
from pipeline.runs.lock import check_metadata
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.recovery import Digests, adopt, disown, put_aside_unknown

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


def pushed(paths: PipelinePaths, card: dict[str, object] | None = None) -> Path:
    """Version 18 of model 12 as Pusher leaves it: its card says more than the model's, and it is signed."""
    version = put(paths.serving / "18", "graph")
    added = json.loads(CARD) | {"run": "monday", "signed_by": "bb", **(card or {})}
    (version / "assets.extra" / "model.json").write_text(json.dumps(added))
    (version / "assets.extra" / "model.sig").write_text("signature")
    Digests(paths).remember([str(version)])
    return version


def test_a_mended_version_keeps_what_its_push_added(paths: PipelinePaths) -> None:
    version = pushed(paths)
    before = {path: path.read_text() for path in version.rglob("*") if path.is_file()}
    (version / "saved_model.pb").write_text("damaged")
    assert mend(paths) == [f"{version}/saved_model.pb is damaged: the version was copied again from the model it is of"]
    assert {path: path.read_text() for path in version.rglob("*") if path.is_file()} == before
    assert mend(paths) == []


def test_a_signature_that_a_mended_version_cannot_keep_is_said_to_be_gone(paths: PipelinePaths) -> None:
    version = pushed(paths)
    (version / "assets.extra" / "model.json").write_text("damaged")
    (said,) = mend(paths)
    assert said.endswith("the version was copied again from the model it is of without the signature, which is gone")
    assert (version / "assets.extra" / "model.json").read_text() == CARD
    assert not (version / "assets.extra" / "model.sig").exists()
    assert mend(paths) == []


def test_a_version_is_not_mended_from_a_model_whose_card_is_another(paths: PipelinePaths) -> None:
    version = pushed(paths, {"labels": ["good", "bad"]})
    (version / "saved_model.pb").write_text("damaged")
    (said,) = mend(paths)
    assert "no copy of its model is left" in said


def test_what_is_said_to_lie_elsewhere_is_taken_from_no_cache_but_a_version_may_be_anywhere(
    paths: PipelinePaths, tmp_path: Path
) -> None:
    connection = metadata.sqlite_metadata_connection_config(str(paths.metadata))
    (paths.artifacts / "Trainer" / "link").symlink_to(tmp_path)
    own, alien = (
        str(paths.models / "12"),
        [str(tmp_path), f"{paths.artifacts}/Trainer/link/1", f"{paths.models}/..", ""],
    )
    states = metadata_store_pb2.Artifact
    with metadata.Metadata(connection) as mlmd:
        for name, uris in (("Model", [own, *alien]), ("PushedModel", [str(paths.serving / "17")])):
            kind = mlmd.store.put_artifact_type(metadata_store_pb2.ArtifactType(name=name))
            mlmd.store.put_artifacts([states(type_id=kind, uri=uri, state=states.LIVE) for uri in uris])
    said = disown(paths, connection)
    assert said[0] == (
        f"the Model at '{tmp_path}' does not lie in {paths.artifacts}: it is not used, its node runs again"
    )
    assert (len(said), disown(paths, connection)) == (len(alien), [])
    with metadata.Metadata(connection) as mlmd:
        live = [one.uri for one in mlmd.store.get_artifacts() if one.state == states.LIVE]
    assert live == [own, str(paths.serving / "17")]


def artifacts(paths: PipelinePaths) -> dict[str, str]:
    """What ML Metadata knows of a root: URI -> the property that is a path."""
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(paths.metadata))) as mlmd:
        found = mlmd.store.get_artifacts()
    return {one.uri: one.custom_properties["pushed_destination"].string_value for one in found}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Of a pipeline with a model in it and a version of that, as ML Metadata and the digests know them."""
    paths = PipelinePaths(tmp_path / "runs" / "toy", tmp_path / "runs" / "toy" / "serving")
    model, version = put(paths.models / "12", "graph"), put(paths.serving / "17", "graph")
    Digests(paths).remember(map(str, (model, version)))
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(paths.metadata))) as mlmd:
        kind = mlmd.store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Model"))
        for path in (model, version, tmp_path / "runs" / "toy2" / "elsewhere"):
            artifact = metadata_store_pb2.Artifact(type_id=kind, uri=str(path))
            artifact.custom_properties["pushed_destination"].string_value = str(path)
            mlmd.store.put_artifacts([artifact])
    return tmp_path / "runs"


def at(root: Path) -> PipelinePaths:
    return PipelinePaths(root / "toy", root / "toy" / "serving")


def test_a_copied_root_names_its_own_files_and_the_original_stays_as_it_was(root: Path, tmp_path: Path) -> None:
    copy = at(shutil.copytree(root, tmp_path / "copy"))
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    said = f"{copy.home} was copied or moved from {root}/toy: its own files are used from now on"
    assert (adopt(copy), adopt(copy)) == ([said], [])
    own = [str(copy.models / "12"), str(copy.serving / "17"), f"{root}/toy2/elsewhere"]
    assert artifacts(copy) == dict(zip(own, own, strict=True))
    # What is damaged in the copy is put right there.
    (copy.models / "12" / "saved_model.pb").write_text("damaged")
    (said,) = mend(copy)
    assert said.startswith(f"{copy.models}/12/saved_model.pb is damaged")
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    assert adopt(at(root)) == []


def test_what_nodes_of_a_moved_root_were_given_names_it_as_it_lies_now(root: Path, tmp_path: Path) -> None:
    connection = metadata.sqlite_metadata_connection_config(str(at(root).metadata))
    with metadata.Metadata(connection) as mlmd:
        kind = mlmd.store.put_execution_type(metadata_store_pb2.ExecutionType(name="Pusher"))
        execution = metadata_store_pb2.Execution(type_id=kind)
        given = {"base_directory": f"{root}/toy/serving/toy", "other": f"{root}/toy2/serving"}
        execution.custom_properties["push_destination"].string_value = json.dumps(given)
        mlmd.store.put_executions([execution])
    moved = at(root.rename(tmp_path / "there"))
    adopt(moved)
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(moved.metadata))) as mlmd:
        (found,) = mlmd.store.get_executions()
    now = json.loads(found.custom_properties["push_destination"].string_value)
    assert now == given | {"base_directory": f"{moved.home}/serving/toy"}


def test_a_root_that_is_moved_twice_and_back_is_followed(root: Path, tmp_path: Path) -> None:
    before = artifacts(at(root))
    for place in ("there", "and", "runs"):
        root = root.rename(tmp_path / place)
        assert len(adopt(at(root))) == 1
    assert artifacts(at(root)) == before


def test_a_move_that_could_not_be_noted_is_found_again(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = at(shutil.copytree(root, tmp_path / "copy"))
    with monkeypatch.context() as patch:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(Digests, "adopt", killed)
        with pytest.raises(KeyboardInterrupt):
            adopt(copy)
    assert artifacts(copy) == artifacts(at(root))
    assert len(adopt(copy)) == 1
    assert str(copy.models / "12") in artifacts(copy)


def test_where_nothing_is_known_yet_there_is_nothing_to_adopt_and_nothing_is_made(tmp_path: Path) -> None:
    assert adopt(at(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []
    at(tmp_path).home.mkdir()
    sqlite3.connect(at(tmp_path).metadata).close()
    assert adopt(at(tmp_path)) == []


def store(path: Path, executions: int) -> Path:
    """A file as far as ML Metadata's is looked at."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE Execution (id INTEGER PRIMARY KEY)")
        database.executemany("INSERT INTO Execution VALUES (?)", [(number + 1,) for number in range(executions)])
    return path


@pytest.mark.parametrize("how", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE", "BEGIN; SELECT * FROM Execution"])
def test_a_metadata_file_that_another_process_has_locked_is_not_waited_for_in_silence(tmp_path: Path, how: str) -> None:
    path = store(tmp_path / "metadata.sqlite", 3)
    check_metadata(path, whole=True)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        for statement in how.split("; "):
            cursor = other.execute(statement)
        cursor.fetchone()
        with pytest.raises(InputError) as caught:
            check_metadata(path, seconds=0.1)
        cursor.close()
    assert str(caught.value) == (
        f"{path}: another process has it locked, and 0.1 s on still has. `fuser -v {path}` or `lsof {path}` shows "
        "which: end it, or wait for its end; then run again."
    )
    check_metadata(path)


@pytest.mark.parametrize("place", [0, 20, 100, 4096])
def test_a_damaged_metadata_file_is_told_with_what_helps(tmp_path: Path, place: int) -> None:
    path = store(tmp_path / "metadata.sqlite", 2000)
    content = bytearray(path.read_bytes())
    content[place : place + 60] = b"\xff" * 60
    path.write_bytes(content)
    with pytest.raises(InputError, match="ML Metadata's file is damaged") as caught:
        check_metadata(path, whole=True)
    assert caught.value.remedy.startswith("Put it back from where it was archived; without that, delete it")


def test_a_metadata_file_that_is_cut_short_is_damaged_and_one_that_is_not_there_is_not(tmp_path: Path) -> None:
    path = tmp_path / "metadata.sqlite"
    check_metadata(path, whole=True)
    assert not path.exists()
    store(path, 2000)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match="ML Metadata's file is damaged"):
        check_metadata(path, whole=True)
    path.write_bytes(b"")
    check_metadata(path, whole=True)


def test_what_metadata_does_not_know_is_put_aside_before_its_numbers_are_given_again(paths: PipelinePaths) -> None:
    put(paths.models / "3" / "Format-Serving", "graph")
    store(paths.metadata, 12)
    assert put_aside_unknown(paths) == []
    paths.metadata.unlink()
    store(paths.metadata, 3)
    assert put_aside_unknown(paths) == [
        f"metadata.sqlite does not know 1 outputs of nodes in {paths.artifacts}: they were put aside, as "
        ".damaged-NUMBER, and their nodes run again; `prune` removes them"
    ]
    assert sorted(path.name for path in paths.models.iterdir()) == [".damaged-12", "3"]
    paths.metadata.unlink()
    put_aside_unknown(paths)
    assert sorted(path.name for path in paths.models.iterdir()) == [".damaged-12", ".damaged-3"]
    assert mend(paths) == [], "what is gone is not missed"

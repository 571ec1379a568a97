import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from components.export.formats import beside, huggingface
from components.nodes.pusher import Executor
from components.serving.versions import versions
from tests import exported_models
from tests.conftest import artifact

Push = Callable[..., Any]


def pushed_with_forms(made: Path, folder: Path) -> Any:
    """Runs the Pusher on a model that can go out in other forms; returns the artifact of what was pushed."""
    model = artifact(standard_artifacts.Model, folder / "model")
    shutil.copytree(made, folder / "model" / "Format-Serving", dirs_exist_ok=True)
    blessing = artifact(standard_artifacts.ModelBlessing, folder / "blessing")
    (folder / "blessing" / "BLESSED").touch()
    blessing.set_int_custom_property("blessed", 1)
    pushed = artifact(standard_artifacts.PushedModel, folder / "pushed")
    place = pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / "serving" / "toy"))
    Executor().Do(
        {"model": [model], "model_blessing": [blessing]},
        {"pushed_model": [pushed]},
        {
            "push_destination": proto_utils.proto_to_json(pusher_pb2.PushDestination(filesystem=place)),
            "custom_config": json.dumps({"formats": ["hf"]}),
        },
    )
    return pushed


def test_a_push_that_was_killed_goes_on_with_the_other_forms_of_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = exported_models.write(tmp_path / "made", exported_models.TASKS["classification"])

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(huggingface, "save_file", killed)
        with pytest.raises(KeyboardInterrupt):
            pushed_with_forms(made, tmp_path)
    (version,) = versions(tmp_path / "serving" / "toy")
    assert beside.of_version(tmp_path / "serving" / "toy" / str(version)) == []
    assert Path(pushed_with_forms(made, tmp_path).uri).name == str(version)
    (form,) = beside.of_version(tmp_path / "serving" / "toy" / str(version))
    assert form == tmp_path / "serving" / "toy-hf" / str(version)
    assert (form / "model.safetensors").is_file()
    assert [path.name for path in form.parent.iterdir()] == [str(version)]


def test_a_push_whose_other_form_fails_leaves_production_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = exported_models.write(tmp_path / "made", exported_models.TASKS["classification"])

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(huggingface, "save_file", full)
        with pytest.raises(Exception, match="No space left"):
            pushed_with_forms(made, tmp_path)
    assert versions(tmp_path / "serving" / "toy") == []


@pytest.fixture
def push(tmp_path: Path) -> Push:
    """Runs the Pusher on a model of two files; returns the artifact of what was pushed."""

    def run(*, blessed: bool) -> Any:
        model = artifact(standard_artifacts.Model, tmp_path / "model")
        saved = tmp_path / "model" / "Format-Serving"
        (saved / "variables").mkdir(parents=True, exist_ok=True)
        (saved / "saved_model.pb").write_text("graph")
        (saved / "variables" / "data").write_text("weights")
        blessing = artifact(standard_artifacts.ModelBlessing, tmp_path / "blessing")
        (tmp_path / "blessing" / ("BLESSED" if blessed else "NOT_BLESSED")).touch()
        blessing.set_int_custom_property("blessed", int(blessed))
        pushed = artifact(standard_artifacts.PushedModel, tmp_path / "pushed")
        place = pusher_pb2.PushDestination.Filesystem(base_directory=str(tmp_path / "serving"))
        Executor().Do(
            {"model": [model], "model_blessing": [blessing]},
            {"pushed_model": [pushed]},
            {"push_destination": proto_utils.proto_to_json(pusher_pb2.PushDestination(filesystem=place))},
        )
        return pushed

    return run


def test_a_blessed_model_appears_whole_as_a_version_which_the_artifact_names(push: Push, tmp_path: Path) -> None:
    pushed = push(blessed=True)
    (version,) = versions(tmp_path / "serving")
    place = tmp_path / "serving" / str(version)
    assert pushed.uri == str(place)
    files = {str(path.relative_to(place)): path.read_text() for path in place.rglob("*") if path.is_file()}
    assert files == {"saved_model.pb": "graph", "variables/data": "weights"}
    assert [path.name for path in (tmp_path / "serving").iterdir()] == [str(version)]
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_version") == str(version)
    assert pushed.get_string_custom_property("pushed_destination") == str(place)


def test_a_second_push_is_a_newer_version_beside_the_first(push: Push, tmp_path: Path) -> None:
    first, second = push(blessed=True).uri, push(blessed=True).uri
    assert versions(tmp_path / "serving") == [int(Path(first).name), int(Path(second).name)]
    assert int(Path(second).name) > int(Path(first).name)


def test_a_refused_model_leaves_no_trace(push: Push, tmp_path: Path) -> None:
    pushed = push(blessed=False)
    assert not (tmp_path / "serving").exists()
    assert pushed.uri == str(tmp_path / "pushed")
    assert pushed.get_int_custom_property("pushed") == 0

"""Other forms of versions beside them, by directories that only say what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from components.export.card import CARD_FILE, exported_as, read_card
from components.export.formats import beside, export
from components.export.formats.pushed import Pushed
from components.settings.model_forms import FORMS, FormName
from tests import exported_models


def form(directory: Path, name: str) -> Path:
    """An export that has a card and a file."""
    place = directory / CARD_FILE
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"exported": {"form": name, "version": directory.name, "files": {}}}))
    (directory / "model").write_text("weights")
    return directory


def test_the_forms_have_the_names_that_a_config_gives_them() -> None:
    assert tuple(FORMS) == FormName.__args__  # type: ignore[attr-defined]


def test_a_directory_with_a_version_that_is_no_export_is_another_pipeline_s(tmp_path: Path) -> None:
    serving = tmp_path / "toy"
    form(tmp_path / "toy-onnx" / "1", "onnx")
    (tmp_path / "toy-hf" / "1").mkdir(parents=True)
    (tmp_path / "toy-hf" / "1" / "saved_model.pb").write_text("")
    assert beside.directories(serving) == [tmp_path / "toy-onnx"]
    assert beside.of_version(serving / "1") == [tmp_path / "toy-onnx" / "1"]
    assert beside.of_version(serving / "2") == []


def test_a_copy_of_a_version_has_the_forms_of_that(tmp_path: Path) -> None:
    form(tmp_path / "toy-hf" / "1", "hf")
    beside.copy(tmp_path / "toy" / "1", tmp_path / "toy" / "7")
    copied = tmp_path / "toy-hf" / "7"
    assert (copied / "model").read_text() == "weights"
    assert read_card(copied)["exported"]["version"] == "7"
    assert sorted(path.name for path in (tmp_path / "toy-hf").iterdir()) == ["1", "7"]


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    task = exported_models.TASKS["classification"]
    return exported_models.write(tmp_path_factory.mktemp("beside"), task)


def test_what_is_there_of_the_same_model_is_not_written_again(version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside.write(version, ["hf"], [("the film is good",)])
    place = beside.directory(version.parent, "hf") / "1"
    assert read_card(place)["exported"]["parity"]["real_texts"] == 1
    before = exported_models.files(place)

    def again(*_: Any) -> None:
        raise AssertionError("it is written again")

    monkeypatch.setattr(export, "export", again)
    beside.write(version, ["hf"], [])
    assert exported_models.files(place) == before
    assert [exported_as(path) for path in beside.of_version(version)] == ["hf"]


def test_a_form_that_cannot_state_the_model_or_has_no_place_is_refused_before_a_push(version: Path) -> None:
    with pytest.raises(InputError, match=r"it cannot go out as sentence-transformers"):
        beside.check(version, version.parent, ["onnx", "sentence-transformers"])
    taken = beside.directory(version.parent, "onnx") / "1"
    taken.mkdir(parents=True)
    with pytest.raises(InputError, match=r"has versions that are no exports as onnx, .* Give another push\.name"):
        beside.check(version, version.parent, ["onnx"])
    taken.rmdir()
    assert Pushed.read(version).name == "toy"

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tfx.types import standard_artifacts

from components.common.errors import InputError
from components.nodes.baseline import Driver, Executor
from components.rows import data_hash
from tests.conftest import artifact


def write_model(directory: Path, weights: str, data: str = "") -> Path:
    """A SavedModel as far as versions go: a graph, and a card with the hashes of the weights and of the data."""
    (directory / "assets.extra").mkdir(parents=True)
    (directory / "saved_model.pb").write_text(f"graph of {weights}")
    (directory / "assets.extra" / "model.json").write_text(json.dumps({"weights_sha256": weights, "data_sha256": data}))
    return directory


@pytest.fixture
def candidate(tmp_path: Path) -> Any:
    """A Model with the weights "new"."""
    write_model(tmp_path / "model" / "Format-Serving", "new")
    return artifact(standard_artifacts.Model, tmp_path / "model")


def find(candidate: Any, tmp_path: Path, data: str = "", pinned: str = "") -> tuple[list[Any], Any, str]:
    """The artifacts the executor yields, the artifact it was offered, and what the driver adds to the cache key."""
    offered = artifact(standard_artifacts.Model, tmp_path / "baseline")
    properties = {"directory": str(tmp_path / "serving"), "pinned": pinned}
    examples = artifact(standard_artifacts.Examples, tmp_path / "examples")
    data_hash.write(examples.uri, data)
    inputs = {"model": [candidate]} if candidate else {"examples": [examples]}
    output = Executor().Do(inputs, {"baseline": [offered]}, properties)
    info = SimpleNamespace(input_dict=inputs, exec_properties=properties)
    key = Driver(None).run(info).exec_properties["version"].string_value
    return list(output.output_artifacts["baseline"].artifacts), offered, key


def test_before_the_first_push_there_is_none(candidate: Any, tmp_path: Path) -> None:
    yielded, _, key = find(candidate, tmp_path)
    assert (yielded, key) == ([], "")


def test_the_newest_version_is_the_baseline_and_comes_as_an_artifact_of_its_own(candidate: Any, tmp_path: Path) -> None:
    write_model(tmp_path / "serving" / "9", "old")
    write_model(tmp_path / "serving" / "10", "newer")
    yielded, offered, key = find(candidate, tmp_path)
    assert [model.uri for model in yielded] == [offered.uri]
    assert yielded[0].custom_properties["pushed_version"].string_value == "10"
    assert Path(offered.uri, "Format-Serving", "saved_model.pb").read_text() == "graph of newer"
    assert key == "10"


def test_a_version_pushed_from_the_candidate_itself_is_skipped(candidate: Any, tmp_path: Path) -> None:
    write_model(tmp_path / "serving" / "1", "old")
    write_model(tmp_path / "serving" / "2", "new")
    _, offered, key = find(candidate, tmp_path)
    assert offered.get_string_custom_property("pushed_version") == key == "1"


def test_if_only_the_candidate_is_in_production_there_is_none(candidate: Any, tmp_path: Path) -> None:
    write_model(tmp_path / "serving" / "2", "new")
    yielded, _, key = find(candidate, tmp_path)
    assert (yielded, key) == ([], "")


def test_the_baseline_takes_no_room_and_stays_when_its_version_is_removed(candidate: Any, tmp_path: Path) -> None:
    version = write_model(tmp_path / "serving" / "1", "old")
    _, offered, _ = find(candidate, tmp_path)
    copy = Path(offered.uri, "Format-Serving", "saved_model.pb")
    assert copy.samefile(version / "saved_model.pb")
    (version / "saved_model.pb").unlink()
    assert copy.read_text() == "graph of old"


def test_where_links_are_not_possible_the_baseline_is_a_copy(
    candidate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: str) -> None:
        raise OSError

    write_model(tmp_path / "serving" / "1", "old")
    monkeypatch.setattr(os, "link", no_link)
    _, offered, _ = find(candidate, tmp_path)
    assert Path(offered.uri, "Format-Serving", "saved_model.pb").read_text() == "graph of old"


@pytest.mark.parametrize(
    ("data", "pinned", "expected"), [("May", "", "2"), ("April", "", "3"), ("June", "", "3"), ("May", "1", "1")]
)
def test_a_predecessor_is_the_newest_that_learned_from_other_data(
    tmp_path: Path, data: str, pinned: str, expected: str
) -> None:
    for version, learned_from in (("1", "March"), ("2", "April"), ("3", "May")):
        write_model(tmp_path / "serving" / version, f"of {version}", learned_from)
    yielded, offered, key = find(None, tmp_path, data, pinned)
    assert len(yielded) == 1
    assert offered.get_string_custom_property("pushed_version") == key == expected


def test_before_other_data_there_is_no_predecessor(tmp_path: Path) -> None:
    write_model(tmp_path / "serving" / "1", "first", "March")
    yielded, _, key = find(None, tmp_path, "March")
    assert (yielded, key) == ([], "")


def test_the_best_version_is_that_which_was_measured_best_and_is_not_the_candidate(
    candidate: Any, tmp_path: Path
) -> None:
    for number, weights, accuracy in (("1", "old", 0.8), ("2", "newer", 0.7), ("3", "new", 0.9)):
        path = write_model(tmp_path / "serving" / number, weights) / "assets.extra" / "model.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "measured": {"accuracy": accuracy, "loss": 0.5}}))
    _, offered, key = find(candidate, tmp_path, pinned="best by accuracy")
    assert offered.get_string_custom_property("pushed_version") == key == "1"


def test_before_a_version_was_measured_there_is_no_best(candidate: Any, tmp_path: Path) -> None:
    write_model(tmp_path / "serving" / "1", "old")
    assert find(candidate, tmp_path, pinned="best by -loss")[::2] == ([], "")


def test_a_version_that_is_not_there_is_named(candidate: Any, tmp_path: Path) -> None:
    write_model(tmp_path / "serving" / "1", "old")
    with pytest.raises(InputError, match=r"no version 7, which the config names\. Name another"):
        find(candidate, tmp_path, pinned="7")

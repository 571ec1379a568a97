import json
from pathlib import Path
from typing import Any

import pytest
from tfx.orchestration import metadata
from tfx.orchestration.portable import cache_utils
from tfx.proto.orchestration import pipeline_pb2
from tfx.types import standard_artifacts

from pipeline.runners.cache_context import CacheContexts

FOLDER, HOME = "/data/toy", "/roots/runs/toy"


def parameters(folder: str, home: str, **changes: Any) -> dict[str, Any]:
    """Of all nodes in one, as the launcher has them."""
    training = {"epochs": 2, "init_from": f"{folder}/pushed/7", "class_weights": {"base": 1.0, "train": 2.0}}
    known: dict[str, Any] = {
        "data": json.dumps({"train": [f"{folder}/train.tsv"], "files": [], "split": {"train": 80, "dev": 20}}),
        "input_files": json.dumps([["train", "", "aa"]]),
        "base_model": f"{folder}/model",
        "base_model_sha256": json.dumps({"vocab.txt": "bb"}),
        "directory": f"{home}/serving/toy",
        "push_destination": json.dumps({"filesystem": {"base_directory": f"{home}/serving/toy"}}),
        "schema_file": f"{folder}/schema.pbtxt",
        "custom_config": json.dumps(
            {
                "base_model": f"{folder}/model",
                "base_model_sha256": {"vocab.txt": "bb"},
                "model": json.dumps({"base": f"{folder}/model", "max_length": 16}),
                "training": json.dumps(training),
                "card": {"base_model": f"{folder}/model", "name": "toy"},
            }
        ),
    }
    return known | changes


def key(store: Path, folder: str, home: str, **changes: Any) -> str:
    """The name of the context under which TFX keeps what a node made."""
    model = standard_artifacts.Model()
    model.uri, model.id = f"{home}/artifacts/Trainer/model/8", 8
    model.set_string_custom_property("current_model", model.uri)
    node = pipeline_pb2.PipelineNode(node_info={"id": "Node"})
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(store))) as mlmd:
        context = CacheContexts(Path(home)).get_cache_context(
            metadata_handle=mlmd,
            pipeline_node=node,
            pipeline_info=pipeline_pb2.PipelineInfo(id="toy"),
            executor_spec=None,
            input_artifacts={"model": [model]},
            output_artifacts={},
            parameters=parameters(folder, home, **changes),
        )
    return str(context.name)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "metadata.sqlite"


def test_where_data_base_model_schema_and_root_lie_is_no_part_of_the_key(store: Path) -> None:
    assert key(store, FOLDER, HOME) == key(store, "/other", HOME) == key(store, FOLDER, "/elsewhere/toy")


@pytest.mark.parametrize(
    "change",
    [
        {"input_files": json.dumps([["train", "", "ab"]])},
        {"input_files": json.dumps([["dev", "", "aa"]])},
        {"base_model_sha256": json.dumps({"vocab.txt": "bc"})},
        {"push_destination": json.dumps({"filesystem": {"base_directory": "/served/toy"}})},
        {"data": json.dumps({"train": [f"{FOLDER}/train.tsv"], "files": [], "split": {"train": 90, "dev": 10}})},
        {"custom_config": json.dumps({"model": json.dumps({"base": f"{FOLDER}/model", "max_length": 32})})},
    ],
)
def test_what_is_there_and_what_is_done_with_it_is(store: Path, change: dict[str, Any]) -> None:
    assert key(store, FOLDER, HOME, **change) != key(store, FOLDER, HOME)


def test_a_label_may_be_called_as_a_place_is(store: Path) -> None:
    config = json.loads(parameters(FOLDER, HOME)["custom_config"])
    training = json.loads(config["training"]) | {"class_weights": {"base": 3.0, "train": 2.0}}
    changed = json.dumps({**config, "training": json.dumps(training)})
    assert key(store, FOLDER, HOME, custom_config=changed) != key(store, FOLDER, HOME)


def test_the_launcher_asks_for_what_it_is_given(tmp_path: Path) -> None:
    """TFX calls these two, by these names."""
    named = {name for name in dir(CacheContexts) if not name.startswith("_")}
    assert named == {"get_cache_context", "get_cached_outputs"} <= set(dir(cache_utils))

import json
from pathlib import Path

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata

from pipeline.runs.rerun_reasons import reason

HOME = "/roots/toy"


@pytest.fixture
def store(tmp_path: Path) -> MetadataStore:
    return MetadataStore(metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite")))


def executed(store: MetadataStore, **properties: str) -> metadata_store_pb2.Execution:
    """Of the node Trainer, which was given these."""
    kind = store.put_execution_type(metadata_store_pb2.ExecutionType(name="Trainer"))
    of_nodes = store.put_context_type(metadata_store_pb2.ContextType(name="node"))
    context = metadata_store_pb2.Context(type_id=of_nodes, name="toy.Trainer")
    execution = metadata_store_pb2.Execution(type_id=kind, last_known_state=metadata_store_pb2.Execution.COMPLETE)
    for name, value in properties.items():
        execution.custom_properties[name].string_value = value
    made, *_ = store.put_execution(execution, [], [context], reuse_context_if_already_exist=True)
    (found,) = store.get_executions_by_id([made])
    return found


def given(folder: str, home: str, source: str = "aa", epochs: int = 2) -> dict[str, str]:
    return {
        "data": json.dumps({"train": [f"{folder}/train.tsv"], "label": "topic"}),
        "push_destination": json.dumps({"filesystem": {"base_directory": f"{home}/serving/toy"}}),
        "custom_config": json.dumps(
            {
                "base_model": f"{folder}/model",
                "model": json.dumps({"base": f"{folder}/model", "max_length": 16}),
                "training": json.dumps({"epochs": epochs, "init_from": f"{folder}/pushed/7"}),
                "source": source,
            }
        ),
    }


def test_what_was_moved_is_no_reason_to_run_again(store: MetadataStore) -> None:
    executed(store, **given("/data", HOME))
    last = executed(store, **given("/elsewhere", HOME, source="bb", epochs=3))
    assert reason(store, "Trainer", last, HOME) == "the code, config training.epochs changed"


def test_of_a_push_into_the_pipeline_s_home_its_place_does_not_count(store: MetadataStore) -> None:
    executed(store, **given("/data", "HOME"))
    assert reason(store, "Trainer", executed(store, **given("/data", HOME)), HOME) == "its outputs were deleted"
    last = executed(store, **given("/data", "/production"))
    assert reason(store, "Trainer", last, HOME) == "config push_destination changed"

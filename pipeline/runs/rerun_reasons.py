"""Why a node ran instead of coming from cache: its execution in ML Metadata beside its one before."""

from __future__ import annotations

import json
from typing import Any

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from pipeline.runs.cache_key import placeless

_OUTPUT = metadata_store_pb2.Event.OUTPUT

_DONE = (metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.CACHED)

_WORDS = {
    "source": "the code",
    "input_files": "the data files",
    "base_model_sha256": "the base model",
    "version": "the version in production",
    "identity": "the version in production",
    "tried": "the time of what is measured against a limit",
}
"""Names in the execution properties -> what a person calls them."""


def reason(store: MetadataStore, node_id: str, execution: metadata_store_pb2.Execution, home: str) -> str:
    """What has changed since the node's last execution, of all that its cache key is made of.

    Args:
        store: ML Metadata's.
        node_id: the node's.
        execution: its, that has just ended.
        home: of the pipeline.

    Returns:
        Empty if there was none before.
    """
    contexts = store.get_contexts_by_execution(execution.id)
    (of_node,) = (context for context in contexts if context.name.endswith(f".{node_id}"))
    earlier = [
        other
        for other in store.get_executions_by_context(of_node.id)
        if other.id < execution.id and other.last_known_state in _DONE
    ]
    if not earlier:
        return ""
    before = _made(store, max(earlier, key=lambda other: other.id))
    old, new = _properties(before, home), _properties(execution, home)
    changed = [
        _WORDS.get(name.rpartition(".")[2], f"config {name}")
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    inputs = [_inputs(store, one.id) for one in (before, execution)]
    changed += [f"its {key}" for key in sorted({*inputs[0], *inputs[1]}) if inputs[0].get(key) != inputs[1].get(key)]
    return f"{', '.join(dict.fromkeys(changed))} changed" if changed else "its outputs were deleted"


def _made(store: MetadataStore, execution: metadata_store_pb2.Execution) -> metadata_store_pb2.Execution:
    """The execution whose outputs a cached one took: unlike that one, it has what the node's driver found."""
    if execution.last_known_state != metadata_store_pb2.Execution.CACHED:
        return execution
    taken = [event.artifact_id for event in store.get_events_by_execution_ids([execution.id]) if event.type == _OUTPUT]
    events = store.get_events_by_artifact_ids(taken)
    makers = store.get_executions_by_id([event.execution_id for event in events if event.type == _OUTPUT])
    done = [maker for maker in makers if maker.last_known_state == metadata_store_pb2.Execution.COMPLETE]
    return max(done, key=lambda maker: maker.id, default=execution)


def _properties(execution: metadata_store_pb2.Execution, home: str) -> dict[str, Any]:
    """Exec properties by name, without places as in the cache key; those within `custom_config` and settings one by
    one."""
    properties = {
        name: getattr(value, str(value.WhichOneof("value")))
        for name, value in execution.custom_properties.items()
        if not name.startswith("__")
    }
    flat: dict[str, Any] = {}
    for name, value in placeless(properties, home).items():
        found = _parsed(value)
        flat |= _flat(found) if name == "custom_config" and isinstance(found, dict) else {name: found}
    return flat


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        found = _parsed(value)
        # Settings such as `training` are JSON within JSON.
        flat |= {f"{name}.{key}": v for key, v in found.items()} if _is_settings(name, found) else {name: found}
    return flat


def _is_settings(name: str, value: Any) -> bool:
    return isinstance(value, dict) and name not in _WORDS


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def _inputs(store: MetadataStore, execution_id: int) -> dict[str, list[int]]:
    """Input key -> ids of the artifacts."""
    found: dict[str, list[int]] = {}
    for event in store.get_events_by_execution_ids([execution_id]):
        if event.type == metadata_store_pb2.Event.INPUT:
            found.setdefault(event.path.steps[0].key, []).append(event.artifact_id)
    return {key: sorted(ids) for key, ids in found.items()}

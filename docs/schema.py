"""The JSON Schema of a run's TOML file, for editors: pydantic's of the settings, with what TOML has otherwise."""

from __future__ import annotations

import json
import typing
from typing import Any

from pydantic import TypeAdapter

from components.settings.fields import several
from components.settings.run import Run
from components.tasks import TASKS
from docs import keys

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def text(of: type = Run) -> str:
    """pipeline/configs/run.schema.json, or that of another kind of run."""
    return json.dumps(run_schema(of), indent=1, ensure_ascii=False) + "\n"


def run_schema(of: type = Run) -> dict[str, Any]:
    """What a TOML file may hold, by the settings of its kind: every key with its type, range, meaning and example. What
    depends on other keys, as a bound that the task has no metric for, only `check` finds."""
    found = _of_toml(TypeAdapter(of).json_schema())
    tables, top = found["$defs"], found["properties"]
    hints = {table: typing.get_type_hints(cls, include_extras=True) for table, cls in keys.tables(of).items()}
    # The settings have it where it says how rows are read.
    if of is Run:
        top["task"] = {**tables["Data"]["properties"].pop("task"), "enum": list(TASKS)}
    for key in keys.every_key(of):
        properties = tables[keys.tables(of)[key.table].__name__]["properties"] if key.table else top
        value = properties[key.name]
        if key.table and any(getattr(one, "func", None) is several for one in _marks(hints[key.table][key.name])):
            if "items" in value:
                value = properties[key.name] = _one_or_several(value)
            else:
                value["additionalProperties"] = _one_or_several(value["additionalProperties"])
        value["description"] = f"{key.meaning} Example: {key.example[0]}"
    return {"$schema": _DIALECT, "title": "A run of bert-pipeline", **found}


def _marks(hint: Any) -> list[Any]:
    """What `Annotated` says of a type, or of a part of it."""
    parts = typing.get_args(hint)
    own = list(getattr(hint, "__metadata__", ()))
    return [*own, *(mark for part in parts for mark in getattr(part, "__metadata__", ()))]


def _one_or_several(value: dict[str, Any]) -> dict[str, Any]:
    """A list that may be given as its only item."""
    default: dict[str, Any] = {key: value.pop(key) for key in ("default", "description") if key in value}
    return {"anyOf": [value["items"], value], **default}


def _of_toml(value: Any) -> Any:
    """Without null, which TOML does not know, and without pydantic's titles, which repeat the names."""
    if isinstance(value, list):
        return [_of_toml(item) for item in value if item != {"type": "null"}]
    if not isinstance(value, dict):
        return value
    kept = {key: _of_toml(item) for key, item in value.items() if item is not None and not _is_title(key, item)}
    if len(kept.get("anyOf", ())) == 1:
        (only,) = kept.pop("anyOf")
        kept = {**only, **kept}
    return kept


def _is_title(key: str, item: Any) -> bool:
    # A setting may be called so; what it is then is an object.
    return key == "title" and isinstance(item, str)

"""Settings to and from JSON, between nodes that may run in other processes."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

_adapters: dict[type, TypeAdapter[Any]] = {}


def dump(value: object) -> str:
    """A settings object as JSON, equal for equal settings."""
    return json.dumps(adapter(type(value)).dump_python(value, mode="json"), sort_keys=True)


def load(cls: type[T], text: str) -> T:
    """The settings object `dump` wrote."""
    loaded: T = adapter(cls).validate_json(text)
    return loaded


def adapter(cls: type) -> TypeAdapter[Any]:
    """pydantic's adapter of a settings class, made once."""
    # Building one takes longer than using it.
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]

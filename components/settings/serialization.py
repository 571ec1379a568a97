"""Dataclasses to and from JSON: settings between nodes in other processes, and the files of a run."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from components.common.errors import InputError

T = TypeVar("T")


def dump(value: object) -> str:
    """A settings object as JSON, equal for equal settings."""
    return json.dumps(adapter(type(value)).dump_python(value, mode="json"), sort_keys=True)


def load(cls: type[T], text: str) -> T:
    """The settings object `dump` wrote."""
    loaded: T = adapter(cls).validate_json(text)
    return loaded


def load_file(cls: type[T], path: Path, kind: str, remedy: str, damaged: str | None = None) -> T:
    """A dataclass from a JSON file that this project wrote.

    Args:
        cls: the dataclass.
        path: the file.
        kind: what the file should be, in a message.
        remedy: what to do where it cannot be read.
        damaged: what to do where it holds something else; None: the same.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    try:
        loaded: T = adapter(cls).validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({error.strerror})", remedy) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what = ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
        raise InputError(str(path), f"not {kind} ({what})", damaged or remedy) from None
    return loaded


def adapter(cls: type) -> TypeAdapter[Any]:
    """pydantic's adapter of a settings class, made once."""
    return _adapter(cls)


# Building one takes longer than using it.
@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)

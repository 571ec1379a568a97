"""Files of UTF-8 text and of JSON that came from elsewhere: read, or refused with the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.common.errors import InputError

_SHOWN = 200
"""Characters of a value in a message; a SentencePiece normalizer has some hundred thousand."""

_DEEPEST = 100
"""Lists and objects within each other; where the interpreter gives up depends on who called."""


def read_text(path: Path, remedy: str) -> str:
    """The text of a UTF-8 file, line ends as they are.

    Raises:
        InputError: the file cannot be read or is not UTF-8; with this remedy.
    """
    try:
        # A pipe would be waited for, and a device may have no end.
        if path.exists() and not path.is_file():
            raise InputError(str(path), "expected a readable file: this is none", remedy)
        content = path.read_bytes()
    except OSError as error:
        raise InputError(str(path), f"expected a readable file: {error.strerror}", remedy) from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}:{line}", f"expected UTF-8, got the byte 0x{content[error.start]:02x}", remedy
        ) from error


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        InputError: the file is not UTF-8 or holds something else; with this remedy.
    """
    too_deep = InputError(str(path), "expected JSON, this is nested too deeply", remedy)
    try:
        values = json.loads(read_text(path, remedy))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}", f"expected JSON: {error.msg}", remedy) from error
    except RecursionError:
        raise too_deep from None
    except ValueError as error:
        raise InputError(str(path), f"expected JSON: {error}", remedy) from error
    if is_deep(values):
        raise too_deep
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InputError(str(path), "expected Unicode text, got half of a surrogate pair", remedy) from error
    return json_object(values, str(path), remedy)


def json_object(values: Any, place: str, remedy: str) -> dict[str, Any]:
    """The value itself, which has to be a JSON object.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(values, dict):
        raise InputError(place, f"expected a JSON object, got {type(values).__name__}", remedy)
    return values


def shown(value: object) -> str:
    """A value for a message, nearly as JSON and TOML have it, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def is_deep(values: Any) -> bool:
    """Whether lists and objects are more deeply within each other than any file of ours or of a model's has them."""
    level = [values]
    for _ in range(_DEEPEST):
        parts = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list))]
        level = [inner for part in parts for inner in part]
    return bool(level)


def take_lines(path: Path) -> list[Any]:
    """What a Beam pipeline has left in a file of a JSON value a line, which is removed."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.unlink()
    return lines

"""TOML from people to settings: a mistake gets one message, with its line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from components.common.errors import InputError
from components.common.json_files import shown
from components.common.suggest import did_you_mean
from components.settings.fields import ADDRESS, PATH, ConflictError, written_bound
from components.settings.schedule import CRON
from components.settings.serialization import T, adapter

_TYPES = {
    "bool_type": "true or false",
    "int_type": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a string",
    "tuple_type": "a list",
    "dict_type": "a table",
    "dataclass_type": "a table",
}
"""Pydantic's names of type errors -> what TOML calls the type that was expected."""


def parse(cls: type[T], values: Mapping[str, Any], source: TomlSource) -> T:
    """Settings from what a TOML file holds.

    Raises:
        InputError: an unknown key (with the nearest valid name), a wrong type, a value out of range, or a missing key.
    """
    try:
        # Through JSON, whose strict reading takes a list for a tuple and a table for a dataclass, and nothing else.
        parsed: T = adapter(cls).validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        raise _input_error(cls, error.errors(include_url=False), values, source) from None
    return parsed


class TomlSource:
    """A TOML file's text, to tell the line of a key.

    Args:
        name: how the file is called in messages.
        text: its content.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name, self._lines = name, text.split("\n")

    def locate(self, path: tuple[str, ...]) -> str:
        """`FILE:LINE` of a key such as ("training", "epochs"), or of the nearest table around it."""
        table: tuple[str, ...] = ()
        best, depth = 0, 0
        for number, line in enumerate(self._lines, 1):
            head = line.split("#")[0].strip()
            if head.startswith("["):
                keys = table = _dotted(head.strip("[]"))
            elif "=" in head:
                keys = (*table, *_dotted(head.split("=")[0]))
            else:
                continue
            if len(keys) > depth and keys == path[: len(keys)]:
                best, depth = number, len(keys)
        return f"{self.name}:{best}" if best else self.name


def _dotted(key: str) -> tuple[str, ...]:
    return tuple(part.strip(" \"'") for part in key.split("."))


def _input_error(cls: Any, errors: list[ErrorDetails], values: Mapping[str, Any], source: TomlSource) -> InputError:
    """One message, for the mistake that explains the others: an unknown key before the missing one it stands for."""
    first = min(errors, key=lambda error: error["type"] != "unexpected_keyword_argument")
    field = _field(cls, first["loc"])
    # A value that fits no branch of a union has an error of each; the one that goes deepest knows most.
    same = [error for error in errors if error["loc"][: len(field)] == field]
    first = max(same, key=lambda error: len(_given(values, error["loc"])))
    path = _given(values, first["loc"])
    same = [error for error in same if _given(values, error["loc"]) == path]
    keys = tuple(part for part in path if isinstance(part, str))
    dotted = ".".join(keys)
    match first["type"]:
        case "unexpected_keyword_argument":
            owner = _owner(cls, keys[:-1])
            known = [field.name for field in fields(owner)]
            # `task` stands at the top of a TOML file, and within `data` of the settings.
            known = [name for name in known if name != "task"]
            if known[:2] == ["name", "data"]:
                known.insert(1, "task")
            return _unknown_key(source.locate(keys), keys, known)
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            dotted = ".".join(map(str, first["loc"]))
            remedy = "Add it; pipeline/configs/movie_reviews.toml shows how"
            return InputError(source.locate(keys), f"`{dotted}` is missing", remedy)
        case "value_error" if isinstance(conflict := first["ctx"]["error"], ConflictError):
            return InputError(source.locate((*keys, *conflict.key.split("."))), conflict.problem, conflict.remedy)
    if "[key]" in first["loc"]:
        return _unknown_key(source.locate(keys), keys, [name.strip("'") for name in _names(first["ctx"]["expected"])])
    # Where the type is right, only the range is worth a word.
    rules = [error for error in same if not error["type"].endswith(("_type", "literal_error"))] or same
    verb = "holds" if isinstance(path[-1], int) else "is"
    *others, last = (name for rule in rules for name in _rule(rule))
    wanted = f"{', '.join(others)} or {last}" if others else last
    problem = f"`{dotted}` {verb} {shown(first['input'])}, it should be {wanted}"
    return InputError(source.locate(keys), problem, _remedy(cls, keys))


def _unknown_key(place: str, keys: tuple[str, ...], known: list[str]) -> InputError:
    nearest = did_you_mean(keys[-1], known, "`{}`".format, similarity=0.5)
    return InputError(place, f"unknown key `{'.'.join(keys)}`", f"{nearest}Known here: {', '.join(known)}")


def _field(cls: Any, path: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The part of pydantic's path that names dataclasses and a field; what follows are items and branches of unions."""
    for count, part in enumerate(path):
        if not is_dataclass(cls):
            return path[:count]
        cls = get_type_hints(cls).get(str(part))
    return path


def _given(values: Any, path: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The part of pydantic's path that stands in the file: keys of tables and places in lists."""
    given: list[int | str] = []
    for part in path:
        if isinstance(values, Mapping) and part in values:
            values = values[str(part)]
        elif isinstance(values, list) and isinstance(part, int):
            values = values[part]
        else:
            continue
        given.append(part)
    return tuple(given)


def _owner(cls: Any, keys: tuple[str, ...]) -> Any:
    """The dataclass of a table."""
    for key in keys:
        cls = get_type_hints(cls)[key]
    return cls


def _remedy(cls: Any, keys: tuple[str, ...]) -> str:
    owner = _owner(cls, keys[:-1]) if len(keys) < 3 else None
    default = {field.name: field.default for field in fields(owner)}.get(keys[-1], MISSING) if owner else MISSING
    if isinstance(default, str | int | float):
        return f"Correct it, or leave it out for the default, {shown(default)}"
    return "Correct it, or leave it out" if default is None else "Correct it"


def _names(listed: str) -> list[str]:
    """The names in pydantic's `'a', 'b' or 'c'`."""
    return listed.replace(" or ", ", ").split(", ")


def _rule(error: ErrorDetails) -> list[str]:
    """What a value should be, in TOML's words: any of these."""
    context = error.get("ctx", {})
    match error["type"]:
        case "literal_error":
            return [name.replace("'", '"') for name in _names(context["expected"])]
        case "string_pattern_mismatch" if context["pattern"] == CRON:
            return ["five fields of cron, or such as @daily"]
        case "string_pattern_mismatch" if context["pattern"] == ADDRESS:
            return ["HOST:PORT"]
        case "string_pattern_mismatch" if context["pattern"] == PATH:
            return ["a path, without a null character"]
        case "string_pattern_mismatch":
            return ["1 to 63 letters, digits, _ and -, the first a letter or a digit"]
        case "greater_than_equal":
            return [f"at least {written_bound(context['ge'])}"]
        case "less_than_equal":
            return [f"at most {written_bound(context['le'])}"]
        case "greater_than":
            return [f"greater than {written_bound(context['gt'])}"]
        case "less_than":
            return [f"less than {written_bound(context['lt'])}"]
    return [_TYPES.get(error["type"]) or error["msg"].removeprefix("Input should be ")]

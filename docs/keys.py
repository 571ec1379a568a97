"""The keys of a run's TOML file, read from the settings' fields and the docstrings below them."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import itertools
import re
import textwrap
import typing
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple

from pydantic.fields import FieldInfo

from components.common.json_files import shown
from components.settings.data import Data
from components.settings.fields import ADDRESS, Name, several, written_bound
from components.settings.run import Run

EXAMPLE = "Example:"
"""In a field's docstring, before its example: TOML lines in backticks, the field's own first, what it needs after."""

_NAMES = {str: "string", int: "integer", float: "number", bool: "true or false"}

_BOUNDS = {"ge": "at least {}", "gt": "greater than {}", "le": "at most {}", "lt": "less than {}"}


class Key(NamedTuple):
    """A key of a run's TOML file."""

    table: str
    """Empty for a key above the tables."""
    name: str
    type: str
    default: str
    """As TOML; empty where there is none."""
    required: bool
    meaning: str
    """The field's docstring without its example."""
    example: tuple[str, ...]
    """Lines of TOML: the key's own, then those that it does not go without."""

    @property
    def dotted(self) -> str:
        """`TABLE.KEY`."""
        return f"{self.table}.{self.name}" if self.table else self.name


@functools.cache
def tables(of: type = Run) -> dict[str, type]:
    """The settings class of each table, in the order of the fields of a kind of run; `TABLE.TABLE` is one within
    another."""
    return dict(_tables(of, ""))


def _tables(cls: type, around: str) -> Iterator[tuple[str, type]]:
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        table = hints[field.name]
        if isinstance(table, type) and dataclasses.is_dataclass(table):
            yield around + field.name, table
            yield from _tables(table, f"{around}{field.name}.")


def every_key(of: type = Run) -> list[Key]:
    """Every key that a TOML file of a kind of run may hold: those above the tables, then table by table."""
    known = tables(of)
    found = [*_keys("", of, [name for name in _names(of) if name not in known])]
    found += _keys("", Data, ["task"]) if of is Run else []
    for table, cls in known.items():
        others = [name for name in _names(cls) if f"{table}.{name}" not in known]
        found += _keys(table, cls, [name for name in others if (table, name) != ("data", "task")])
    return found


def own_tables(of: type) -> dict[str, type]:
    """The tables of a kind of run that a fine-tuning has not, or has with other keys."""
    known = tables()
    return {table: cls for table, cls in tables(of).items() if known.get(table) is not cls}


def _names(cls: type) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]


def _keys(table: str, cls: type, names: list[str]) -> Iterator[Key]:
    hints = typing.get_type_hints(cls, include_extras=True)
    documented = docstrings(cls)
    for field in dataclasses.fields(cls):
        if field.name in names:
            default = field.default
            if isinstance(default, FieldInfo):
                default = default.get_default(call_default_factory=True, validated_data={})
            required = default is dataclasses.MISSING
            meaning, _, example = documented.get(field.name, "").partition(EXAMPLE)
            lines = tuple(re.findall(r"`([^`]+)`", example))
            text = "" if required or default in (None, (), {}) else _toml(default)
            yield Key(table, field.name, type_of(hints[field.name]), text, required, meaning.strip(), lines)


def docstrings(cls: type) -> dict[str, str]:
    """Field -> the string that stands below it in the source, on one line."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101
    found = {}
    for statement, below in itertools.pairwise(definition.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and is_text(below):
            found[statement.target.id] = " ".join(ast.literal_eval(below.value).split())  # type: ignore[attr-defined]
    return found


def is_text(statement: ast.stmt) -> bool:
    """Whether it is a string that stands alone."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def type_of(hint: Any) -> str:
    """A field's annotation in TOML's words, with its range."""
    if hint == Name:
        return "string of letters, digits, _ and -"
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        metadata = [one for part in parts[1:] for one in (part.metadata if isinstance(part, FieldInfo) else [part])]
        if any(getattr(one, "func", None) is several for one in metadata):
            (item, *_) = typing.get_args(parts[0])
            return f"{type_of(item)}, or a list of them"
        if any(getattr(one, "pattern", None) == ADDRESS for one in metadata):
            return "HOST:PORT"
        given = [(key, getattr(one, key)) for one in metadata for key in _BOUNDS if hasattr(one, key)]
        bounds = [_BOUNDS[key].format(written_bound(bound)) for key, bound in given]
        return type_of(parts[0]) + (f", {' and '.join(bounds)}" if bounds else "")
    if origin is Literal:
        return _listed([f"`{shown(part)}`" for part in parts])
    if origin in (UnionType, typing.Union):
        return " or ".join(type_of(part) for part in parts if part is not NoneType)
    if origin is tuple and typing.get_origin(parts[0]) is Literal:
        return f"a list of {type_of(parts[0])}"
    if origin is tuple:
        return f"a list of {_several(type_of(parts[0]))}"
    if origin is dict:
        return f"a table of {_several(type_of(parts[1]))}"
    return _NAMES[hint]


def _several(kind: str) -> str:
    """`integers, at least 1` of `integer, at least 1`."""
    name, comma, bounds = kind.partition(",")
    return f"{name}s{comma}{bounds}"


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {shown(item)}' for key, item in value.items())} }}"
    return shown(value)

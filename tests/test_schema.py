"""The JSON Schema of the TOML takes what the settings take, and no key that they do not."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs import keys
from docs.schema import run_schema
from tests.checkout import ROOT
from tests.test_docs import EVERY_KEY, PAGES, SMALLEST, blocks

SCHEMA = json.loads((ROOT / "pipeline" / "configs" / "run.schema.json").read_text(encoding="utf-8"))

OF_KIND = {
    kind: json.loads((ROOT / "pipeline" / "configs" / f"{kind}.schema.json").read_text(encoding="utf-8"))
    for kind in ("vocabulary", "pretraining")
}

CONFIGS = sorted((ROOT / "pipeline" / "configs").glob("*.toml"))

TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}

KNOWN = {
    *("$schema", "$defs", "title", "description", "default"),
    *("$ref", "anyOf", "enum", "const", "type", "pattern", "minimum", "exclusiveMinimum", "maximum"),
    *("exclusiveMaximum", "items", "properties", "required", "additionalProperties", "propertyNames", "minItems"),
    "minLength",
}
"""The words of JSON Schema that `problems` knows."""


def problems(value: Any, schema: dict[str, Any], place: str = "") -> Iterator[str]:
    """What a validator of JSON Schema would say; no library for it is installed."""
    assert schema.keys() <= KNOWN, schema.keys() - KNOWN
    if "$ref" in schema:
        # What is in both files is the same there.
        definitions = {name: one for each in (*OF_KIND.values(), SCHEMA) for name, one in each["$defs"].items()}
        yield from problems(value, definitions[schema["$ref"].removeprefix("#/$defs/")], place)
    if "anyOf" in schema and all(list(problems(value, one, place)) for one in schema["anyOf"]):
        yield f"{place}: {value!r} is none of {schema['anyOf']}"
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        yield f"{place}: {value!r} is not allowed"
    if "type" in schema:
        is_bool = isinstance(value, bool)
        if not isinstance(value, TYPES[schema["type"]]) or is_bool != (schema["type"] == "boolean"):
            yield f"{place}: {value!r} is no {schema['type']}"
            return
    if isinstance(value, str) and not (
        re.search(schema.get("pattern", ""), value) and len(value) >= schema.get("minLength", 0)
    ):
        yield f"{place}: {value!r} does not match"
    if isinstance(value, int | float):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        above, below = schema.get("exclusiveMinimum", value - 1), schema.get("exclusiveMaximum", value + 1)
        if not (low <= value <= high and above < value < below):
            yield f"{place}: {value} is out of range"
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{place}: too few items"
        for item in value:
            yield from problems(item, schema.get("items", {}), place)
    if isinstance(value, dict):
        yield from (f"{place}: no {key}" for key in schema.get("required", []) if key not in value)
        others = schema.get("additionalProperties", True)
        for key, item in value.items():
            if key in schema.get("properties", {}):
                yield from problems(item, schema["properties"][key], f"{place}.{key}")
            elif isinstance(others, dict):
                yield from problems(item, others, f"{place}.{key}")
                yield from problems(key, schema.get("propertyNames", {}), f"{place}.{key}")
            elif not others:
                yield f"{place}.{key}: unknown"


def said(values: dict[str, Any]) -> list[str]:
    """What the schema of its kind says of a config."""
    return list(problems(values, OF_KIND.get(values.get("kind", ""), SCHEMA)))


def completed(values: dict[str, Any], smallest: dict[str, Any] = SMALLEST) -> dict[str, Any]:
    """A fragment of a config as a config."""
    if values.get("kind") in OF_KIND:
        return values
    whole = {**smallest, **values}
    for table, value in smallest.items():
        if table in values and isinstance(value, dict):
            whole[table] = {**value, **values[table]}
    return whole


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_config_that_ships_is_as_the_schema_says(path: Path) -> None:
    assert said(tomllib.loads(path.read_text(encoding="utf-8"))) == []


def test_every_block_of_toml_in_the_docs_is_as_the_schema_says() -> None:
    found = [block for page in PAGES for block in blocks(page) if block.kind == "toml"]
    assert len(found) > 3
    for block in found:
        assert said(completed(tomllib.loads(block.text))) == [], block.place


@pytest.mark.parametrize(("key", "smallest"), EVERY_KEY, ids=lambda value: getattr(value, "dotted", ""))
def test_a_keys_example_is_as_the_schema_says_and_its_misspelling_is_not(
    key: keys.Key, smallest: dict[str, Any]
) -> None:
    ((name, value),) = tomllib.loads(key.example[0]).items()
    for written, expected in ((name, True), (f"{name}x", False)):
        within: dict[str, Any] = {written: value}
        for table in reversed(key.table.split(".") if key.table else []):
            within = {table: within}
        assert (said(completed(within, smallest)) == []) is expected, written


@pytest.mark.parametrize(
    "wrong",
    [
        {"traning": {}},
        {"data": {"task": "tagging"}},
        {"task": "translation"},
        {"name": "a/b"},
        {"training": {"epochs": "2"}},
        {"training": {"epochs": 0}},
        {"data": {"header": 1}},
        {"data": {"train": [1]}},
        {"gate": {"min": {"accuracy": 85}}},
        {"model": {"base": None}},
    ],
    ids=str,
)
def test_what_the_settings_refuse_for_itself_the_schema_refuses(wrong: dict[str, Any]) -> None:
    assert list(problems(completed(wrong), SCHEMA)) != []


def test_what_is_missing_is_said() -> None:
    without = {table: value for table, value in SMALLEST.items() if table != "model"}
    assert list(problems(without, SCHEMA)) == [": no model"]


def test_every_key_is_described() -> None:
    found = run_schema()
    for key in keys.every_key():
        properties = found["$defs"][keys.tables()[key.table].__name__] if key.table else found
        assert key.meaning in properties["properties"][key.name]["description"]

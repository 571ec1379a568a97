"""A run's TOML file to its settings, with paths made absolute."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from components import tasks
from components.common.errors import InputError
from components.common.suggest import did_you_mean
from components.settings.data import unknown_task
from components.settings.run import Run
from components.settings.toml import TomlSource, parse


def load_config(path: Path, folder: Path | None = None) -> Run:
    """Reads a TOML file.

    Args:
        path: the file.
        folder: directory that relative paths in it are taken from; None: the file's own.

    Raises:
        InputError: no such file, no TOML, an unknown key, a wrong type or value.
    """
    text = read_text(path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # tomllib tells the place at the end of its message only.
        message, _, where = str(error).rstrip(")").rpartition(" (at ")
        found = re.fullmatch(r"line (\d+), (column \d+)", where)
        line, column = found.groups() if found else (text.rstrip().count("\n") + 1, where)
        remedy = "Correct the line: strings need quotes, lists brackets"
        raise InputError(f"{path}:{line}", f"not valid TOML ({message}, {column})", remedy) from None
    source = TomlSource(str(path), text)
    return _located(parse(Run, _with_task(values, source), source), path.resolve().parent if folder is None else folder)


def stated(path: Path) -> dict[str, Any]:
    """What a TOML file that `load_config` takes holds itself: its tables, without any default."""
    return tomllib.loads(read_text(path))


def _with_task(values: dict[str, Any], source: TomlSource) -> dict[str, Any]:
    """The TOML's `task`, which stands at the top, where the settings have it: it says how rows are read."""
    if "task" not in values or not isinstance(values.get("data", {}), dict):
        return values
    if not isinstance(values["task"], str) or values["task"] not in tasks.TASKS:
        raise InputError(source.locate(("task",)), *unknown_task(values["task"]))
    if "task" in values.get("data", {}):
        problem = "`task` stands at the top and in [data] too"
        raise InputError(source.locate(("data", "task")), problem, "Delete the one in [data]")
    others = {key: value for key, value in values.items() if key != "task"}
    return {**others, "data": {**values.get("data", {}), "task": values["task"]}}


def read_text(path: Path) -> str:
    """The text of a config; errors as `load_config`."""
    try:
        # A byte order mark is what some editors put before UTF-8.
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        folder = path.parent if path.parent.is_dir() else Path()
        there = [other.name for other in folder.glob("*.toml")]
        nearest = did_you_mean(path.name, there, lambda name: str(folder / name))
        remedy = f"{nearest}Correct the path" + ("" if nearest else "; pipeline/configs/ holds the configs that ship")
        raise InputError(str(path), "no such file", remedy) from None
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({error.strerror})", "Give a TOML file you may read") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = f"not UTF-8, got the byte 0x{error.object[error.start]:02x}"
        raise InputError(f"{path}:{line}", problem, "Convert the file to UTF-8") from None


def _located(run: Run, folder: Path) -> Run:
    def of(path: str) -> str:
        # Unlike pathlib's, this leaves the name of an unknown user as it is.
        return os.path.normpath(folder / os.path.expanduser(path))  # noqa: PTH111

    def all_of(paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(of, paths))

    data = run.data
    data = dataclasses.replace(
        data, train=all_of(data.train), dev=all_of(data.dev), test=all_of(data.test), files=all_of(data.files)
    )
    schema, initial = run.validation.schema_file, run.training.init_from
    destination, key = run.push.destination, run.push.sign_key
    return dataclasses.replace(
        run,
        data=data,
        validation=dataclasses.replace(run.validation, schema_file=schema and of(schema)),
        model=dataclasses.replace(run.model, base=run.model.base if "://" in run.model.base else of(run.model.base)),
        training=dataclasses.replace(run.training, init_from=initial if initial in ("base", "pushed") else of(initial)),
        push=dataclasses.replace(run.push, destination=destination and of(destination), sign_key=key and of(key)),
    )

"""A run's TOML file to its settings, with paths made absolute."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from components import tasks
from components.common.errors import InputError
from components.common.json_files import is_deep, shown
from components.common.suggest import did_you_mean
from components.settings.kinds import registry
from components.settings.kinds.registry import AnyRun, OfCorpus
from components.settings.push import Push
from components.settings.run import Run
from components.settings.toml import TomlSource, parse
from components.settings.tracking import SQLITE, Tracking

D = TypeVar("D", bound=OfCorpus)

_MOST_BYTES = 1 << 20
"""Of a TOML file; a thousand classes have some ten thousand."""

_MOST_PARTS = 100

_LONG_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}""", re.ASCII
)
"""What tomllib would need minutes for: its work grows with the square of a key's parts."""

_LONG_NUMBER = re.compile(r"[0-9a-fA-F_]{1000,}")


def load_config(path: Path, folder: Path | None = None) -> Run:
    """Reads a TOML file of a fine-tuning.

    Args:
        path: the file.
        folder: as `load_any`.

    Raises:
        InputError: as `load_any`; or it is of another kind of run.
    """
    run = load_any(path, folder)
    if not isinstance(run, Run):
        remedy = "Give the TOML file of a run that trains a model on labelled rows"
        raise InputError(str(path), f"`kind` is {shown(run.kind)}, a fine-tuning was expected", remedy)
    return run


def load_any(path: Path, folder: Path | None = None) -> AnyRun:
    """Reads a TOML file of any kind.

    Args:
        path: the file.
        folder: directory that relative paths in it are taken from; None: the file's own.

    Raises:
        InputError: no such file, no TOML, an unknown key, a wrong type or value.
    """
    text = read_text(path)
    values, source = _values(path, text), TomlSource(str(path), text)
    folder = path.resolve().parent if folder is None else folder
    if (cls := registry.of_values(values)) is None:
        kind, known = values["kind"], list(registry.KINDS)
        nearest = did_you_mean(kind, known, shown) if isinstance(kind, str) else ""
        listed = " or ".join(map(shown, known))
        raise InputError(
            source.locate(("kind",)), f"`kind` is {shown(kind)}, it should be {listed}", f"{nearest}Correct it"
        )
    if issubclass(cls, Run):
        return _located(parse(Run, _with_task(values, source), source), folder)
    return _located_documents(parse(cls, values, source), folder)


def _values(path: Path, text: str) -> dict[str, Any]:
    """What a TOML file holds; errors as `load_any`."""
    if long := _LONG_KEY.search(text):
        problem = f"a key of more than {_MOST_PARTS} names with dots between them"
        raise InputError(_line(path, text, long.start()), problem, "Correct the key: it has a table and a name")
    try:
        values = tomllib.loads(text)
        # Which a hexadecimal number of so many digits does not survive.
        json.dumps(values, default=str)
    except tomllib.TOMLDecodeError as error:
        # tomllib tells the place at the end of its message only.
        message, _, where = str(error).rstrip(")").rpartition(" (at ")
        found = re.fullmatch(r"line (\d+), (column \d+)", where)
        line, column = found.groups() if found else (text.rstrip().count("\n") + 1, where)
        remedy = "Correct the line: strings need quotes, lists brackets"
        raise InputError(f"{path}:{line}", f"not valid TOML ({message}, {column})", remedy) from None
    except RecursionError:
        raise _too_deep(path, text) from None
    except ValueError:
        # Python neither reads nor writes a number of so many digits.
        number = _LONG_NUMBER.search(text)
        place = _line(path, text, number.start()) if number else str(path)
        raise InputError(place, "not valid TOML (a number of thousands of digits)", "Correct the number") from None
    if is_deep(values):
        raise _too_deep(path, text)
    return values


def _line(path: Path, text: str, place: int) -> str:
    return f"{path}:{text.count(chr(10), 0, place) + 1}"


def _too_deep(path: Path, text: str) -> InputError:
    lines = text.split("\n")
    deepest = max(range(len(lines)), key=lambda number: sum(map(lines[number].count, "[{.")))
    problem = "lists or tables are nested too deeply, no setting has more than one in another"
    return InputError(f"{path}:{deepest + 1}", problem, "Correct the line")


def stated(path: Path) -> dict[str, Any]:
    """What a TOML file that `load_any` takes holds itself: its tables, without any default."""
    return tomllib.loads(read_text(path))


def _with_task(values: dict[str, Any], source: TomlSource) -> dict[str, Any]:
    """The TOML's `task`, which stands at the top, where the settings have it: it says how rows are read."""
    if "task" not in values or not isinstance(values.get("data", {}), dict):
        return values
    if not isinstance(values["task"], str) or values["task"] not in tasks.TASKS:
        raise InputError(source.locate(("task",)), *tasks.unknown(values["task"]))
    if "task" in values.get("data", {}):
        problem = "`task` stands at the top and in [data] too"
        raise InputError(source.locate(("data", "task")), problem, "Delete the one in [data]")
    others = {key: value for key, value in values.items() if key != "task"}
    return {**others, "data": {**values.get("data", {}), "task": values["task"]}}


def read_text(path: Path) -> str:
    """The text of a config; errors as `load_any`."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            # It is read more than once.
            raise InputError(str(path), "a pipe or a device, not a file", "Write the config to a file, and name that")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            problem = f"more than {_MOST_BYTES:,} bytes, which no config has"
            raise InputError(str(path), problem, "Give the run's TOML file")
        # A byte order mark is what some editors put before UTF-8.
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
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


NAMED = "run:"
"""Before the name of a pipeline, in place of the path of what it has pushed."""


def _model_from(folder: Path, path: str) -> str:
    """A base model's path made absolute; of the hub, and of another pipeline, it is a name."""
    return path if "://" in path or path.startswith(NAMED) else _from(folder, path)


def _from(folder: Path, path: str) -> str:
    # Unlike pathlib's, this leaves the name of an unknown user as it is.
    return os.path.normpath(folder / os.path.expanduser(path))  # noqa: PTH111


def _located_documents(run: D, folder: Path) -> D:
    corpus = dataclasses.replace(run.corpus, files=tuple(_from(folder, path) for path in run.corpus.files))
    push, tracking = _located_push(run.push, folder), _located_tracking(run.tracking, folder)
    located = dataclasses.replace(run, corpus=corpus, push=push, tracking=tracking)
    path, _ = registry.base_model(run)
    return registry.with_base_model(located, _model_from(folder, path)) if path else located


def _located_push(push: Push, folder: Path) -> Push:
    destination, key = push.destination, push.sign_key
    return dataclasses.replace(
        push, destination=destination and _from(folder, destination), sign_key=key and _from(folder, key)
    )


def _located_tracking(tracking: Tracking, folder: Path) -> Tracking:
    if tracking.mlflow is None or not tracking.mlflow.startswith(SQLITE):
        return tracking
    return dataclasses.replace(tracking, mlflow=SQLITE + _from(folder, tracking.mlflow.removeprefix(SQLITE)))


def _located(run: Run, folder: Path) -> Run:
    def of(path: str) -> str:
        return _from(folder, path)

    def all_of(paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(of, paths))

    data = run.data
    data = dataclasses.replace(
        data, train=all_of(data.train), dev=all_of(data.dev), test=all_of(data.test), files=all_of(data.files)
    )
    schema, initial = run.validation.schema_file, run.training.init_from
    return dataclasses.replace(
        run,
        data=data,
        validation=dataclasses.replace(run.validation, schema_file=schema and of(schema)),
        model=dataclasses.replace(run.model, base=_model_from(folder, run.model.base)),
        training=dataclasses.replace(run.training, init_from=initial if initial in ("base", "pushed") else of(initial)),
        push=_located_push(run.push, folder),
        tracking=_located_tracking(run.tracking, folder),
    )

"""What a config names by the pipeline that has pushed it, `run:NAME` or `run:NAME/VERSION`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from components.common.errors import InputError
from components.settings.kinds import registry
from components.settings.kinds.registry import R
from components.settings.toml import TomlSource
from pipeline.config.load import NAMED


class Pushed(NamedTuple):
    """What a pipeline has pushed."""

    path: Path
    """The version's directory."""
    came_from: dict[str, Any]
    """What it was made of, as a run's manifest keeps it."""


Named = Callable[[str], Pushed]
"""`NAME` or `NAME/VERSION` -> what it means in the root of the runs; raises InputError."""


def resolved(run: R, source: TomlSource, named: Named | None) -> tuple[R, tuple[dict[str, Any], ...]]:
    """A run with the version's directory in place of its name, and what that came from.

    Args:
        run: as it was loaded.
        source: tells lines of its file.
        named: where names are looked up; None: there is no root of runs.

    Raises:
        InputError: there is no such pipeline, or it has pushed nothing.
    """
    given, (table, key) = registry.base_model(run)
    if not given.startswith(NAMED):
        return run, ()
    if named is None:
        problem = f"`{table}.{key}` is {given}, a name in the root of runs, and there is none here"
        remedy = "Give the directory of the version, which `versions` lists; for containers a copy below the TOML's"
        raise InputError(source.locate((table, key)), problem, remedy)
    try:
        found = named(given.removeprefix(NAMED))
    except InputError as error:
        problem = f"`{table}.{key}` is {given}: {error.place}: {error.problem}"
        raise InputError(source.locate((table, key)), problem, error.remedy) from None
    return registry.with_base_model(run, str(found.path)), ({"key": f"{table}.{key}", **found.came_from},)

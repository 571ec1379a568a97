"""Tasks of other installed packages: a package declares each by an entry point, NAME = "MODULE:CLASS", of `GROUP`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from components.common.errors import InputError
from components.tasks.base import Task

GROUP = "bert_pipeline.tasks"


class MissingTaskError(InputError):
    """A task that something was made with, and that this installation does not have, or has with other fields."""


def declared() -> dict[str, list[EntryPoint]]:
    """Task's name -> the entry points of that name: one, unless packages contradict each other."""
    return _declared(tuple(sys.path))


@lru_cache(maxsize=1)
def _declared(_: tuple[str, ...]) -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, []).append(point)
    return found


def check_names(built_in: Iterable[str]) -> None:
    """Refuses packages that declare a name that is taken.

    Raises:
        InputError: it is a built-in task's, or two packages declare it.
    """
    names = set(built_in)
    for name, points in declared().items():
        packages = [_package(point) for point in points]
        if name in names:
            problem = f"the package {packages[0]} declares a task of this name, which is built in"
            raise InputError(f"the task {name}", problem, "Rename the package's task, or uninstall the package")
        if len(points) > 1:
            problem = f"the packages {' and '.join(packages)} both declare it"
            raise InputError(f"the task {name}", problem, "Uninstall one of them")


def package(name: str) -> str:
    """`PACKAGE VERSION` of the package that declares a task; empty: none does."""
    points = declared().get(name)
    return _package(points[0]) if points else ""


def load(name: str) -> type[Task]:
    """The class of a declared task.

    Raises:
        InputError: it cannot be imported, or is no task of that name.
    """
    point = declared()[name][0]
    place, what = f"the task {name}", f"`{point.value}` of the package {_package(point)}"
    try:
        found = point.load()
    except (Exception, SystemExit) as error:
        problem = f"{what} cannot be imported ({type(error).__name__}: {error})"
        raise InputError(place, problem, "Mend the package, or install it again") from error
    if not (isinstance(found, type) and issubclass(found, Task)):
        problem = f"{what} is no subclass of components.tasks.Task"
        raise InputError(place, problem, "Correct the package's entry point")
    if getattr(found, "name", None) != name or not getattr(found, "metrics", ()):
        problem = f"{what} has not the class attributes `name`, {name!r}, and `metrics`, at least one"
        raise InputError(place, problem, "Correct the class; docs/tasks.md has an example")
    for field in fields(found):
        if field.name == "package" or (field.default is MISSING and field.default_factory is MISSING):
            problem = f"{what} has the field `{field.name}`, fields need a default and another name than `package`"
            raise InputError(place, problem, "Correct the class; docs/tasks.md has an example")
    return found


def missing(name: str, made_with: str, why: str = "is not installed here") -> MissingTaskError:
    """What to say where a model or an artifact is read that a package's task made."""
    package = made_with.replace(" ", "==")
    remedy = f"Install {package} where the model is used: on Kubeflow in the image, for Beam on its workers"
    return MissingTaskError(f"the task {name}", f"its package, {made_with}, {why}", remedy)


def sources() -> Iterator[tuple[str, bytes]]:
    """(path, content) of every source file of the packages that declare tasks, and (package, version)."""
    for point in sorted((point for points in declared().values() for point in points), key=lambda p: (p.name, p.value)):
        yield _package(point), b""
        top = point.module.partition(".")[0]
        spec = importlib.util.find_spec(top)
        folders = list(spec.submodule_search_locations or ()) if spec else []
        for folder in map(Path, folders):
            for path in sorted(folder.rglob("*.py")):
                yield f"{top}/{path.relative_to(folder)}", path.read_bytes()
        if spec and spec.origin and not folders:
            yield top, Path(spec.origin).read_bytes()


def _package(point: EntryPoint) -> str:
    distribution: Any = point.dist
    return f"{distribution.name} {distribution.version}"

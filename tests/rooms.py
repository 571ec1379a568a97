"""`make rooms`: the rooms from the top down, how large each is, and which rooms below it imports."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grimp
from rich.console import Console
from rich.table import Table

from tests.checkout import ROOT

LONGEST_FILE, LONGEST_FUNCTION, MOST_FILES = 320, 60, 15
"""Lines of a file and of a function, files of a folder: what is larger is named in `tests/test_rooms.py`, with why."""


class Function(NamedTuple):
    """A function or a method, and how long it is."""

    path: str
    name: str
    lines: int


def layers(package: str) -> list[str]:
    """The rooms of a package from the top down, as pyproject.toml orders them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = (c for c in settings["contracts"] if c.get("containers") == [package])
    return [f"{package}.{room}" for room in contract["layers"]]


def sources() -> list[Path]:
    """Every source file that is no test and no bench."""
    folders = ("pipeline", "components", "data")
    return sorted(
        [*(path for folder in folders for path in (ROOT / folder).rglob("*.py")), ROOT / "pipeline_runner.py"]
    )


def functions() -> Iterator[Function]:
    """Every function of the sources."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield Function(str(path.relative_to(ROOT)), node.name, (node.end_lineno or 0) - node.lineno + 1)


def imported(graph: grimp.ImportGraph, room: str, rooms: list[str]) -> list[str]:
    """The other rooms that a room's files import, in the rooms' order."""
    found = set()
    for module in (room, *graph.find_descendants(room)):
        found |= {
            other
            for other in rooms
            for name in graph.find_modules_directly_imported_by(module)
            if other != room and (name == other or name.startswith(f"{other}."))
        }
    return [other for other in rooms if other in found]


def main() -> None:
    """Prints a line a room."""
    graph = grimp.build_graph("pipeline", "components")
    rooms = [*layers("pipeline"), *layers("components")]
    table = Table("room", "files", "lines", "imports", box=None, pad_edge=False, header_style="dim")
    for room in rooms:
        files = [path for path in (ROOT / room.replace(".", "/")).glob("*.py") if path.name != "__init__.py"]
        lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
        below = ", ".join(name.removeprefix("components.") for name in imported(graph, room, rooms))
        table.add_row(room, str(len(files)), str(lines), below)
    Console(highlight=False).print(table)


if __name__ == "__main__":
    main()

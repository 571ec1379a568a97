"""`make docs`: writes the two reference pages that are made of the code.

docs/configuration.md comes from the settings (`components/settings`): each key's type, default, docstring and example.
docs/commands.md comes from the parser of the command line and from the exit statuses.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import itertools
import re
import sys
import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple

from pydantic.fields import FieldInfo

from components.common import exit_status
from components.settings.data import Data
from components.settings.fields import ADDRESS, Name, several, shown
from components.settings.run import Run
from pipeline.commands import arguments

DOCS = Path(__file__).parent

EXAMPLE = "Example:"
"""In a field's docstring, before its example: TOML lines in backticks, the field's own first, what it needs after."""

_WIDTH = 110

_NAMES = {str: "string", int: "integer", float: "number", bool: "true or false"}

_BOUNDS = {"ge": "at least {:g}", "gt": "greater than {:g}", "le": "at most {:g}", "lt": "less than {:g}"}

_SEE = {
    "run": "how-it-works.md",
    "train-worker": "training.md",
    "show": "operations.md",
    "reproduce": "operations.md",
    "predict": "serving.md",
    "bulk-predict": "scaling.md",
    "embed": "serving.md",
    "match": "serving.md",
    "check-data": "retraining.md",
    "data": "tutorial.md",
    "versions": "operations.md",
    "rollback": "operations.md",
    "prune": "operations.md",
    "export": "airflow.md",
    "begin-run": "airflow.md",
    "run-node": "airflow.md",
    "end-run": "airflow.md",
    "run-container": "kubeflow.md",
}
"""Command -> the page that shows it at work."""


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


def tables() -> dict[str, type]:
    """The settings class of each table, in the order of `Run`."""
    hints = typing.get_type_hints(Run)
    return {
        field.name: hints[field.name]
        for field in dataclasses.fields(Run)
        if dataclasses.is_dataclass(hints[field.name])
    }


def every_key() -> list[Key]:
    """Every key that a TOML file may hold: those above the tables, then table by table."""
    found = [*_keys("", Run, [name for name in _names(Run) if name not in tables()]), *_keys("", Data, ["task"])]
    for table, cls in tables().items():
        found += _keys(table, cls, [name for name in _names(cls) if (table, name) != ("data", "task")])
    return found


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
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and _is_text(below):
            found[statement.target.id] = " ".join(ast.literal_eval(below.value).split())  # type: ignore[attr-defined]
    return found


def _is_text(statement: ast.stmt) -> bool:
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
        bounds = [_BOUNDS[key].format(getattr(one, key)) for one in metadata for key in _BOUNDS if hasattr(one, key)]
        return type_of(parts[0]) + (f", {' and '.join(bounds)}" if bounds else "")
    if origin is Literal:
        return _listed([f"`{shown(part)}`" for part in parts])
    if origin in (UnionType, typing.Union):
        return " or ".join(type_of(part) for part in parts if part is not NoneType)
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


def configuration() -> str:
    """docs/configuration.md."""
    every = every_key()
    lines = [
        "# Configuration reference",
        "",
        *_paragraph(
            "A run is one TOML file. This page lists every key. `make docs` writes it from `components/settings/`, and "
            "a test fails when it is out of date. An unknown key, a wrong type and a value out of range are errors "
            "with the line in the file; [errors.md](errors.md) lists them. `check --config FILE` prints the resolved "
            "settings."
        ),
        "",
        *_paragraph("The smallest file has a `name`, files, a base model and a bound:"),
        "",
        "```toml",
        'name = "tickets"',
        "",
        "[data]",
        'train = "train.tsv"',
        'dev = "dev.tsv"',
        "",
        "[model]",
        'base = "../data/minilm"',
        "",
        "[gate]",
        "min = { accuracy = 0.8 }",
        "```",
        "",
        "| table | what it states |",
        "| --- | --- |",
        "| [above the tables](#above-the-tables) | the name and the task |",
        *(f"| [`[{table}]`](#{table}) | {_linked(_first_sentence(cls))} |" for table, cls in tables().items()),
        "",
        "## Above the tables",
        "",
        *_items([key for key in every if not key.table]),
    ]
    for table, cls in tables().items():
        lines += ["", f"## `[{table}]`", "", *_paragraph(_about(cls)), ""]
        lines += _items([key for key in every if key.table == table])
    return "\n".join(lines) + "\n"


def _about(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split())


def _first_sentence(cls: type) -> str:
    return re.split(r"[.;] ", _about(cls).rstrip("."))[0]


def _items(some: list[Key]) -> Iterator[str]:
    for key in some:
        state = "required" if key.required else f"default `{key.default}`" if key.default else "may be left out"
        yield from _paragraph(f"- **`{key.name}`**: {key.type}; {state}.", "  ")
        yield from _paragraph(key.meaning, "  ", "  ")
        own, *others = key.example
        needs = f" with {', '.join(f'`{line}`' for line in others)}" if others else ""
        yield from _paragraph(f"Example: `{own}`{needs}", "  ", "  ")


def _paragraph(text: str, indent: str = "", first: str = "") -> list[str]:
    return textwrap.wrap(
        _linked(text),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _linked(text: str) -> str:
    # Docstrings name pages of the docs by their path from the root.
    return re.sub(r"docs/([a-z-]+\.md)", r"[\1](\1)", text)


def exit_statuses() -> list[tuple[int, str]]:
    """Each exit status and what it says."""
    found = []
    for name, text in _constants(exit_status).items():
        found.append((getattr(exit_status, name), text))
    return sorted(found)


def _constants(module: ModuleType) -> dict[str, str]:
    """Name -> the string below it, of a module's constants."""
    body = ast.parse(inspect.getsource(module)).body
    return {
        statement.targets[0].id: " ".join(ast.literal_eval(below.value).split())  # type: ignore[attr-defined]
        for statement, below in itertools.pairwise(body)
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name) and _is_text(below)
    }


def commands() -> str:
    """docs/commands.md."""
    every = arguments.commands()
    lines = [
        "# Command reference",
        "",
        *_paragraph(
            "`pipeline_runner.py` is the one command line. Run it with the environment's Python from the directory of "
            "the checkout: `.venv/bin/python pipeline_runner.py COMMAND`. `make docs` writes this page from the "
            "parser, and a test fails when it is out of date; `pipeline_runner.py COMMAND --help` says the same."
        ),
        "",
        "| command | what it does |",
        "| --- | --- |",
        *(f"| [`{name}`](#{name}) | {_summary(command)} |" for name, command in every.items()),
        "",
        "## Exit status",
        "",
        "| status | meaning |",
        "| --- | --- |",
        *(f"| {status} | {text} |" for status, text in exit_statuses()),
    ]
    for name, command in every.items():
        lines += ["", f"## {name}", "", *_about_command(name, command)]
    return "\n".join(lines) + "\n"


def _summary(command: argparse.ArgumentParser) -> str:
    return (command.description or "").split("\n")[0].rstrip(".")


def _about_command(name: str, command: argparse.ArgumentParser) -> Iterator[str]:
    page = f" See [{_SEE[name]}]({_SEE[name]})." if name in _SEE else ""
    yield from _paragraph(" ".join((command.description or "").split()) + page)
    examples = [line.strip() for line in (command.epilog or "").splitlines()[1:]]
    yield from ("", "```", *(f"$ .venv/bin/python {line}" for line in examples), "```", "")
    yield from ("| | |", "| --- | --- |")
    for action in command._actions:
        if "-h" not in action.option_strings:
            yield f"| `{_spelt(action)}` | {action.help}{'; required' if _is_required(action) else ''} |"


def _is_required(action: argparse.Action) -> bool:
    return bool(action.required) and bool(action.option_strings)


def _spelt(action: argparse.Action) -> str:
    """An option or an argument as one types it."""
    value = str(action.metavar or "\\|".join(map(str, action.choices or ())))
    if not action.option_strings:
        return {None: value, "?": f"[{value}]", "*": f"[{value} ...]"}[action.nargs]  # type: ignore[index]
    many = " ..." if action.nargs == "+" else ""
    return " ".join(filter(None, [action.option_strings[0], value + many]))


PAGES = {"configuration.md": configuration, "commands.md": commands}
"""Page -> what writes it."""


def main() -> None:
    """Writes the pages."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        print(f"docs/{name}", file=sys.stderr)


if __name__ == "__main__":
    main()

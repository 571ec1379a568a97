"""Writes docs/configuration.md, docs/commands.md and the JSON Schema of the TOML; `make docs` has tests write the rest.

docs/configuration.md comes from the settings (`components/settings`): each key's type, default, docstring and example.
docs/commands.md comes from the parser of the command line and from the exit statuses. The schema is that of
`docs/schema.py`.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import itertools
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from components.common import exit_status
from components.settings.kinds.pretraining_run import PretrainingRun
from components.settings.kinds.vocabulary_run import VocabularyRun
from docs import keys, schema
from pipeline.commands import arguments

DOCS = Path(__file__).parent

_WIDTH = 110

_SEE = {
    "run": "how-it-works.md",
    "train-worker": "training.md",
    "show": "operations.md",
    "report": "report.md",
    "mistakes": "report.md",
    "compare": "report.md",
    "reproduce": "operations.md",
    "predict": "serving.md",
    "evaluate": "operations.md",
    "bulk-predict": "scaling.md",
    "embed": "serving.md",
    "match": "serving.md",
    "fill": "serving.md",
    "check-data": "retraining.md",
    "data": "tutorial.md",
    "init": "tutorial.md",
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


def configuration() -> str:
    """docs/configuration.md."""
    every = keys.every_key()
    others = keys.own_tables(VocabularyRun)
    every += [key for key in keys.every_key(VocabularyRun) if key.table in others]
    tables = keys.tables() | others
    # Of the same names as a fine-tuning's, with keys of their own.
    again = {table: cls for table, cls in keys.own_tables(PretrainingRun).items() if table not in others}
    lines = [
        "# Configuration reference",
        "",
        *_paragraph(
            "A run is one TOML file. This page lists every key. `make docs` writes it from `components/settings/`, and "
            "a test fails when it is out of date. An unknown key, a wrong type and a value out of range are errors "
            "with the line in the file; [errors.md](errors.md) lists them. `check --all --config FILE` prints "
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
        *(
            f"| [`[{table}]`](#{table.replace('.', '')}) | {_linked(_first_sentence(cls))} |"
            for table, cls in tables.items()
        ),
        *(
            f"| [`[{table}]`, pre-training](#{table}-pre-training) | {_linked(_first_sentence(cls))} |"
            for table, cls in again.items()
        ),
        "",
        "## Above the tables",
        "",
        *_items([key for key in every if not key.table]),
    ]
    for table, cls in tables.items():
        lines += [f"## `[{table}]`", "", *_paragraph(_about(cls)), ""]
        lines += _items([key for key in every if key.table == table])
    for table, cls in again.items():
        lines += [f"## `[{table}]`, pre-training", "", *_paragraph(_about(cls)), ""]
        lines += _items([key for key in keys.every_key(PretrainingRun) if key.table == table], ", pre-training")
    return "\n".join(lines).rstrip() + "\n"


def _about(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split())


def _first_sentence(cls: type) -> str:
    return re.split(r"[.;] ", _about(cls).rstrip("."))[0]


def _items(some: list[keys.Key], of: str = "") -> Iterator[str]:
    for key in some:
        state = "required" if key.required else f"default `{key.default}`" if key.default else "may be left out"
        own, *others = key.example
        needs = f" with {', '.join(f'`{line}`' for line in others)}" if others else ""
        yield from (f"### `{key.dotted}`{of}", "", *_paragraph(f"{key.type}; {state}"), "")
        yield from (*_paragraph(key.meaning), "", *_paragraph(f"Example: `{own}`{needs}"), "")


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(_linked(text), _WIDTH, break_long_words=False, break_on_hyphens=False)


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
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name) and keys.is_text(below)
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
    return " ".join((command.description or "").split("\n\n")[0].split()).rstrip(".")


def _about_command(name: str, command: argparse.ArgumentParser) -> Iterator[str]:
    page = f" See [{_SEE[name]}]({_SEE[name]})." if name in _SEE else ""
    yield from _paragraph(" ".join((command.description or "").split()) + page)
    typed = re.sub(r" \\\n +", " ", command.epilog or "")
    examples = [line.strip() for line in typed.splitlines()[1:]]
    yield from ("", "```", *(f"$ .venv/bin/python {line}" for line in examples), "```", "")
    yield from ("| argument | meaning |", "| --- | --- |")
    for action in command._actions:
        if "-h" not in action.option_strings:
            yield f"| `{_spelt(action)}` | {action.help}{'; required' if _is_required(action) else ''} |"


def _is_required(action: argparse.Action) -> bool:
    return bool(action.required) and bool(action.option_strings)


def _spelt(action: argparse.Action) -> str:
    """An option or an argument as one types it."""
    value = str(action.metavar or "\\|".join(map(str, action.choices or ())))
    if not action.option_strings:
        return {None: value, "?": f"[{value}]", "*": f"[{value} ...]", "+": f"{value} ..."}[action.nargs]  # type: ignore[index]
    many = " ..." if action.nargs == "+" else ""
    return " ".join(filter(None, [action.option_strings[0], value + many]))


PAGES = {
    "configuration.md": configuration,
    "commands.md": commands,
    "../pipeline/configs/run.schema.json": schema.text,
    "../pipeline/configs/vocabulary.schema.json": lambda: schema.text(VocabularyRun),
    "../pipeline/configs/pretraining.schema.json": lambda: schema.text(PretrainingRun),
}
"""Page, or another file by its path from here -> what writes it."""


def main() -> None:
    """Writes the pages."""
    for name, page in PAGES.items():
        path = (DOCS / name).resolve()
        path.write_text(page(), encoding="utf-8")
        print(path.relative_to(DOCS.parent), file=sys.stderr)


if __name__ == "__main__":
    main()

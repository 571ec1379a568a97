"""What the pages say is so: commands parse, configs load, links and files exist, generated pages are current."""

from __future__ import annotations

import dataclasses
import functools
import operator
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bench.common import as_toml
from components.common import exit_status
from components.export import signature_names
from components.settings.kinds.pretraining_run import PretrainingRun
from components.settings.kinds.registry import AnyRun
from components.settings.kinds.vocabulary_run import VocabularyRun
from components.settings.run import Run
from data.samples import SAMPLES
from docs import generate, keys
from pipeline.commands import arguments
from pipeline.config.load import load_any
from pipeline.runs.manifest import Manifest
from pipeline.runs.record import NodeRecord, RunRecord
from tests.checkout import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "data" / "README.md"])

SMALLEST: dict[str, Any] = {
    "name": "docs",
    "data": {"train": "train.tsv", "dev": "dev.tsv"},
    "model": {"base": "base"},
    "gate": {"min": {"accuracy": 0.5}},
}
"""What a fragment of a config is completed with."""

SMALLEST_VOCABULARY: dict[str, Any] = {
    "name": "docs",
    "kind": "vocabulary",
    "corpus": {"files": "a.txt"},
    "gate": {"max": {"unknown_share": 0.1}},
}
"""Likewise one of a run that learns a vocabulary."""

OF_VOCABULARY = [key for key in keys.every_key(VocabularyRun) if key.table in keys.own_tables(VocabularyRun)]
"""The keys that such a run alone has."""

SMALLEST_PRETRAINING: dict[str, Any] = {
    "name": "docs",
    "kind": "pretraining",
    "corpus": {"files": "a.txt"},
    "model": {},
    "gate": {"max": {"mlm_loss": 6.0}},
}
"""Likewise one of a run that pre-trains; an example of its shape says what the model is of."""

OF_PRETRAINING = [key for key in keys.every_key(PretrainingRun) if key.table in ("model", "training")]
"""Its own keys."""

OF_KINDS = [
    *((key, SMALLEST_VOCABULARY) for key in OF_VOCABULARY),
    *((key, SMALLEST_PRETRAINING) for key in OF_PRETRAINING),
]
"""Keys of other kinds than a fine-tuning, and what their examples are completed with."""

EVERY_KEY = [*((key, SMALLEST) for key in keys.every_key()), *OF_KINDS]

ROOMS = ("bench", "components", "data", "docs", "pipeline", "tests")

FETCHED = {f"data/{sample.folder}" for sample in SAMPLES.values()}


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    kind: str
    """What stands behind the opening fence."""
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    found: list[str] | None = None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip().startswith("```"):
            if found is None:
                begin, kind, found = number, line.strip().strip("`"), []
            else:
                yield Block(page, begin, kind, "\n".join(found))
                found = None
        elif found is not None:
            found.append(line)
    assert found is None, f"{page}: a block that is not closed"


def prose(page: Path) -> str:
    """A page without its blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def code_spans(page: Path) -> list[str]:
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(page))]


def shell_lines() -> Iterator[tuple[str, str]]:
    """(place, line) of everything that a page has its reader type."""
    for page in PAGES:
        for block in blocks(page):
            if not block.kind:
                for line in block.text.replace("\\\n", " ").splitlines():
                    yield block.place, line.strip().removeprefix("$ ")
        for span in code_spans(page):
            yield str(page.relative_to(ROOT)), span


def command_lines() -> Iterator[Any]:
    """Everything that is typed behind `pipeline_runner.py`, up to a pipe."""
    for place, line in shell_lines():
        match = re.search(r"(?:^|/python )pipeline_runner\.py (?!COMMAND)(.+)", line)
        if match:
            words = shlex.split(match[1], comments=True)
            end = next((at for at, word in enumerate(words) if word in ("|", ">", "<", ";", "&&")), len(words))
            yield pytest.param(words[:end], id=f"{place} {' '.join(words[:3])}")


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_what_make_docs_writes(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == generate.PAGES[name](), "run `make docs`"


@pytest.mark.parametrize(("key", "smallest"), EVERY_KEY, ids=lambda value: getattr(value, "dotted", ""))
def test_a_key_has_a_meaning_and_an_example_that_loads(key: keys.Key, smallest: dict[str, Any], tmp_path: Path) -> None:
    assert key.meaning.endswith(".")
    assert key.example
    assert next(iter(tomllib.loads(key.example[0]))) == key.name
    values = {name: dict(value) if isinstance(value, dict) else value for name, value in smallest.items()}
    for line in key.example:
        ((name, value),) = tomllib.loads(line).items()
        if not key.table or name == "task":
            values[name] = value
        else:
            functools.reduce(lambda table, part: table.setdefault(part, {}), key.table.split("."), values)[name] = value
    if values.get("kind") == "pretraining" and not values["model"].keys() & {"base", "vocabulary"}:
        values["model"]["vocabulary"] = "words"
    if "files" in values.get("data", {}):
        del values["data"]["train"], values["data"]["dev"]
    run = loaded(values, tmp_path)
    of_task = run.data.task if isinstance(run, Run) else None
    found = operator.attrgetter(key.dotted)(run) if key.table else getattr(run, key.name, of_task)
    assert found not in (None, (), {})


def test_every_key_that_the_settings_take_is_in_the_reference() -> None:
    expected = {"name", "kind", "task"}
    for table, cls in keys.tables().items():
        expected |= {f"{table}.{field.name}" for field in dataclasses.fields(cls)}
    assert {key.dotted for key in keys.every_key()} == expected - {"data.task"} - keys.tables().keys()
    assert {"data", "training", "gate", "kubeflow"} <= set(keys.tables())
    assert set(keys.own_tables(VocabularyRun)) == {"corpus", "vocabulary"}
    expected = {
        f"{table}.{field.name}"
        for table, cls in keys.own_tables(VocabularyRun).items()
        for field in dataclasses.fields(cls)
    }
    assert {key.dotted for key in OF_VOCABULARY} == expected
    assert set(keys.own_tables(PretrainingRun)) == {"corpus", "model", "training"}


def test_every_command_and_every_option_says_what_it_does() -> None:
    for name, command in arguments.commands().items():
        assert command.description, name
        assert command.epilog, name
        for action in command._actions:
            assert action.help, (name, action.dest)


def test_types_and_ranges_are_in_words() -> None:
    found = {key.dotted: key for key in keys.every_key()}
    assert found["training.learning_rate"].type == "number, greater than 0 and less than 1"
    assert found["training.learning_rate"].default == "5e-05"
    assert found["model.pooling"].type == '`"auto"`, `"cls"` or `"mean"`'
    assert found["data.train"].type == "string, or a list of them"
    assert found["kubeflow.cpu"].type == "a table of numbers, at least 0.001 and at most 100,000"
    assert found["beam.workers"].type == "HOST:PORT"
    assert found["training.epochs"].default == ""
    assert [key.dotted for key in keys.every_key() if key.required] == ["name", "model.base"]


def test_every_command_is_shown_outside_the_reference_too() -> None:
    pages = [page for page in PAGES if page.name not in ("commands.md", "CHANGELOG.md")]
    shown = {word for page in pages for span in code_spans(page) for word in span.split()}
    shown |= {parameters.values[0][0] for parameters in command_lines() if "commands.md" not in parameters.id}
    assert set(arguments.commands()) <= shown


@pytest.mark.parametrize("words", command_lines())
def test_a_command_in_the_docs_parses(words: list[str]) -> None:
    # What `...` stands for is the reader's.
    assert arguments.parser("").parse_args([word for word in words if word != "..."]).command == words[0]


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=block.place)
        for page in PAGES
        for block in blocks(page)
        if block.kind.split()[:1] == ["toml"]
    ],
)
def test_a_config_in_the_docs_loads(block: Block, tmp_path: Path) -> None:
    values = tomllib.loads(block.text)
    if block.kind == "toml fragment":
        for name, value in SMALLEST.items():
            values[name] = {**value, **values.get(name, {})} if isinstance(value, dict) else value
    assert loaded(values, tmp_path).name == values["name"]


def loaded(values: dict[str, Any], directory: Path) -> AnyRun:
    path = directory / "run.toml"
    path.write_text(as_toml(values), encoding="utf-8")
    return load_any(path)


def anchors(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", prose(page)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    named = [name for span in code_spans(page) for name in re.findall(r"(?<![\w/])(?:[\w.{}-]+/)+[\w.*{}-]*", span)]
    for name in named:
        fetched = any(name.startswith(folder) for folder in FETCHED)
        if name.split("/")[0] in ROOMS and "{" not in name and not fetched:
            assert list(ROOT.glob(name.rstrip("."))), name


def test_a_target_that_a_page_names_is_one_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, flags=re.MULTILINE))
    named = [(place, name) for place, line in shell_lines() for name in re.findall(r"^make ([a-z][\w-]*)", line)]
    assert {"run", "test", "docs"} <= {name for _, name in named}
    wrong = [(place, name) for place, name in named if name not in targets and not name.endswith("-")]
    assert wrong == []


def test_a_file_that_the_makefile_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(rf"(?<![\w/])(?:{'|'.join(ROOMS)})/[\w./-]+", makefile)
    assert "tests/kubeflow.lock" in named
    assert [name for name in named if not (ROOT / name.rstrip(".")).exists()] == []


def test_the_index_lists_every_page() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / "README.md").read_text(encoding="utf-8")))
    assert listed == {page.name for page in ROOT.glob("docs/*.md")} - {"README.md"}


def test_the_rooms_are_listed_in_their_order_and_no_walk_enters_a_file_twice() -> None:
    page = (ROOT / "docs" / "rooms.md").read_text(encoding="utf-8")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    rooms = [
        f"{package}/{room}/"
        for package in ("pipeline", "components")
        for contract in contracts
        if contract.get("containers") == [package] and "layers" in contract
        for room in contract["layers"]
    ]
    assert re.findall(r"^\| `([\w/]+/)` \|", page, flags=re.MULTILINE) == rooms
    walks = [re.findall(r"^\d+\. `([^`]+)`", walk, flags=re.MULTILINE) for walk in page.split("## The walk of ")[1:]]
    assert len(walks) == 3
    for walk in walks:
        assert len(walk) > 5
        assert len(set(walk)) == len(walk)


def promised(what: str) -> set[str]:
    """The names in the second cell of a row of the table of promises."""
    page = (ROOT / "docs" / "stability.md").read_text(encoding="utf-8")
    (cell,) = re.findall(rf"^\| [^|]*{re.escape(what)}[^|]* \| (.+) \|$", page, flags=re.MULTILINE)
    return set(re.findall(r"`(\w+)`", cell))


def test_what_is_promised_is_there() -> None:
    record = {field.name for cls in (RunRecord, NodeRecord) for field in dataclasses.fields(cls)}
    assert {"state", "evaluations", "pushed"} <= promised("`run.json`") <= record
    assert promised("`manifest.json`") == {field.name for field in dataclasses.fields(Manifest)} - {
        *("checkout", "schema", "sign_key")
    }
    signatures = {value for name, value in vars(signature_names).items() if name.endswith("_SIGNATURE")}
    assert {"serving_default", "token_ids"} <= promised("signatures") <= signatures
    statuses = {value for name, value in vars(exit_status).items() if name.isupper()}
    (cell,) = re.findall(
        r"^\| exit statuses \| ([\d, and]+),",
        (ROOT / "docs" / "stability.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert set(map(int, re.findall(r"\d+", cell))) == statuses

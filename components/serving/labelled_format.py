"""How the rows of a file with labels look that a pushed model is measured on: as those it learned from, or as given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.common import feature_names
from components.common.errors import InputError
from components.rows import columns
from components.rows.files import require_file
from components.rows.tsv import separator
from components.serving import input_format
from components.settings.data import Data
from components.settings.fields import Column
from components.settings.toml import TomlSource, parse
from components.tasks import TASKS

_OF_LABELS = ("scheme", "comments", "allow_no_label")
"""Settings of the training data that say how labels are read."""

_OPTIONS = {"text": "--column", "label": "--label", "slices": "--slice"}

_OF_REMEDIES = (
    (r"set data\.header = false and give the columns as numbers", "give --no-header and the columns as numbers"),
    (r"set data\.header = true", "leave out --no-header"),
    (r"set data\.separator = \"(\S+)\"", "save the file with the separator that the training data has"),
    (r"set data\.quoting = \"csv\"", "save it without quotes, say with quoting=csv.QUOTE_NONE of pandas' to_csv"),
    (r"set data\.format = \"(\w+)\"( and data\.label = )?", lambda found: f"give --format {found[1]}"
     + " and --label " * bool(found[2])),
    (r"set data\.label = ", "give --label "),
    (r"set data\.scheme = \"\w+\"(, which .*)?", "write them in the scheme that the model learned"),
    (r"or list it in data\.labels", "or leave it out: the model knows no other label"),
    (r"(?<!\S)gate\.(min|max)\b", r"--\1"),
    (r"(?<!\S)data\.(text|label|slices)\b", lambda found: _OPTIONS[found[1]]),
)  # fmt: skip
"""What remedies say of a config, and what a command says that has options in place of it."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a user says of a file; columns are names, or numbers from 1."""

    format: str | None
    """As `data.format`; None: as in training, which holds for the columns too."""
    texts: Sequence[str] | None
    label: str | None
    slices: Sequence[str]
    has_header: bool
    """False: line 1 is a row, whatever it was in training."""


@contextmanager
def mistakes_of_options() -> Iterator[None]:
    """Has mistakes speak of options where they would of a config: a pushed model is measured without one.

    Raises:
        InputError: the mistake, in these words.
    """
    try:
        yield
    except InputError as error:
        problem = re.sub(
            r"^data\.(text|label|slices) (?=is |and )", lambda found: f"{_OPTIONS[found[1]]} ", error.problem
        )
        problem = re.sub(r"^gate\.(min|max) (?=names |bounds )", r"--\1 ", problem)
        problem = problem.replace("`data.text`, `label` and `slices` are", "--column, --label and --slice are")
        remedy = error.remedy
        for words, others in _OF_REMEDIES:
            remedy = re.sub(words, others, remedy)
        raise InputError(error.place, problem, remedy) from None


def of_file(card: dict[str, Any], source: Path, given: Given) -> tuple[Data, str | None]:
    """Format and columns of a file, and what to say of its width, as `input_format.note_of_width` has it.

    Args:
        card: of the model, which says how rows looked in training.
        source: the file; read no further than its first lines.
        given: what is otherwise.

    Raises:
        InputError: no such file, or a column or a format that cannot be.
    """
    require_file(source, "Give one file")
    declared = _declared(card, given.format)
    kind, note = declared["format"], None
    named = [*(given.texts or ()), *([given.label] if given.label else []), *given.slices]
    if kind == "tsv" and not all(name.isdecimal() for name in named):
        # A name can only stand in a header.
        declared["header"] = True
    as_declared = {"input": declared | {"predict_text": declared["text"]}}
    texts, header, quoting = input_format.row_format(as_declared, given.texts, given.has_header)
    label, slices = _column(given.label or declared["label"]), [_column(name) for name in given.slices]
    values: dict[str, Any] = {"task": card["task"]["name"], "train": str(source), "dev": str(source), "format": kind}
    values |= {"text": list(texts), "label": label, "slices": slices}
    values |= {name: declared[name] for name in _OF_LABELS if declared.get(name)}
    if kind == "tsv":
        values |= {"separator": separator(quoting), "quoting": "none" if quoting == "none" else "csv"}
        note = input_format.note_of_width(source, as_declared, quoting, bool(named) or not given.has_header)
        if not header and (by_name := next((name for name in (label, *slices) if isinstance(name, str)), None)):
            problem = f"a column is {by_name!r}, but without a header there are no names"
            raise InputError("--no-header", problem, "Give its number, with --label or --slice")
        values |= {"header": header}
        if not header and (width := len(columns.first_fields(source, quoting))) > 1:
            values |= {"columns": width}
    data = parse(Data, values, TomlSource("the options", ""))
    taken = feature_names.RESERVED | {*TASKS[data.task].texts}
    if reserved := sorted(set(columns.read_layout(source, data).slice_names) & taken):
        problem = f"{reserved[0]!r} is a name that the pipeline uses itself"
        raise InputError("--slice", problem, "Rename the column in the file's header")
    return data, note


def _declared(card: dict[str, Any], kind: str | None) -> dict[str, Any]:
    """Columns, header and quoting as in training, or where the format is another one, as that has them by default."""
    trained, task = card["input"], card["task"]["name"]
    if "text" not in trained or "label" not in trained:
        raise InputError("--model", "its card does not say how rows with labels look", "Push the model again")
    labelled = trained.get("labelled", {"format": "tsv", "header": trained["header"]})
    if kind in (None, labelled["format"]):
        return {**trained, **labelled}
    values = {"task": task, "train": "rows", "dev": "rows", "format": kind}
    default = parse(Data, values, TomlSource("the options", ""))
    kept = {name: labelled[name] for name in _OF_LABELS if name in labelled and name != "comments"}
    columns_of = {"text": default.text, "label": default.label, "header": default.header}
    return {"format": kind, "quoting": default.row_quoting, **columns_of, **kept}


def _column(given: Column) -> Column:
    """A column as the settings take it: of digits, a number."""
    return int(given) if isinstance(given, str) and given.isdecimal() else given

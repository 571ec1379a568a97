"""What `check` shows: the DAG and the resolved settings of a config that is in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from components import tasks
from components.export.card import read_card, task_of
from components.leakage import duplicates
from components.leakage.duplicates import Duplicates
from components.rows import label_names, text_statistics
from components.rows.text_statistics import TextStatistics
from components.serving.versions import production
from components.settings.run import Run
from components.settings.serialization import dump
from components.settings.validation import Validation
from components.tasks import Task
from components.training.recipe import Choice
from pipeline.config.missed_words import missed_words
from pipeline.config.preflight import Checked
from pipeline.dag import description
from pipeline.reports.tables import duplicates_table, fact_lines, short_path, text_table
from pipeline.runs.paths import PipelinePaths

_LABELS = 10
"""That are listed with their rows, the least first."""

_WIDTH = 66
"""Characters of a fact in a terminal of 80."""


class Counted(NamedTuple):
    """What is known of the rows, and of which rows it is."""

    texts: Mapping[str, TextStatistics]
    texts_of: str
    duplicates: Mapping[str, Duplicates]
    duplicates_of: str


def check_report(checked: Checked, paths: PipelinePaths, counted: Counted, chosen: Sequence[Choice]) -> RenderableType:
    """The DAG and the resolved settings of a config that is in order, its duplicates, how it fits the tokenizer.

    Args:
        checked: the config.
        paths: where a run of it would keep what.
        counted: of its rows, by split.
        chosen: what Trainer will choose.
    """
    run, config = checked.run, checked.model_config
    files: dict[str, list[str]] = {}
    for split, path in checked.files:
        files.setdefault(split or "rows dealt by hash", []).append(short_path(str(path)))
    model = (
        f"{config.num_hidden_layers} layers, hidden size {config.hidden_size}, {config.num_attention_heads} heads, "
        f"vocabulary {config.vocab_size:,}{'' if checked.has_pooler else ', no pooler: it starts from random values'}"
    )
    about_case, lower_case = checked.tokenizer.about_case, checked.tokenizer.settings.lower_case
    facts = [
        ("task", checked.task.name),
        *((split, ", ".join(names)) for split, names in files.items()),
        *([("spans", ", ".join(map(str, run.data.spans)))] if run.data.spans else []),
        (
            "columns",
            _columns(checked),
        ),
        ("labels", _labels(checked.task)),
        *([("rows of each", _rows_by_label(checked))] if checked.task.has_label_names else []),
        *([("words", str(missed_words(checked)))] if checked.task.per_token else []),
        ("base model", short_path(str(checked.base_model))),
        ("", model),
        ("", ("uncased" if lower_case else "cased") + (f", {about_case}" if about_case else "")),
        *(("chosen", str(choice)) for choice in chosen),
        ("pushed to", short_path(str(paths.serving))),
        *_of_another_kind(checked.task, paths),
    ]
    alone = {short_path(str(path)): label for path, label in checked.alone.items()}
    table = Table.grid(padding=(0, 2))
    for node in description.nodes(run):
        table.add_row(node.id, Text(f"<- {', '.join(node.upstream)}" if node.upstream else "", style="dim"), node.does)
    heading = Text.assemble((run.name, "bold"), "  is in order")
    return Group(
        heading,
        Text(),
        fact_lines(facts),
        Text(),
        *_fit(counted, [str(path) for _, path in checked.files], run.validation),
        *(Text.assemble(("! ", "yellow"), line) for line in label_names.warnings(checked.labels, checked.task, alone)),
        Text(),
        table,
        Text(),
        _settings_table(run),
    )


def _of_another_kind(task: Task, paths: PipelinePaths) -> Iterator[tuple[str, str]]:
    """What is to be said of the model in production before a run, as far as the names of labels are known."""
    version = production(paths.serving)
    path = paths.serving / str(version)
    if version is not None and "task" in read_card(path):
        known = task_of(path)
        if (known.name != task.name or task.labels) and (unlike := tasks.unlike(known, task)):
            yield "in production", f"version {version} {unlike}: a run's model will not be compared with it"


def _fit(counted: Counted, files: list[str], limits: Validation) -> Iterator[RenderableType]:
    """Which rows have equal texts, and how the texts fit the tokenizer."""
    yield duplicates_table(counted.duplicates)
    yield Text(counted.duplicates_of, style="dim")
    for split, found in counted.duplicates.items():
        one = {split: found}
        yield from _marked(duplicates.beyond(one, files, limits), duplicates.warnings(one, files))
    yield Text()
    yield text_table(counted.texts)
    yield Text(counted.texts_of, style="dim")
    for split, texts in counted.texts.items():
        yield from _marked(text_statistics.beyond({split: texts}, limits), text_statistics.warnings({split: texts}))


def _marked(beyond: list[str], warnings: list[str]) -> Iterator[RenderableType]:
    """The limits that stop a run, else what it warns of."""
    for line in [f"{limit}: a run stops at this, where all rows are so" for limit in beyond] or warnings:
        yield Text.assemble(("! ", "bold red" if beyond else "yellow"), line)


def _columns(checked: Checked) -> str:
    layout, task = checked.layout, checked.task
    fields = zip((*task.texts, task.target), (*layout.texts, layout.label or 0), strict=True)
    found = [*fields, *([] if layout.group is None else [("group", layout.group)])]
    return ", ".join(f"{name} is field {place + 1}" for name, place in found) + f" of {layout.width}"


def _labels(task: Task) -> str:
    if task.has_label_names:
        return ", ".join(task.labels) or "those in train"
    allowed = getattr(task, "range", None)
    return f"numbers from {allowed[0]:g} to {allowed[1]:g}" if allowed else "numbers"


def _rows_by_label(checked: Checked) -> str:
    """The labels with the fewest of the rows that were read of train, so that a class of one row is seen."""
    rows = label_names.rows_by_name(checked.labels, checked.task)
    rows.update(dict.fromkeys(checked.task.labels, 0))
    read = checked.labels.total()
    of = f"; of {'all' if checked.labels_of_all else 'the first'} {read:,} rows"
    listed: list[str] = []
    for name, count in sorted(rows.items(), key=lambda one: (one[1], one[0])):
        more = f", and {len(rows) - len(listed):,} more"
        listed.append(f"{name[:20]} {count:,}")
        if len(listed) > _LABELS or len(", ".join(listed) + more + of) > _WIDTH:
            return ", ".join(listed[:-1]) + more + of
    return ", ".join(listed) + of


def _settings_table(run: Run) -> Table:
    table = Table.grid(padding=(0, 2))
    for section, values in json.loads(dump(run)).items():
        if isinstance(values, dict) and section != "data":
            for key, value in values.items():
                table.add_row(Text(f"{section}.{key}", style="dim"), json.dumps(value, ensure_ascii=False))
    return table

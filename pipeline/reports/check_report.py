"""What `check` shows: the DAG and the resolved settings of a config that is in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from components.rows.text_statistics import TextStatistics, beyond, warnings
from components.settings.run import Run
from components.settings.serialization import dump
from components.settings.validation import Validation
from components.tasks import Task
from components.training.recipe import Choice
from pipeline.config.missed_words import missed_words
from pipeline.config.preflight import Checked
from pipeline.dag import description
from pipeline.reports.tables import fact_lines, short_path, text_table
from pipeline.runs.paths import PipelinePaths


def check_report(
    checked: Checked,
    paths: PipelinePaths,
    texts: Mapping[str, TextStatistics],
    counted: str,
    chosen: Sequence[Choice],
) -> RenderableType:
    """The DAG and the resolved settings of a config that is in order, and how its texts fit the tokenizer.

    Args:
        checked: the config.
        paths: where a run of it would keep what.
        texts: split -> the statistics of its texts.
        counted: of which rows these are.
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
        *([("words", str(missed_words(checked)))] if checked.task.per_token else []),
        ("base model", short_path(str(checked.base_model))),
        ("", model),
        ("", ("uncased" if lower_case else "cased") + (f", {about_case}" if about_case else "")),
        *(("chosen", str(choice)) for choice in chosen),
        ("pushed to", short_path(str(paths.serving))),
    ]
    table = Table.grid(padding=(0, 2))
    for node in description.nodes(run):
        table.add_row(node.id, Text(f"<- {', '.join(node.upstream)}" if node.upstream else "", style="dim"), node.does)
    heading = Text.assemble((run.name, "bold"), "  is in order")
    return Group(
        heading,
        Text(),
        fact_lines(facts),
        Text(),
        *_fit(texts, counted, run.validation),
        Text(),
        table,
        Text(),
        _settings_table(run),
    )


def _fit(texts: Mapping[str, TextStatistics], counted: str, limits: Validation) -> Iterator[RenderableType]:
    """How the texts fit the tokenizer."""
    yield text_table(texts)
    yield Text(counted, style="dim")
    for split, found in texts.items():
        stops = [f"{limit}: a run stops at this, where all rows are so" for limit in beyond({split: found}, limits)]
        for line in stops or warnings({split: found}):
            yield Text.assemble(("! ", "bold red" if stops else "yellow"), line)


def _columns(checked: Checked) -> str:
    layout, task = checked.layout, checked.task
    fields = zip((*task.texts, task.target), (*layout.texts, layout.label or 0), strict=True)
    return ", ".join(f"{name} is field {place + 1}" for name, place in fields) + f" of {layout.width}"


def _labels(task: Task) -> str:
    if task.has_label_names:
        return ", ".join(task.labels) or "those in train"
    allowed = getattr(task, "range", None)
    return f"numbers from {allowed[0]:g} to {allowed[1]:g}" if allowed else "numbers"


def _settings_table(run: Run) -> Table:
    table = Table.grid(padding=(0, 2))
    for section, values in json.loads(dump(run)).items():
        if isinstance(values, dict) and section != "data":
            for key, value in values.items():
                table.add_row(Text(f"{section}.{key}", style="dim"), json.dumps(value, ensure_ascii=False))
    return table

"""What `check` shows: the DAG and the resolved settings of a config that is in order."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from components import tasks
from components.export.card import read_card
from components.export.card_task import task_of
from components.leakage import duplicates
from components.leakage.duplicates import Duplicates
from components.pretrained.head_weights import has_masked_language_model
from components.rows import label_names, text_statistics
from components.rows.reader import Row
from components.rows.text_statistics import TextStatistics
from components.serving.versions import production
from components.settings.data import SPLITS
from components.settings.run import Run
from components.settings.serialization import dump
from components.settings.validation import Validation
from components.tasks import Task
from components.tasks.generation.task import Generation
from components.training.recipe import Choice
from components.verdict import sample_size
from pipeline.config import in_words
from pipeline.config.missed_words import missed_words
from pipeline.config.preflight import Checked
from pipeline.config.surveyed import Frequent, Survey
from pipeline.config.target_sample import target_sample
from pipeline.dag import description
from pipeline.reports.tables import Hanging, duplicates_table, fact_lines, new_table, short_path, text_table
from pipeline.runs.paths import PipelinePaths

_MOST, _FEWEST = 6, 5
"""Labels that are listed with their rows: those with the most, and those with the fewest."""

_NAME_WIDTH = 40
"""Characters of a label's name in a table of its own, at most."""

_LABEL_WIDTH = 16
"""Characters of a label beside its text, at most."""

_IN_FACTS = ("task", *SPLITS, "files", "spans", "text", "label", "labels", "group")
"""Settings of [data] that stand above the others."""

_OTHERS = "all other settings have their defaults: --all lists them"


class Counted(NamedTuple):
    """What is known of the rows, and of which rows it is."""

    survey: Survey
    texts: Mapping[str, TextStatistics]
    texts_of: str
    duplicates: Mapping[str, Duplicates]
    duplicates_of: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        found = self.survey
        return {
            "counts": {
                "of": found.of,
                "rows": found.rows,
                "labels": {split: dict(found.by_name(split)) for split in found.labels if not found.numbers},
                "unlabelled": {split: found.unlabelled(split) for split in found.labels if not found.numbers},
                "numbers": {split: dataclasses.asdict(numbers) for split, numbers in found.numbers.items()},
                "bad_rows": found.bad,
                "header_like": {"rows": found.headers, "first": found.headers_at},
            },
            "frequent_texts": [dataclasses.asdict(one) for one in found.frequent],
            "texts": {split: dataclasses.asdict(of_split) for split, of_split in self.texts.items()},
            "texts_of": self.texts_of,
            "duplicates": {split: dataclasses.asdict(of_split) for split, of_split in self.duplicates.items()},
            "duplicates_of": self.duplicates_of,
        }


def check_report(
    checked: Checked,
    paths: PipelinePaths,
    counted: Counted,
    chosen: Sequence[Choice],
    stated: Mapping[str, Any] | None,
) -> RenderableType:
    """The DAG and the resolved settings of a config that is in order, its rows, how they fit the tokenizer.

    Args:
        checked: the config.
        paths: where a run of it would keep what.
        counted: of its rows, by split.
        chosen: what Trainer will choose.
        stated: what the TOML file holds, whose settings are shown; None: all are.
    """
    run = checked.run
    heading = Text.assemble((run.name, "bold"), "  is in order")
    return Group(
        heading,
        Text(),
        fact_lines(_facts(checked, paths, chosen)),
        Text(),
        _rows_table(counted.survey.first, checked.task),
        Text(),
        *_counts(counted.survey, checked.task),
        *_set_off(_marked([], warnings(checked, counted.survey))),
        Text(),
        *_enough(checked, counted),
        *_fit(counted, [str(path) for _, path in checked.files], run.validation),
        Text(),
        *_dag(run),
        Text(),
        _settings(run, stated),
        *([] if stated is None else [Hanging(Text(), Text(_OTHERS, "dim"))]),
    )


def warnings(checked: Checked, found: Survey) -> list[str]:
    """What a person should know of the rows before a run, a line each; `text_statistics` and `duplicates` have more."""
    alone = {short_path(str(path)): label for path, label in checked.alone.items()}
    warned = label_names.warnings(found.labels["train"], checked.task, alone)
    if checked.quoted is not None:
        remedy = 'if its quotes are those of CSV, as pandas writes them, set data.quoting = "csv"'
        warned.append(f"the text in {short_path(checked.quoted)} looks quoted: {remedy}")
    if found.headers:
        rows = f"{found.headers:,} row{'s look' if found.headers > 1 else ' looks'} like a header"
        warned.append(f"{rows}, as {' and '.join(map(short_path, found.headers_at))}: delete what is no row")
    if bad := found.first_bad:
        rows = f"{found.bad:,} row{'s break a rule and go' if found.bad > 1 else ' breaks a rule and goes'}"
        warned.append(f"{rows} into quarantine, the first: {short_path(bad.path)}:{bad.line}: {bad.problem}")
    return warned


def _facts(checked: Checked, paths: PipelinePaths, chosen: Sequence[Choice]) -> list[tuple[str, str]]:
    run, config = checked.run, checked.model_config
    files: dict[str, list[str]] = {}
    for split, path in checked.files:
        files.setdefault(split or "rows dealt by hash", []).append(short_path(str(path)))
    model = (
        f"{config.num_hidden_layers} layers, hidden size {config.hidden_size}, {config.num_attention_heads} heads, "
        f"vocabulary {config.vocab_size:,}{'' if checked.has_pooler else ', no pooler: it starts from random values'}"
    )
    about_case, lower_case = checked.tokenizer.about_case, checked.tokenizer.settings.lower_case
    return [
        ("task", checked.task.name),
        *((split, ", ".join(names)) for split, names in files.items()),
        *([("spans", ", ".join(map(str, run.data.spans)))] if run.data.spans else []),
        (
            "columns",
            in_words.columns(checked),
        ),
        ("labels", in_words.labels(checked.task)),
        *([("words", str(missed_words(checked)))] if checked.task.per_token else []),
        *_targets(checked),
        ("base model", short_path(str(checked.base_model))),
        ("", model),
        ("", ("uncased" if lower_case else "cased") + (f", {about_case}" if about_case else "")),
        *(("chosen", str(choice)) for choice in chosen),
        ("pushed to", short_path(str(paths.serving))),
        *_of_another_kind(checked.task, paths),
    ]


def _targets(checked: Checked) -> Iterator[tuple[str, str]]:
    """What becomes of targets, where texts are written."""
    if isinstance(checked.task, Generation):
        run, size = checked.run, checked.model_config.vocab_size
        yield "targets", str(target_sample(run, checked.task, checked.tokenizer, size, checked.files))
        if not has_masked_language_model(checked.base_model):
            yield "", "no head for masked tokens in the base model: it starts from random values"


def _dag(run: Run) -> Iterator[RenderableType]:
    for node in description.nodes(run):
        needs = (f"  <- {', '.join(node.upstream)}", "dim") if node.upstream else ""
        yield Hanging(Text(f"{node.id:<18}"), Text.assemble(node.does, needs))


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
    yield Hanging(Text(), Text(counted.duplicates_of, "dim"))
    for split, found in counted.duplicates.items():
        one = {split: found}
        yield from _marked(duplicates.beyond(one, files, limits), duplicates.warnings(one, files))
    yield Text()
    yield text_table(counted.texts)
    yield Hanging(Text(), Text(counted.texts_of, "dim"))
    for split, texts in counted.texts.items():
        yield from _marked(text_statistics.beyond({split: texts}, limits), text_statistics.warnings({split: texts}))


def sample_size_of(checked: Checked, counted: Counted) -> dict[str, Any]:
    """The rows that the gate looks at, and what it asks of them, as JSON can hold it; empty: they are not known."""
    split = checked.run.data.gated
    if (found := counted.duplicates.get(split)) is None:
        return {}
    asked = checked.run.gate, checked.task, found.rows, split
    warned, power = sample_size.warnings(*asked), list(sample_size.about_power(*asked))
    return {"split": split, "rows": found.rows, "warnings": warned, "power": power}


def _enough(checked: Checked, counted: Counted) -> Iterator[RenderableType]:
    """What the gate asks, and whether the rows that it looks at are enough to say it."""
    if not (found := sample_size_of(checked, counted)):
        return
    yield from (Hanging(Text("no_worse  ", "dim"), Text(line)) for line in found["power"])
    yield from _marked([], found["warnings"])
    if found["power"] or found["warnings"]:
        yield Text()


def _set_off(lines: Iterator[RenderableType]) -> Iterator[RenderableType]:
    """Lines with an empty one before them, if there are any."""
    if found := list(lines):
        yield Text()
        yield from found


def _marked(beyond: list[str], warnings: list[str]) -> Iterator[RenderableType]:
    """The limits that stop a run, else what it warns of."""
    for line in [f"{limit}: a run stops at this, where all rows are so" for limit in beyond] or warnings:
        yield Hanging(Text("! ", "bold red" if beyond else "yellow"), Text(line))


def _counts(found: Survey, task: Task) -> Iterator[RenderableType]:
    """Rows and labels by split, and the texts that most rows have."""
    splits = [split for split, rows in found.rows.items() if rows]
    if found.numbers:
        table = new_table("labels", "rows", "least", "mean", "greatest")
        for split, numbers in found.numbers.items():
            values = (numbers.least, numbers.mean, numbers.greatest)
            table.add_row(split, f"{found.rows[split]:,}", *(f"{value:.4g}" for value in values))
    else:
        table = new_table("labels", *splits)
        for name, counts in _lines(found, task, splits):
            table.add_row(name, *(f"{count:,}" for count in counts))
    yield table
    yield Hanging(Text(), Text(found.of, "dim"))
    if found.frequent:
        yield Text()
        yield _frequent_table(found.frequent, splits, len(task.texts))


def _lines(found: Survey, task: Task, splits: Sequence[str]) -> Iterator[tuple[Text | str, list[int]]]:
    """The lines of the table of labels: all rows, the labels with the most and those with the fewest of train."""
    yield Text("all rows", "dim"), [found.rows[split] for split in splits]
    counts = {split: found.by_name(split) if task.has_label_names else found.labels[split] for split in splits}
    # Where all labels are different, they are counted together, without a name.
    names = sorted({*task.labels, *chain.from_iterable(counts.values())} - {""})
    names.sort(key=lambda name: -counts[splits[0]][name])
    rest = names[_MOST:-_FEWEST] if len(names) > _MOST + _FEWEST + 1 else []
    for place, name in enumerate(names):
        if name not in rest:
            yield label(name), [counts[split][name] for split in splits]
        elif place == _MOST:
            yield Text(f"{len(rest):,} more", "dim"), [sum(counts[split][one] for one in rest) for split in splits]
    if task.has_label_names and any(none := [found.unlabelled(split) for split in splits]):
        yield Text("none of them", "dim"), none


def label(name: str) -> str:
    """As much of a label as a table has room for."""
    return name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"


def _frequent_table(found: Sequence[Frequent], splits: Sequence[str], texts: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    for split in splits:
        table.add_column(split, justify="right", no_wrap=True)
    for number in range(texts):
        table.add_column("" if number else "most frequent texts", no_wrap=True, overflow="ellipsis", ratio=1)
    for one in found:
        cells = [Text(text.replace("\n", "\\n")) for text in one.texts]
        table.add_row(*(f"{one.rows.get(split, 0):,}" for split in splits), *cells)
    return table


def _rows_table(rows: Sequence[Row], task: Task) -> Table:
    """A line a row, each field as it is read, cut to what a terminal has room for."""
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    widest = max(len(task.target), *(len(row.label) for row in rows))
    for name, width in (("split", len("train")), (task.target, min(widest, _LABEL_WIDTH))):
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=width, max_width=_LABEL_WIDTH)
    for name in task.texts:
        table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        table.add_row(*(Text(field.replace("\n", "\\n")) for field in (row.split, row.label, *row.texts)))
    return table


def _settings(run: Run, stated: Mapping[str, Any] | None) -> Group:
    """The settings that the TOML file states, but for those of which the facts tell; or all."""
    found = [
        (f"{section}.{key}", json.dumps(value, ensure_ascii=False))
        for section, values in json.loads(dump(run)).items()
        if isinstance(values, dict)
        for key, value in values.items()
        if not (section == "data" and key in _IN_FACTS) and (stated is None or key in stated.get(section, {}))
    ]
    return fact_lines(found, max((len(key) for key, _ in found), default=0))

"""`check-data`: rows of a TSV file beside those that a run's model learned from."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from components.common import json_text, streams
from components.common.errors import Failure, InputError
from components.common.exit_status import DONE, WRONG_INPUT
from components.drift.data_comparison import DataComparison
from components.export.card import read_card
from components.export.card_task import task_of
from components.rows import reader, tsv
from components.rows.files import require_file
from components.serving import input_format
from components.settings.data import Data
from components.settings.run import Run
from components.tasks import Task
from pipeline.runs import manifest
from pipeline.runs.manifest import Manifest
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.pushed_versions import version_of


def compare_rows(
    source: Path, directory: Path, columns: Sequence[str] | None, label: str | None, has_header: bool
) -> DataComparison:
    """Compares, by the limits in the run's config.

    Args:
        source: a TSV file, with or without labels.
        directory: of a run that came to its end.
        columns: the texts', if they are others than in training.
        label: the label's; None: as in training, where a header names it.
        has_header: whether line 1 names the columns, if the training data had a header.

    Raises:
        InputError: a file that cannot be read, no such column, a row that breaks a rule, or the model is gone.
    """
    before = manifest.read_ended(directory)
    run = before.settings
    if not isinstance(run, Run):
        raise InputError(before.run, f"of the kind {run.kind}, which learns no labels", "Give a run that fine-tunes")
    model = _model(before, directory)
    task = task_of(model)
    data = run.data
    if data.format != "tsv":
        given = {"--column": bool(columns), "--label": label is not None, "--no-header": not has_header}
        if wrong := [option for option, is_given in given.items() if is_given]:
            problem = "the run's rows are in CoNLL's format, which has no header, and whose columns its config numbers"
            raise InputError(wrong[0], problem, "Leave it out")
        rows = _sentences(source, data, task)
    else:
        rows = _rows(source, read_card(model)["input"] | {"header": data.header}, task, columns, label, has_header)
    first = list(islice(rows, 1))
    if not first:
        raise InputError(str(source), "no rows in it", "Give a file with rows")
    with streams.hidden_stderr():
        from components.drift import distance, profile

        learned = profile.read(model)
        if learned is None:
            raise InputError(str(model), "has no profile of its data", "Run the pipeline again")
        tokenizer = profile.Profiler(model, task)
        found = tokenizer.profile(chain(first, rows))
    limits = run.drift
    measures = distance.compare(learned, found, limits)
    older = distance.not_compared(learned)
    return DataComparison(before.run, str(model), [one.as_dict() for one in measures], older, limits.on_drift == "fail")


def _sentences(source: Path, data: Data, task: Task) -> Iterator[tuple[tuple[str, ...], str | None]]:
    require_file(source, "Give one file")
    for row in reader.read_rows(source, "train", data, task.check_row):
        if isinstance(row, tsv.BadRow):
            raise row.error()
        yield row.texts, row.label


def _rows(
    source: Path,
    trained_on: dict[str, Any],
    task: Task,
    columns: Sequence[str] | None,
    label: str | None,
    has_header: bool,
) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """(texts, label) of each row; the label is None where the file has none."""
    as_trained = {"input": trained_on | {"predict_text": trained_on["text"]}}
    texts_of, header, quoting = input_format.row_format(as_trained, columns, has_header)
    if len(texts_of) != len(task.texts):
        problem = f"got {len(texts_of)} columns of text, rows for {task.name} have {len(task.texts)}"
        raise InputError("--column", problem, "Give --column once for each")
    names, rows = reader.read_texts(source, texts_of, header, quoting)
    index = None
    if names is not None and (wanted := label or trained_on.get("label")) in names:
        index = names.index(wanted)
    elif label is not None and label.isdecimal() and int(label) > 0:
        index = int(label) - 1
    elif label is not None:
        problem = f"got {label!r}, the header has {', '.join(map(repr, names))}" if names else f"got {label!r}"
        raise InputError("--label", problem, "Give a name of the header, or a number from 1")
    for line, fields, texts, _ in rows:
        if index is not None and index >= len(fields):
            raise InputError("--label", f"number {label}, rows of {source} have {len(fields)} fields", "Correct it")
        found = None if index is None else task.clean_label(fields[index])
        # Of names, one that the model does not know is what is looked for; a number has to be one.
        if found is not None and task.numeric and (broken := task.check_row(texts, found)):
            raise InputError(f"{source}:{line}", *broken)
        yield texts, found


def _model(before: Manifest, directory: Path) -> Path:
    """The run's model, or a pushed version of it if its artifacts were pruned."""
    model = Path(before.result["model"])
    if not model.is_dir():
        # The manifest of an older run knows the weights alone.
        known_as = before.result.get("identity", before.result["weights_sha256"])
        found = version_of(PipelinePaths.of_run(before.settings, directory).serving, known_as)
        if found is None:
            raise InputError(str(model), "the run's model is gone", "Give a run that `prune` has kept")
        return found
    return model


def execute(options: argparse.Namespace) -> int:
    from pipeline.reports import run_report, tables
    from pipeline.runs.record import find

    (*_, directory) = find(options.root, options.against)
    found = compare_rows(options.rows, directory, options.column, options.label, not options.no_header)
    exceeded = [one["name"] for one in found.measures if one["exceeded"]]
    problem = f"not like the rows that run {found.run} learned from: {', '.join(exceeded)} beyond the limit"
    unlike = InputError(str(options.rows), problem, "Correct the rows, or train on rows like them")
    fails = bool(exceeded) and found.fails
    if options.json:
        failure = Failure.of(unlike, WRONG_INPUT).document() if fails else {}
        print(json_text.dumps(dataclasses.asdict(found) | failure))
    else:
        tables.console(sys.stdout).print(run_report.drift_table(found))
    if fails:
        print(f"error: {unlike}", file=sys.stderr)
    return WRONG_INPUT if fails else DONE

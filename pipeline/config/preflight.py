"""One TOML file to one checked run: every mistake that can be found without TensorFlow is found here."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from components import tasks
from components.common import feature_names
from components.common.errors import InputError
from components.common.suggest import did_you_mean
from components.export import card
from components.model.config import BertConfig
from components.pretrained import base_model as base_models
from components.pretrained import encoder_weights, hub
from components.rows import columns, data_spans, label_names, reader, tsv
from components.rows.files import InputFiles, find_files, of_train, readable
from components.settings.data import SPAN, Data
from components.settings.kinds.registry import AnyRun
from components.settings.run import Run
from components.settings.toml import TomlSource
from components.tasks import Task, own
from components.tasks.generation.task import Generation
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import Tokenizer
from components.verdict import gate
from pipeline.beam import options
from pipeline.config import target_sample
from pipeline.config.corpus_preflight import CheckedCorpus, check_corpus_run
from pipeline.config.load import load_any, load_config, read_text
from pipeline.config.named import Named, resolved
from pipeline.config.push_checks import check_formats, check_push

PREFLIGHT_ROWS = 1000
"""Rows of each file that are read before anything starts, so that the common mistakes show at once."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A run whose files exist and fit together."""

    run: Run
    path: Path
    """The TOML file."""
    base_model: Path
    """The base model's directory, fetched if need be; in Google's form also a path prefix."""
    model_config: BertConfig
    has_pooler: bool
    tokenizer: Tokenizer
    files: InputFiles
    layout: columns.Layout
    task: Task
    """Without labels where they will be read from train."""
    newest: Data
    """The newest span of the data."""
    alone: dict[Path, str]
    """File -> a label of train that its line 1 alone has."""
    quoted: str | None
    """File and line of a text that looks quoted as CSV is, and was not read so; None: there is none."""
    came_from: tuple[dict[str, Any], ...] = ()
    """What a base model came from that another pipeline has pushed."""


AnyChecked = Checked | CheckedCorpus


def check_any(path: Path, named: Named | None = None) -> AnyChecked:
    """Validates a config of any kind against its files.

    Args:
        path: the TOML file.
        named: tells what `run:NAME` means; None: nothing.

    Raises:
        InputError: the first thing that is wrong.
    """
    run, source = load_any(path), TomlSource(str(path), read_text(path))
    run, came_from = resolved(run, source, named)
    if isinstance(run, Run):
        _check_spans(run, source)
    return dataclasses.replace(check_run(run, path, source), came_from=came_from)


def check(path: Path) -> Checked:
    """Validates the config of a fine-tuning against the real files and the base model's directory.

    Raises:
        InputError: the first thing that is wrong.
    """
    run, source = load_config(path), TomlSource(str(path), read_text(path))
    _check_spans(run, source)
    return _check_run(run, path, source)


def _check_spans(run: Run, source: TomlSource) -> None:
    if run.data.spans and not any(SPAN in pattern for _, pattern in run.data.patterns):
        problem = f"`data.spans` is {list(run.data.spans)}, but no path holds {SPAN}"
        raise InputError(
            source.locate(("data", "spans")), problem, "Delete it, or give paths such as data/span-{SPAN}/train.tsv"
        )


def check_run(run: AnyRun, path: Path, source: TomlSource) -> AnyChecked:
    """The same of a run that is loaded: `path` is what it was loaded from, `source` tells lines of that file."""
    if not isinstance(run, Run):
        return check_corpus_run(run, path, source, PREFLIGHT_ROWS)
    return _check_run(run, path, source)


def _check_run(run: Run, path: Path, source: TomlSource) -> Checked:
    if tasks.TASKS[run.data.task].per_token and run.data.most_words is None:
        run = dataclasses.replace(run, data=dataclasses.replace(run.data, most_words=run.model.most_words))
    data = data_spans.resolved(run.data)
    newest = data_spans.newest(run.data, data.spans)
    run = dataclasses.replace(run, data=data)
    own.check_names(tasks.BUILT_IN)
    task = tasks.from_settings(run.data)
    _check_names(run, task, source)
    base_model = hub.resolve(run.model.base)
    config = base_models.read_config(base_model)
    tokenizer = read_tokenizer(base_model, parses_control_tokens=run.model.parses_control_tokens)
    has_pooler = encoder_weights.check_weights(base_model, config)
    if run.model.max_length > config.max_position_embeddings:
        limit = config.max_position_embeddings
        problem = f"`model.max_length` is {run.model.max_length}, the base model takes at most {limit} tokens"
        raise InputError(source.locate(("model", "max_length")), problem, "Lower it, or take another base model")
    if isinstance(task, Generation):
        target_sample.check(run, task, base_model, tokenizer, source)
    layers = config.num_hidden_layers
    if (run.training.freeze_layers or 0) > layers:
        problem = f"`training.freeze_layers` is {run.training.freeze_layers}, the base model has {layers} layers"
        raise InputError(source.locate(("training", "freeze_layers")), problem, f"Give at most {layers}")
    files = find_files(run.data)
    if len(task.texts) > 1 and not task.bi_encoder and config.type_vocab_size < 2:
        problem = f"the task {task.name} needs 2 segments, the base model has {config.type_vocab_size}"
        raise InputError(source.locate(("model", "base")), problem, "Take another base model")
    layout, labels, quoted = _check_rows(run.data, files, task, source)
    _check_floors(run, layout, source)
    if isinstance(task, Generation):
        target_sample.check_lengths(run, task, tokenizer, files)
    names = task.labels or label_names.rows_by_name(labels, task)
    alone = label_names.check_headers(files, run.data, names)
    small = all(_is_small(run.data, path) for _, path in of_train(files))
    if small:
        # The first rows of others may be alike because the file is sorted.
        _check_numbers(files, labels, task)
    if task.has_label_names and not task.labels and small:
        # A mistake in a name need not wait for a node to read train.
        known = label_names.task_of(files, run.data)
        _check_names(run, known, source)
        _check_rows(run.data, files, known, source)
    if run.validation.schema_file is not None and not Path(run.validation.schema_file).is_file():
        remedy = "Leave it out to have a schema inferred; a run keeps it under SchemaGen, to copy, review and use here"
        problem = f"`validation.schema_file` is {run.validation.schema_file}, no such file"
        raise InputError(source.locate(("validation", "schema_file")), problem, remedy)
    if run.validation.schema_file is not None:
        _check_schema(Path(run.validation.schema_file))
    check_push(run.push, source)
    check_formats(run, task, base_model, source)
    options.check(run.beam, source)
    _check_initial(run.training.init_from, source)
    return Checked(run, path, base_model, config, has_pooler, tokenizer, files, layout, task, newest, alone, quoted)


def _check_schema(path: Path) -> None:
    """Refuses a schema that TensorFlow Data Validation could not read."""
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        with readable(path):
            text_format.Parse(path.read_text(encoding="utf-8"), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise InputError(str(path), f"not a schema in protobuf's text form ({error})", "Correct the line") from None


def _check_names(run: Run, task: Task, source: TomlSource) -> None:
    """Holds the metrics and label names in the settings against the task's, as far as these are known."""
    gate.check(run.gate, task, source.locate(("gate",)))
    if run.training.metric is not None and (wrong := task.check_metric(run.training.metric)):
        raise InputError(source.locate(("training", "metric")), f"`training.metric` {wrong[0]}", wrong[1])
    if isinstance(run.training.class_weights, dict) and task.labels:
        known = task.weight_names
        unknown = sorted(set(run.training.class_weights) - set(known))
        if unknown:
            kind = "tags" if task.per_token else "labels"
            problem = f"`training.class_weights` names {unknown[0]!r}, the {kind} are {', '.join(known)}"
            remedy = f"{did_you_mean(unknown[0], known)}Correct the name"
            raise InputError(source.locate(("training", "class_weights", unknown[0])), problem, remedy)


def _check_floors(run: Run, layout: columns.Layout, source: TomlSource) -> None:
    """Refuses floors for slices that there are not."""
    known = [*layout.slice_names, feature_names.LENGTH_BUCKET]
    for name in run.gate.slices.features or ():
        if name not in known:
            problem = f"`gate.slices.features` names {name!r}, metrics are sliced by {', '.join(known)}"
            remedy = f"{did_you_mean(name, known)}Correct it, or add the column to data.slices"
            raise InputError(source.locate(("gate", "slices", "features")), problem, remedy)


def _check_initial(init_from: str, source: TomlSource) -> None:
    """Refuses a directory to start from that is no pushed version."""
    path = Path(init_from)
    # Other digits than ASCII's name another version than the one that is looked at here.
    is_version = path.name.isascii() and path.name.isdecimal()
    if init_from not in ("base", "pushed") and not (is_version and "weights_sha256" in card.read_card(path)):
        problem = f'`training.init_from` is {init_from}, it should be "base", "pushed" or the directory of a version'
        raise InputError(
            source.locate(("training", "init_from")), problem, "Correct it; `versions` lists the pushed ones"
        )


def _is_small(data: Data, path: Path) -> bool:
    return len(list(islice(reader.read_rows(path, None, data), PREFLIGHT_ROWS))) < PREFLIGHT_ROWS


def _check_numbers(files: InputFiles, labels: Counter[str], task: Task) -> None:
    numbers = list(map(float, labels)) if task.numeric else []
    if numbers and (broken := task.check_extremes(min(numbers), max(numbers))):
        raise InputError(", ".join(str(path) for _, path in of_train(files)), *broken)


def _check_rows(
    data: Data, files: InputFiles, task: Task, source: TomlSource
) -> tuple[columns.Layout, Counter[str], str | None]:
    """Reads the first rows of each file; returns the first file's layout, labels' fields of train -> rows, and where
    a text looks quoted, as in `Checked`."""
    layouts, quoted = [], None
    labels: Counter[str] = Counter()
    for split, path in files:
        layout = columns.read_layout(path, data)
        layouts.append(layout)
        reserved = sorted(set(layout.slice_names) & (feature_names.RESERVED | {*task.texts}))
        if reserved:
            problem = f"`data.slices` names the column {reserved[0]!r}, a name the pipeline uses itself"
            raise InputError(source.locate(("data", "slices")), problem, "Rename the column in the file's header")
        if layout.slice_names != layouts[0].slice_names:
            here, there = (", ".join(map(repr, each.slice_names)) for each in (layout, layouts[0]))
            problem = f"its slice columns are {here}, those of {files[0][1]} are {there}"
            raise InputError(str(path), problem, "Give the columns the same names in every file")
        rows = reader.read_rows(path, split, data, task.check_row)
        for row in islice(rows, PREFLIGHT_ROWS):
            if not isinstance(row, tsv.BadRow):
                labels.update([row.label] if row.split == "train" else [])
                if quoted is None and data.row_quoting == "none" and any(map(tsv.looks_quoted, row.texts)):
                    quoted = f"{path}:{row.line}"
            elif data.on_bad_row == "fail":
                raise row.error()
    return layouts[0], labels, quoted

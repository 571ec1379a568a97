"""`evaluate`: a pushed model on labelled rows, measured as the Evaluator of a run measures it."""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from components.common import json_text, progress, streams
from components.common.errors import Failure, InputError
from components.common.exit_status import DONE, REFUSED
from components.export.card_task import task_of
from components.rows import columns, reader
from components.rows.tsv import BadRow
from components.serving import input_format, labelled_format, versions
from components.settings.data import Data
from components.settings.gate import Gate
from components.settings.serialization import dump
from components.tasks import Task
from components.verdict import gate
from components.verdict.summary import SUMMARY_FILE
from pipeline.commands import named_models
from pipeline.runners import libraries

_SPLIT = "rows"
"""What the rows are called among Examples, where others are of train or dev."""

_REMEDY = "Another model may meet the bounds, or give other bounds"


def evaluate_file(model: Path, source: Path, data: Data, task: Task, bounds: Gate) -> dict[str, Any]:
    """The Evaluator's summary of a file's rows, with `blessed` and `reasons` where there are bounds.

    Args:
        model: the directory of a version.
        source: the file.
        data: its format and columns.
        task: the model's.
        bounds: what the metrics have to be.

    Raises:
        InputError: a row that breaks a rule, one with a label that the model does not know, or no row at all; before
            TensorFlow is imported.
    """
    counts = Counter(task.count_key(row.label) for row in _rows(source, data, task))
    if not counts:
        raise InputError(str(source), "no rows in it", "Give a file with rows")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        with streams.redirected_output(scratch / "log.txt") as shown, progress.watch(shown, "evaluate"):
            from pipeline.beam import options

            try:
                with options.own_arguments():
                    return _measured(model, source, data, task, bounds, counts, scratch)
            except Exception as error:
                cause = options.original_error(error)
                if isinstance(cause, InputError):
                    raise cause from None
                raise


def _rows(source: Path, data: Data, task: Task) -> Iterator[reader.Row]:
    """The rows, all of one split.

    Raises:
        InputError: one that breaks a rule, when it is reached.
    """
    for row in reader.read_rows(source, _SPLIT, data, task.check_row):
        if isinstance(row, BadRow):
            raise row.error()
        yield row


def _measured(
    model: Path, source: Path, data: Data, task: Task, bounds: Gate, counts: Counter[str], scratch: Path
) -> dict[str, Any]:
    """Runs the Evaluator's executor on the rows; `counts` are those of labels, `scratch` is for its files."""
    libraries.load()

    import tensorflow as tf
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils, standard_artifacts
    from tfx.utils import path_utils

    from components.examples import encoding
    from components.nodes import evaluator
    from components.rows import row_counts
    from pipeline.beam import options
    from pipeline.beam.batch_size import use_large_batches

    made: dict[str, Any] = {
        "examples": standard_artifacts.Examples(),
        "model": standard_artifacts.Model(),
        "evaluation": standard_artifacts.ModelEvaluation(),
        "blessing": standard_artifacts.ModelBlessing(),
    }
    for name, artifact in made.items():
        artifact.uri = str(scratch / name)
        Path(artifact.uri).mkdir()
    examples = made["examples"]
    examples.split_names = artifact_utils.encode_split_names([_SPLIT])
    examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    Path(path_utils.serving_model_dir(made["model"].uri)).symlink_to(model.resolve())
    slices = columns.read_layout(source, data).slice_names
    split = Path(artifact_utils.get_split_uri([examples], _SPLIT))
    split.mkdir()
    with tf.io.TFRecordWriter(str(split / "data_tfrecord-00000-of-00001.gz"), options="GZIP") as out:
        for row in _rows(source, data, task):
            out.write(encoding.serialized(row, task, slices))
    rows = [[_SPLIT, label, count] for label, count in sorted(counts.items())]
    row_counts.write(Path(examples.uri), [{"file": str(source), "rows": rows, "bad": 0}], {})
    use_large_batches()
    context = evaluator.Executor.Context(
        beam_pipeline_args=list(options.LOCAL), tmp_dir=str(scratch / "beam"), unique_id="1"
    )
    evaluator.Executor(context).Do(
        {name: [made[name]] for name in ("examples", "model")},
        {name: [made[name]] for name in ("evaluation", "blessing")},
        {
            **{"gate": dump(bounds) if bounds.min or bounds.max else "", "split": _SPLIT},
            **{"slices": json.dumps(dict.fromkeys(slices, ())), "max_slice_values": data.max_slice_values},
            "confidence": bounds.confidence,
        },
    )
    summary: dict[str, Any] = json.loads((Path(made["evaluation"].uri) / SUMMARY_FILE).read_text(encoding="utf-8"))
    return summary


def bounds_of(least: Sequence[str], most: Sequence[str], task: Task) -> Gate:
    """What metrics have to be, of METRIC=VALUE each.

    Raises:
        InputError: no such metric, or a value that it cannot have.
    """
    found: dict[str, dict[str, float]] = {"min": {}, "max": {}}
    for side, given in (("min", least), ("max", most)):
        for text in given:
            # A label may hold the sign itself.
            name, sign, value = text.rpartition("=")
            try:
                number = float(value)
            except ValueError:
                number = math.nan
            if not sign or not name or not 0 <= number <= (1 if side == "min" else math.inf) or math.isinf(number):
                wanted = "a share from 0 to 1" if side == "min" else "a number from 0 on"
                problem = f"got {text!r}, expected METRIC=VALUE with {wanted}"
                raise InputError(f"--{side}", problem, f"Correct it, say {task.primary_metric.name}=0.8")
            found[side][name] = number
    bounds = Gate(min=found["min"], max=found["max"])
    if bounds.min or bounds.max:
        gate.check(bounds, task, "--min and --max")
    return bounds


def execute(options: argparse.Namespace) -> int:
    version = versions.resolve(named_models.model_of(options))
    card, task = input_format.card_with_input(version), task_of(version)
    rows = labelled_format.Given(
        options.format, options.column, options.label, options.slice, has_header=not options.no_header
    )
    with labelled_format.mistakes_of_options():
        bounds = bounds_of(options.min, options.max, task)
        data, note = labelled_format.of_file(card, options.rows, rows)
    if note is not None:
        print(streams.printable(note), file=sys.stderr)
    with progress.stop_on_signals(), labelled_format.mistakes_of_options():
        summary = evaluate_file(version, options.rows, data, task, bounds)
    missed = summary.get("reasons", [])
    if options.json:
        failure = Failure(REFUSED, str(options.rows), "; ".join(missed), _REMEDY)
        document = {"model": str(version), "input": str(options.rows), **summary}
        print(json_text.dumps(document | (failure.document() if missed else {})))
    else:
        from pipeline.reports import run_report, tables

        tables.console(sys.stdout).print(run_report.evaluation_report(options.rows.name, summary))
    for reason in missed:
        print(streams.printable(f"missed: {reason}"), file=sys.stderr)
    return REFUSED if missed else DONE

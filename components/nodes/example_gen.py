"""ExampleGen over TSV, CSV and CoNLL files: rows become tf.Examples, bad rows an error or a quarantine file.

The rows are read in a Beam DoFn, one file an element, and written by the same fused stage: memory does not grow with
the number of rows, and a run with many files spreads over the workers of any runner. Where Beam would run in this
process alone, the same rows are written without it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import apache_beam as beam
from tfx import types
from tfx.dsl.components.base import base_beam_component, base_beam_executor, base_driver, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts

from components import tasks
from components.common import json_files, progress
from components.common.errors import InputError, changed
from components.examples import records
from components.examples.encoding import all_serialized, serialized
from components.examples.in_process import stays_here
from components.examples.output import LINES, declare, write_by_beam
from components.leakage.row_hashes import Hashes
from components.rows import columns, data_hash, data_spans, label_names, reader, row_counts, tsv, writer
from components.rows.files import InputFiles, find_files, fingerprints, of_train
from components.settings.data import Data
from components.settings.serialization import dump, load
from components.tasks import Task

_BYTES_TOGETHER, _ROW_BYTES = 1 << 22, 100
"""Rows are made Examples of together up to so many characters, of which each has so many beside its texts."""

Element = tuple[str | None, str]


class _Files:
    """The input files, one by one.

    Args:
        data: the settings.
        task: whose rows they are.
        output: the directory of the Examples, into which goes what rows are told apart by.
    """

    def __init__(self, data: Data, task: Task, output: str) -> None:
        self._data, self._task, self._output = data, task, output

    def slice_names(self, name: str) -> tuple[str, ...]:
        """The features of a file's slice columns."""
        return columns.read_layout(Path(name), self._data).slice_names

    def read(self, element: Element) -> Iterator[tuple[str, Any]]:
        """(split, path) -> each row under its split, a bad one as a list under `bad`, one record under `counts`.

        That one is as `row_counts.write` takes it, with `numbers`: the least and the greatest label of train, where
        labels are numbers.
        """
        split, name = element
        rows: Counter[tuple[str, str]] = Counter()
        hashes, bad = Hashes(self._task), 0
        least, greatest = math.inf, -math.inf
        for row in reader.read_rows(Path(name), split, self._data, self._task.check_row, progress.advance_bytes):
            if isinstance(row, reader.Row):
                rows[row.split, self._task.count_key(row.label)] += 1
                hashes.add(row)
                if self._task.numeric and row.split == "train":
                    least, greatest = min(least, float(row.label)), max(greatest, float(row.label))
                yield row.split, row
            else:
                bad += 1
                yield "bad", tuple(row)
                if bad >= writer.BAD_ROWS_ENOUGH and self._data.on_bad_row == "fail":
                    break
        hashes.write(Path(self._output), name)
        counts = [[split, label, count] for (split, label), count in sorted(rows.items())]
        numbers = [least, greatest] if least <= greatest else []
        yield "counts", {"file": name, "rows": counts, "bad": bad, "numbers": numbers}

    def serialized(self, element: Element) -> Iterator[tuple[str, Any]]:
        """The same with each row as an Example."""
        names = self.slice_names(element[1])
        for tag, value in self.read(element):
            yield tag, serialized(value, self._task, names) if isinstance(value, reader.Row) else value

    def all_serialized(self, element: Element) -> Iterator[tuple[str, list[Any]]]:
        """The same, many of a kind together; in their order."""
        names = self.slice_names(element[1])
        kept: dict[str, list[Any]] = defaultdict(list)
        size = 0
        for tag, value in self.read(element):
            kept[tag].append(value)
            size += sum(map(len, value.texts)) + _ROW_BYTES if isinstance(value, reader.Row) else _ROW_BYTES
            if size > _BYTES_TOGETHER:
                yield from self._together(kept, names)
                size = 0
        yield from self._together(kept, names)

    def _together(self, kept: dict[str, list[Any]], names: tuple[str, ...]) -> Iterator[tuple[str, list[Any]]]:
        for tag in list(kept):
            values = kept.pop(tag)
            yield tag, all_serialized(values, self._task, names) if isinstance(values[0], reader.Row) else values


class _ReadFile(beam.DoFn):
    """`_Files.serialized`, tagged."""

    def __init__(self, files: _Files) -> None:
        self._files = files

    def process(self, element: Element) -> Iterator[Any]:
        for tag, value in self._files.serialized(element):
            yield beam.pvalue.TaggedOutput(tag, value)


class _ReadNames(beam.DoFn):
    """(split, path) -> the path and the names of labels in its rows of train, as JSON."""

    def __init__(self, data: Data, task: Task) -> None:
        self._data, self._task = data, task

    def process(self, element: Element) -> Iterator[str]:
        split, name = element
        yield json.dumps([name, sorted(label_names.names_in(split, Path(name), self._data, self._task))])


def _advance(size: int) -> None:
    if bar := progress.current():
        done = bar.done + size
        bar.advance(size, f"{done / 1e6:.0f} MB, {bar.rate(done) / 1e6:.1f} MB/s")


class Executor(base_beam_executor.BaseBeamExecutor):
    """Reads, checks and writes the rows."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes Split-NAME/ with gzipped TFRecords, beside them task.json, rows.json, the files of `row_hashes` and
        `data_hash` and, if there are bad rows, quarantine.tsv.

        Raises:
            InputError: a file that cannot be read or that changed meanwhile, a bad row, or too many of them in
                quarantine.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        data = _data(exec_properties)
        # Kubeflow knows no drivers.
        before = exec_properties.get("input_files") or fingerprints(data)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        declare(examples, data.splits, max(data.spans, default=0))
        output = Path(examples.uri)
        files = find_files(data)
        by_beam = functools.partial(self._read_names, output / "names")
        task = label_names.task_of(files, data, label_names.read_one_by_one if stays_here(self) else by_beam)
        alone = {str(path): label for path, label in label_names.check_headers(files, data, task.labels).items()}
        elements: list[Element] = [(split, str(path)) for split, path in files]
        size = sum(path.stat().st_size for _, path in files)
        with progress.progress(size):
            write = _write_here if stays_here(self) else self._write_by_beam
            write(_Files(data, task, str(output)), elements, examples)
        if before != fingerprints(data):
            # Files may have come, too.
            raise changed(", ".join(str(path) for _, path in files))
        tasks.write(output, task)
        data_hash.write(output, data_hash.of_files((split, sha256) for split, _, sha256 in json.loads(before)))
        order = [name for _, name in elements]
        counts = sorted(json_files.take_lines(output / "counts"), key=lambda count: order.index(count["file"]))
        numbers = [number for count in counts for number in count.pop("numbers")]
        contents = zip(order, (sha256 for _, _, sha256 in json.loads(before)), strict=True)
        for count in counts:
            if (name := count["file"]) in alone:
                count["alone"] = alone[name]
        row_counts.write(output, counts, dict(contents))
        bad = (tsv.BadRow(*fields) for fields in json_files.take_lines(output / "bad"))
        writer.enforce_bad_row_policy(output, data, bad, counts)
        _look_at_labels(output, files, task, numbers, alone)

    def _write_by_beam(self, files: _Files, elements: list[Element], examples: types.Artifact) -> None:
        """Writes what is read, each kind into a place of its own."""
        splits = artifact_utils.decode_split_names(examples.split_names)
        with self._make_beam_pipeline() as pipeline:
            outputs = (
                pipeline
                | "Files" >> beam.Create(elements)
                | "ReadRows" >> beam.ParDo(_ReadFile(files)).with_outputs(*LINES, *splits)
            )
            write_by_beam(outputs, examples)

    def _read_names(self, scratch: Path, files: InputFiles, data: Data, task: Task) -> dict[Path, set[str]]:
        """As `label_names.read_one_by_one`, side by side; `scratch` is a file for what is found."""
        elements: list[Element] = [(split, str(path)) for split, path in files]
        with self._make_beam_pipeline() as pipeline:
            names = pipeline | "Train" >> beam.Create(elements) | "ReadNames" >> beam.ParDo(_ReadNames(data, task))
            names | "Write" >> beam.io.WriteToText(str(scratch), shard_name_template="")
        found = dict(json_files.take_lines(scratch))
        return {path: set(found[str(path)]) for _, path in files}


def _write_here(files: _Files, elements: list[Element], examples: types.Artifact) -> None:
    """As `_write_by_beam`."""
    with contextlib.ExitStack() as stack:
        write: dict[str, Callable[[list[Any]], object]] = {}
        for split in artifact_utils.decode_split_names(examples.split_names):
            directory = Path(artifact_utils.get_split_uri([examples], split))
            write[split] = stack.enter_context(records.written(directory))
        for tag in LINES:
            lines = stack.enter_context(Path(examples.uri, tag).open("w", encoding="utf-8"))
            write[tag] = functools.partial(_write_lines, lines)
        for element in elements:
            for tag, values in files.all_serialized(element):
                write[tag](values)


def _write_lines(file: IO[str], values: list[Any]) -> None:
    file.writelines(f"{json.dumps(value)}\n" for value in values)


def _look_at_labels(output: Path, files: InputFiles, task: Task, numbers: list[float], alone: dict[str, str]) -> None:
    """Refuses numbers of train that float32 does not tell apart, and warns of names that a person would not."""
    if numbers and (broken := task.check_extremes(min(numbers), max(numbers))):
        raise InputError(", ".join(str(path) for _, path in of_train(files)), *broken)
    for warning in label_names.warnings(row_counts.labels_of_train(output), task, alone):
        # Where no run's line will say it, as in a container of Kubeflow's.
        logging.getLogger(__name__).warning(warning)


class Driver(base_driver.BaseDriver):
    """Puts the sha256 of every input file into the node's cache key: equal bytes are not read twice."""

    def run(self, execution_info: Any) -> driver_output_pb2.DriverOutput:
        """Called by the launcher before it looks into its cache."""
        data = _data(execution_info.exec_properties)
        output = driver_output_pb2.DriverOutput()
        output.exec_properties["input_files"].string_value = fingerprints(data)
        return output


def _data(exec_properties: dict[str, Any]) -> Data:
    """The settings, with the paths that there are now."""
    return data_spans.resolved(load(Data, exec_properties["data"]).under(exec_properties["data_path"]))


class TsvExampleGenSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "data": component_spec.ExecutionParameter(type=str),
        "data_path": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}  # noqa: RUF012
    OUTPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }


class TsvExampleGen(base_beam_component.BaseBeamComponent):
    """TSV files in, Examples out: the features of the task's texts, `label` and the slice columns.

    Args:
        data: settings of the files and their columns.
        data_path: directory that relative paths of these are taken from; known now, or once the node runs.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = TsvExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, data: Data, data_path: str | RuntimeParameter, source: str) -> None:
        examples = types.Channel(type=standard_artifacts.Examples)
        spec = TsvExampleGenSpec(data=dump(data), data_path=data_path, source=source, examples=examples)
        super().__init__(spec=spec)

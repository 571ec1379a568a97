"""Predictions for many rows by Beam: files become parts, a part becomes a file that is whole or not there."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import apache_beam as beam

from components.common import atomic_files, progress
from components.common.literal_paths.libraries import use_literal_paths
from components.rows import shards
from components.rows.shards import WORK, RowFormat, Shard
from components.rows.tsv import BadRow
from components.rows.writer import writer
from components.serving.input_format import prediction_names
from components.serving.predictor import WINDOW, Predictor

PART_ROWS = 4 * WINDOW
"""Whole windows, so that a row has the neighbours, and the last bits, that it has where a file is predicted at once."""


@dataclass(frozen=True, slots=True)
class Job:
    """Which rows go through which model."""

    model: str
    """A version's directory."""
    output: str
    row_format: RowFormat
    names: tuple[str, ...]
    """The header's; none without one."""


class _Plan(beam.DoFn):
    """A file's path -> its parts."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, path: str) -> Iterator[Shard]:
        yield from shards.plan(Path(path), self._job.row_format, PART_ROWS)


class _Predict(beam.DoFn):
    """A part -> its rows and how many were bad, once its predictions are there; those of an earlier job stay."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._predictor: Predictor | None = None

    def process(self, part: Shard) -> Iterator[dict[str, Any]]:
        output = Path(self._job.output)
        quarantine = output / WORK / part.name
        if not (output / part.name).is_file():
            self._predictor = self._predictor or Predictor(Path(self._job.model))
            self._write(part, self._predictor, output / part.name, quarantine)
        bad = quarantine.read_bytes().count(b"\n") if quarantine.is_file() else 0
        if bar := progress.current():
            bar.advance(part.rows, f"{bar.done + part.rows:,.0f} rows, {bar.rate(bar.done + part.rows):.0f} rows/s")
        yield {"rows": part.rows - bad, "bad": bad}

    def _write(self, part: Shard, predictor: Predictor, place: Path, quarantine: Path) -> None:
        job, task = self._job, predictor.task
        good: list[tuple[int, list[str]]] = []
        bad: list[BadRow] = []
        for row in shards.read(part, job.row_format):
            bad.append(row) if isinstance(row, BadRow) else good.append(row)
        predictions = predictor.predict(tuple(fields[index] for index in job.row_format.wanted) for _, fields in good)
        if bad:
            # First: the predictions say that the part is done.
            with self._appearing(quarantine) as out:
                out.writelines(shards.as_quarantined(part, bad))
        with self._appearing(place) as out:
            write = writer(out, job.row_format.quoting)
            if job.names and not part.number:
                write([*job.names, *prediction_names(job.names, task.output_columns).values()])
            for (_, fields), prediction in zip(good, predictions, strict=True):
                write([*fields, *task.to_row(prediction)])

    @contextlib.contextmanager
    def _appearing(self, place: Path) -> Iterator[TextIO]:
        """A file that is there when it is complete; another worker may be writing the same one."""
        aside = Path(self._job.output, WORK, f"{place.name}.{uuid.uuid4().hex}")
        with aside.open("w", encoding="utf-8", newline="\n") as out:
            yield out
        atomic_files.publish(aside, place)


def run(job: Job, paths: list[str], counts: Path, arguments: list[str]) -> None:
    """Runs the pipeline.

    Args:
        job: the rows and the model.
        paths: of the files.
        counts: where a line of JSON goes for each part, with its `rows` and its `bad` ones.
        arguments: Beam's.
    """
    use_literal_paths()
    with beam.Pipeline(argv=arguments) as pipeline:
        (
            pipeline
            | "Files" >> beam.Create(paths)
            | "Plan" >> beam.ParDo(_Plan(job))
            | "Spread" >> beam.Reshuffle()
            | "Predict" >> beam.ParDo(_Predict(job))
            | "Json" >> beam.Map(json.dumps)
            | "Count" >> beam.io.WriteToText(str(counts), shard_name_template="")
        )

"""`embed`: vectors of the texts of a TSV file."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO

from components.common import atomic_files, progress, streams
from components.common.defaults import MAX_LENGTH
from components.common.errors import InputError
from components.common.exit_status import DONE
from components.pretrained import base_model, encoder_weights
from components.rows import reader
from components.serving import versions
from components.settings.fields import Column
from components.settings.model import Model
from pipeline.commands import named_models
from pipeline.commands.model_options import POOLING

if TYPE_CHECKING:
    import numpy as np

FORMATS = (".npy", ".parquet")

_ROWS = 4096
"""Vectors that are written at a time."""


@dataclass(frozen=True)
class Source:
    """Texts in a TSV file."""

    path: Path
    column: str | None
    """A name, or a number from 1; None: `text`, or without a header the first."""
    header: bool
    option: str = "--column"
    """That gives the column."""

    def texts(self) -> tuple[int, Iterator[tuple[str, int]]]:
        """The file's size, and each text with the bytes read since the last one."""
        size, rows = self.placed()
        return size, ((text, read) for _, text, read in rows)

    def placed(self) -> tuple[int, Iterator[tuple[str, str, int]]]:
        """The same, before each text file and line.

        Raises:
            InputError: a file that cannot be read, or no such column; a row that breaks a rule, when it is reached.
        """
        column: Column = ("text" if self.header else 1) if self.column is None else self.column
        if isinstance(column, str) and column.isdecimal():
            column = int(column)
        if column == 0:
            raise InputError(self.option, "got 0, but columns are numbered from 1", "Correct the number")
        if isinstance(column, str) and not self.header:
            problem = f"the text's column is {column!r}, but without a header there are no names"
            raise InputError("--no-header", problem, f"Give its number with {self.option}")
        _, rows = reader.read_texts(self.path, (column,), self.header, "none", self.option)
        return self.path.stat().st_size, ((f"{self.path}:{line}", texts[0], size) for line, _, texts, size in rows)


def embed_file(model: Path, source: Source, output: Path, settings: Model, terminal: TextIO) -> tuple[int, int]:
    """Writes the vectors of a file's texts; returns their number and their width.

    Args:
        model: a pushed model or a base model's directory.
        source: the texts.
        output: ends in .npy, float32[n, hidden], or in .parquet, with columns `text` and `vector`.
        settings: pooling and length, for a base model.
        terminal: where progress goes.

    Raises:
        InputError: a file that cannot be read or written, no model, an output of another ending.
    """
    if output.suffix not in FORMATS:
        problem = f"its name ends in {output.suffix or 'nothing'}, expected {' or '.join(FORMATS)}"
        raise InputError(str(output), problem, "Give it one of the endings")
    count = width = 0
    # Its mistakes come before the model is loaded.
    given = source.texts()
    with atomic_files.written(output, "wb") as file, _writer(output.suffix, file) as write:
        for texts, vectors in vectors_of(loaded_embedder(model, settings), source.path, *given, terminal):
            write(texts, vectors)
            count, width = count + len(vectors), vectors.shape[1]
        if not count:
            raise InputError(str(source.path), "no rows in it", "Give a file with rows")
    return count, width


def vectors_of(
    embedder: Any, path: Path, size: int, rows: Iterator[tuple[str, int]], terminal: TextIO, out: TextIO | None = None
) -> Iterator[tuple[list[str], np.ndarray]]:
    """Some thousands of texts at a time, and their vectors; `out` is where lines are written to meanwhile."""
    import numpy as np

    rows, again = tee(rows)
    vectors = embedder.vectors(text for text, _ in rows)
    some: list[str] = []
    found: list[np.ndarray] = []
    with progress.watch(terminal, path.name, out), progress.progress(size) as bar:
        for count, ((text, read), vector) in enumerate(zip(again, vectors, strict=True), 1):
            some.append(text)
            found.append(vector)
            bar.advance(read, f"{count:,} rows, {bar.rate(count):.0f} rows/s")
            if len(some) == _ROWS:
                yield some, np.stack(found)
                some, found = [], []
    if some:
        yield some, np.stack(found)


def loaded_embedder(model: Path, settings: Model) -> Any:
    """A base model or a pushed one."""
    if base_model.is_base_model(model):
        config = base_model.read_config(model)
        encoder_weights.check_weights(model, config)
        if settings.max_length > config.max_position_embeddings:
            problem = f"got {settings.max_length}, the base model takes at most {config.max_position_embeddings} tokens"
            raise InputError("--max-length", problem, "Lower it")
        with streams.hidden_stderr():
            from components.serving.embedder import BaseEmbedder

            return BaseEmbedder(model, settings)
    versions.resolve(model, other_forms=True)
    with streams.hidden_stderr():
        from components.serving.predictor import Predictor

        return Predictor(model)


@contextlib.contextmanager
def _writer(suffix: str, file: IO[bytes]) -> Iterator[Any]:
    if suffix == ".parquet":
        yield from _parquet(file)
    else:
        yield from _npy(file)


def _npy(file: IO[bytes]) -> Iterator[Any]:
    import numpy as np

    shape = (0, 0)

    def write(texts: list[str], vectors: np.ndarray) -> None:
        nonlocal shape
        if not shape[1]:
            header((0, vectors.shape[1]))
        file.write(vectors.astype("<f4").tobytes())
        shape = shape[0] + len(texts), vectors.shape[1]

    def header(of_shape: tuple[int, int]) -> None:
        # NumPy leaves room in it, so that the number of rows can grow.
        described = {"descr": "<f4", "fortran_order": False, "shape": of_shape}
        np.lib.format.write_array_header_1_0(file, described)

    yield write
    file.seek(0)
    header(shape)


def _parquet(file: IO[bytes]) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import parquet

    writer: parquet.ParquetWriter | None = None

    def write(texts: list[str], vectors: np.ndarray) -> None:
        nonlocal writer
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1), pa.float32()), vectors.shape[1])
        table = pa.table({"text": texts, "vector": column})
        writer = writer or parquet.ParquetWriter(file, table.schema)
        writer.write_table(table)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def execute(options: argparse.Namespace) -> int:
    source = Source(options.input, options.column, not options.no_header)
    options.model = named_models.model_of(options)
    rows, width = embed_file(options.model, source, options.output, base_model_settings(options), sys.stderr)
    print(f"{rows:,} vectors of {width} numbers: {options.output}", file=sys.stderr)
    return DONE


def base_model_settings(options: argparse.Namespace) -> Model:
    """How a base model's tokens are pooled and how many it sees, by the options; a pushed model knows.

    Raises:
        InputError: there is an option for a pushed model, which would do nothing; or no model.
    """
    if not base_model.is_base_model(options.model):
        versions.resolve(options.model, other_forms=True)
        for option, given in (("--pooling", options.pooling), ("--max-length", options.max_length)):
            if given is not None:
                problem = f"is for a base model, and {options.model} is a pushed one, which has its own from training"
                raise InputError(option, problem, "Leave it out")
    length = MAX_LENGTH if options.max_length is None else options.max_length
    return Model(base=str(options.model), pooling=options.pooling or POOLING, max_length=length)

"""`predict`: texts or a TSV file through a pushed model."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from components import console, tsv, versions
from components.errors import InputError
from components.records import Quoting
from components.settings_base import Column
from components.table import writer

if TYPE_CHECKING:
    from components.predictor import Predictor


def of_texts(model: Path, rows: Iterable[tuple[str, tuple[str, ...]]], out: TextIO, as_json: bool) -> None:
    """Writes the answer and the texts a line, separated by tabs, or a JSON object a line.

    Args:
        model: a pushed one.
        rows: where each row comes from, for a message, and its texts.
        out: where to.
        as_json: whether objects are wanted.

    Raises:
        InputError: a row of more or fewer texts than the model reads.
    """
    predictor = _load(model)
    asked = predictor.asked
    counted, again = tee(_counted(rows, asked))
    for texts, told in zip(again, predictor.predict(counted), strict=True):
        if as_json:
            row = dict(zip(asked, texts, strict=True)) | told
            print(json.dumps(row, ensure_ascii=False), file=out)
        else:
            print(predictor.task.line(told, texts), *texts, sep="\t", file=out)


def _counted(rows: Iterable[tuple[str, tuple[str, ...]]], asked: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for place, row in rows:
        if len(row) != len(asked):
            problem = f"got {len(row)} text{'s' * (len(row) != 1)}, the model reads {' and '.join(asked)}"
            remedy = "Put a tab between the two texts" if len(asked) > 1 else "Give one text, without a tab, a line"
            raise InputError(place, problem, remedy)
        yield row


def of_file(
    model: Path,
    source: Path,
    destination: Path | None,
    columns: Sequence[str] | None,
    terminal: TextIO,
    has_header: bool = True,
) -> None:
    """Writes each row of a TSV file with the answer behind it.

    The rows are streamed; a file appears under its name when it is complete.

    Raises:
        InputError: a file that cannot be read or written, no such column, or a row that breaks a rule.
    """
    card = card_with_input(model)
    text, header, quoting = row_format(card, columns, has_header)
    names, rows = tsv.read_texts(source, text, header, quoting)
    with written(destination) as out, console.watch(terminal, "predict"):
        predictor = _load(model)
        task = predictor.task
        if len(text) != len(predictor.asked):
            problem = f"got {len(text)} columns, the model reads {' and '.join(predictor.asked)}"
            raise InputError("--column", problem, "Give --column once for each")
        write = writer(out, quoting)
        if names is not None:
            write([*names, *task.columns])
        rows, again = tee(rows)
        predictions = predictor.predict(texts for _, _, texts, _ in rows)
        with console.progress(source.stat().st_size) as bar:
            for count, ((_, fields, _, size), told) in enumerate(zip(again, predictions, strict=True), 1):
                write([*fields, *task.cells(told)])
                bar.advance(size, f"{count:,} rows, {bar.rate(count):.0f} rows/s")


def card_with_input(model: Path) -> dict[str, Any]:
    """What a model says of itself, the rows it learned from included.

    Raises:
        InputError: it does not say.
    """
    card = versions.card(versions.resolve(model))
    if "input" not in card:
        problem = f"no {versions.CARD_FILE} in it that says how rows look"
        raise InputError(str(model), problem, "Give a model that this pipeline pushed")
    return card


def row_format(
    card: dict[str, Any], columns: Sequence[str] | None, has_header: bool
) -> tuple[tuple[Column, ...], bool, Quoting]:
    """The texts' columns, whether there is a header, and the quoting of rows for a model: as in training, or as told.

    Args:
        card: of the model.
        columns: of each `--column`, a name or a number.
        has_header: false with `--no-header`.

    Raises:
        InputError: a column that cannot be.
    """
    told = card["input"]
    if "asked" not in told:
        raise InputError(str(card.get("name")), "an older version made the model", "Run the pipeline again")
    texts: tuple[Column, ...] = tuple(told["asked"])
    header, quoting = told["header"], told["quoting"]
    if columns:
        texts = tuple(int(column) if column.isdecimal() else column for column in columns)
        # A name can only stand in a header.
        header = header or any(isinstance(column, str) for column in texts)
    if not has_header:
        if named := [column for column in texts if isinstance(column, str)]:
            problem = f"the text's column is {named[0]!r}, but without a header there are no names"
            raise InputError("--no-header", problem, "Give its number with --column")
        header = False
    if 0 in texts:
        raise InputError("--column", "got 0, but columns are numbered from 1", "Correct the number")
    return texts, header, quoting


def _load(model: Path) -> Predictor:
    with hidden_stderr():
        from components.predictor import Predictor

        return Predictor(model)


@contextlib.contextmanager
def hidden_stderr(log: Path | str = os.devnull) -> Iterator[None]:
    """Around what writes to standard error from C++, as TensorFlow's import does; `log` gets it instead."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


@contextlib.contextmanager
def written(destination: Path | None, mode: Literal["w", "wb"] = "w") -> Iterator[Any]:
    """A file that appears under its name when it is complete; None: standard output.

    Raises:
        InputError: it cannot be written.
    """
    if destination is None:
        yield sys.stdout
        return
    if destination.is_dir():
        raise InputError(str(destination), "a directory, not a file", "Give the path of a file")
    # A pipe or a device is written to, not replaced; of a link, what it points to is replaced.
    place = destination.resolve()
    special = place.exists() and not place.is_file()
    aside = place if special else place.with_name(f".{place.name}.{os.getpid()}")
    try:
        text = {"encoding": "utf-8", "newline": "\n"} if mode == "w" else {}
        with aside.open(mode, **text) as out:  # type: ignore[call-overload]
            yield out
        if not special:
            aside.replace(place)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(
            str(destination), f"cannot be written ({error.strerror})", "Give a path you may write to"
        ) from None
    finally:
        if not special:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)

"""`predict`: texts or a TSV file through a pushed model."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from components import console, tsv, versions
from components.errors import InputError
from components.records import Quoting
from components.settings import Column

if TYPE_CHECKING:
    from components.predictor import Predictor


def of_texts(model: Path, texts: Iterable[str], out: TextIO, as_json: bool) -> None:
    """Writes `label<TAB>probability of each class<TAB>text` a line, or a JSON object a line."""
    predictor = _load(model)
    texts, again = tee(texts)
    for text, (label, probabilities) in zip(again, predictor.predict(texts), strict=True):
        values = dict(zip(predictor.labels, map(float, probabilities), strict=True))
        if as_json:
            print(json.dumps({"text": text, "label": label, "probabilities": values}, ensure_ascii=False), file=out)
        else:
            listed = "\t".join(f"{name} {value:.6f}" for name, value in values.items())
            print(f"{label}\t{listed}\t{text}", file=out)


def of_file(
    model: Path, source: Path, destination: Path | None, column: str | None, terminal: TextIO, has_header: bool = True
) -> None:
    """Writes each row of a TSV file with `label` and the classes' probabilities behind it.

    The rows are streamed; a file appears under its name when it is complete.

    Raises:
        InputError: a file that cannot be read or written, no such column, or a row that breaks a rule.
    """
    card = versions.card(versions.resolve(model))
    if "input" not in card:
        problem = f"no {versions.CARD_FILE} in it that says how rows look"
        raise InputError(str(model), problem, "Give a model that this pipeline pushed")
    text, header, quoting = row_format(card, column, has_header)
    names, rows = tsv.read_texts(source, text, header, quoting)
    with _written(destination) as out, console.watch(terminal, "predict"):
        predictor = _load(model)
        quoted = csv.writer(out, delimiter="\t", lineterminator="\n")
        write = quoted.writerow if quoting == "csv" else lambda fields: print("\t".join(fields), file=out)
        if names is not None:
            write([*names, "label", *(f"probability_{name}" for name in predictor.labels)])
        rows, again = tee(rows)
        predictions = predictor.predict(text for _, text, _ in rows)
        with console.progress(source.stat().st_size) as bar:
            for count, ((fields, _, size), (label, probabilities)) in enumerate(
                zip(again, predictions, strict=True), 1
            ):
                write([*fields, label, *(f"{value:.6f}" for value in probabilities)])
                bar.advance(size, f"{count:,} rows, {bar.rate(count):.0f} rows/s")


def row_format(card: dict[str, Any], column: str | None, has_header: bool) -> tuple[Column, bool, Quoting]:
    """The text's column, whether there is a header, and the quoting of rows for a model: as in training, or as told.

    Args:
        card: of the model.
        column: `--column`, a name or a number.
        has_header: false with `--no-header`.

    Raises:
        InputError: a column that cannot be.
    """
    text, header, quoting = (card["input"][key] for key in ("text", "header", "quoting"))
    if column is not None:
        # A name can only stand in a header.
        text, header = (int(column), header) if column.isdecimal() else (column, True)
    if not has_header:
        if isinstance(text, str):
            problem = f"the text's column is {text!r}, but without a header there are no names"
            raise InputError("--no-header", problem, "Give its number with --column")
        header = False
    if text == 0:
        raise InputError("--column", "got 0, but columns are numbered from 1", "Correct the number")
    return text, header, quoting


def _load(model: Path) -> Predictor:
    with hidden_stderr():
        from components.predictor import Predictor

        return Predictor(model)


@contextlib.contextmanager
def hidden_stderr() -> Iterator[None]:
    """Around what writes to standard error from C++, as TensorFlow's import does."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


@contextlib.contextmanager
def _written(destination: Path | None) -> Iterator[TextIO]:
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
        with aside.open("w", encoding="utf-8", newline="\n") as out:
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

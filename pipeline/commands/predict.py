"""`predict`: texts or a TSV file through a pushed model."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from components.common import progress
from components.common.atomic_files import written
from components.common.errors import InputError
from components.common.exit_status import DONE
from components.common.streams import columns, hidden_stderr
from components.export.card import read_card
from components.rows import reader
from components.rows.tsv import Quoting
from components.rows.writer import writer
from components.serving.input_format import (
    card_with_input,
    note_of_width,
    prediction_names,
    renaming_note,
    row_format,
)
from components.tasks import TASKS, Task
from components.tasks.tag_schemes import empty_word
from pipeline.commands import given_texts, named_models
from pipeline.reports.answers import beside, readable

if TYPE_CHECKING:
    from components.serving.predictor import Predictor


def predict_texts(
    model: Path, rows: Iterable[tuple[str, tuple[str, ...]]], out: TextIO, as_json: bool, tokens: bool = False
) -> None:
    """Writes a line a row: on a terminal an answer for people; else prediction and texts between tabs, or JSON.

    Args:
        model: a pushed one.
        rows: where each row comes from, for a message, and its texts.
        out: where to.
        as_json: whether objects are wanted.
        tokens: whether each text is words with one space between.

    Raises:
        InputError: a row of more or fewer texts than the model reads, or with an empty word.
    """
    _answer(_load(model), rows, out, as_json, tokens)


def answer_lines(model: Path, stream: TextIO, out: TextIO, as_json: bool, tokens: bool = False) -> None:
    """Answers each line of a terminal before the next one is read, as `predict_texts` does; of a mistake it tells.

    Raises:
        InputError: a line that is not UTF-8.
    """
    predictor = _load(model)
    print("a text a line, end with Ctrl-D", file=sys.stderr)
    for place, line in given_texts.lines(stream):
        try:
            if line.strip():
                _answer(predictor, [(place, _texts(place, line))], out, as_json, tokens, is_seen=True)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
        out.flush()


def _answer(
    predictor: Predictor,
    rows: Iterable[tuple[str, tuple[str, ...]]],
    out: TextIO,
    as_json: bool,
    tokens: bool,
    is_seen: bool = False,
) -> None:
    """`is_seen`: the texts stand on the terminal already."""
    wanted = predictor.text_names
    counted, again = tee(_checked(rows, wanted, tokens))
    for texts, prediction in zip(again, _predictions(predictor, counted, tokens), strict=True):
        if as_json:
            row = dict(zip(wanted, texts, strict=True)) | prediction
            print(json.dumps(row, ensure_ascii=False, allow_nan=False), file=out)
        elif out.isatty():
            shown = readable(predictor.task, prediction, texts)
            print(shown if is_seen else beside(shown, " | ".join(texts), columns(out)), file=out)
        else:
            print(predictor.task.to_line(prediction, texts), *texts, sep="\t", file=out)


def _predictions(predictor: Predictor, rows: Iterable[tuple[str, ...]], tokens: bool) -> Iterator[dict[str, Any]]:
    return predictor.predict(rows, tokens=True) if tokens else predictor.predict(rows)


def _checked(
    rows: Iterable[tuple[str, tuple[str, ...]]], wanted: Sequence[str], tokens: bool
) -> Iterator[tuple[str, ...]]:
    for place, row in rows:
        if tokens and (empty := empty_word("token", row[0].split(" "))):
            raise InputError(place, *empty)
        if len(row) != len(wanted):
            problem = f"got {len(row)} text{'s' * (len(row) != 1)}, the model reads {' and '.join(wanted)}"
            remedy = "Put a tab between the two texts" if len(wanted) > 1 else "Give one text, without a tab, a line"
            raise InputError(place, problem, remedy)
        yield row


def predict_file(
    model: Path,
    source: Path,
    destination: Path | None,
    columns: Sequence[str] | None,
    terminal: TextIO,
    has_header: bool = True,
    tokens: bool = False,
    as_json: bool = False,
) -> None:
    """Writes each row of a TSV file with the prediction behind it, or both as a JSON object.

    The rows are streamed; a file appears under its name when it is complete. What the input has a column for already is
    called `predicted_NAME` in the prediction, and `terminal` is told.

    Raises:
        InputError: a file that cannot be read or written, no such column, a row that breaks a rule, or for objects a
            header that has a name twice.
    """
    card = card_with_input(model)
    text, header, quoting = row_format(card, columns, has_header)
    names, rows = reader.read_texts(source, text, header, quoting)
    width = note_of_width(source, card, quoting, is_said=bool(columns) or not has_header)
    if as_json and (twice := [name for name, count in Counter(names).items() if count > 1]):
        problem = f"the header names {twice[0]!r} twice, and an object has each name once"
        raise InputError(f"{source}:1", problem, "Rename one, or leave out --json")
    with written(destination) as out, progress.watch(terminal, "predict", out):
        predictor = _load(model)
        task = predictor.task
        if len(text) != len(predictor.text_names):
            problem = f"got {len(text)} columns, the model reads {' and '.join(predictor.text_names)}"
            raise InputError("--column", problem, "Give --column once for each")
        answers = _Json(out, names) if as_json else _Tsv(out, names, quoting, task)
        rows, again = tee(rows)
        sentences = ((f"{source}:{line}", texts) for line, _, texts, _ in rows)
        predictions = _predictions(predictor, _checked(sentences, predictor.text_names, tokens), tokens)
        with progress.progress(source.stat().st_size) as bar:
            for count, ((_, fields, _, size), prediction) in enumerate(zip(again, predictions, strict=True), 1):
                answers.write(fields, prediction)
                bar.advance(size, f"{count:,} rows, {bar.rate(count):.0f} rows/s")
    renamed = renaming_note(answers.names)
    for note in (width, f"{source}: {renamed}" if renamed else None):
        if note is not None:
            print(note, file=terminal)


class _Tsv:
    """Rows with the fields of their predictions behind them, below a header if the input has one."""

    def __init__(self, out: TextIO, names: list[str] | None, quoting: Quoting, task: Task) -> None:
        self._write, self._task = writer(out, quoting), task
        self.names: dict[str, str] = {}
        """What the prediction's columns are called."""
        if names is not None:
            self.names = prediction_names(names, task.output_columns)
            self._write([*names, *self.names.values()])

    def write(self, fields: list[str], prediction: dict[str, Any]) -> None:
        self._write([*fields, *self._task.to_row(prediction)])


class _Json:
    """An object a line: the row's columns, without a header `column_1` and so on, and the prediction."""

    def __init__(self, out: TextIO, names: list[str] | None) -> None:
        self._out, self._columns = out, names
        self.names: dict[str, str] = {}
        """What the prediction's keys are called."""

    def write(self, fields: list[str], prediction: dict[str, Any]) -> None:
        self._columns = self._columns or [f"column_{number}" for number in range(1, len(fields) + 1)]
        self.names = self.names or prediction_names(self._columns, prediction)
        row = dict(zip(self._columns, fields, strict=True))
        row |= {self.names[name]: value for name, value in prediction.items()}
        print(json.dumps(row, ensure_ascii=False, allow_nan=False), file=self._out)


def _load(model: Path) -> Predictor:
    with hidden_stderr():
        from components.serving.predictor import Predictor

        return Predictor(model)


def execute(options: argparse.Namespace) -> int:
    from components.serving.versions import resolve

    options.model = named_models.model_of(options)
    known = read_card(resolve(options.model, other_forms=True)).get("task", {}).get("name", "")
    if options.tokens and known in TASKS and not TASKS[known].per_token:
        raise InputError("--tokens", f"a model for the task {known} reads running text", "Leave it out")
    if options.input is None and options.output is not None:
        raise InputError("--output", "goes with --input", "Give --input rows.tsv, or redirect standard output")
    for option, given in (("--column", options.column), ("--no-header", options.no_header)):
        if options.input is None and given:
            raise InputError(option, "goes with --input: other texts are in no columns", "Leave it out")
    if options.input is not None:
        if options.text:
            raise InputError("--input", "texts are given too", "Give either --input or texts")
        predict_file(
            options.model,
            options.input,
            options.output,
            options.column,
            sys.stderr,
            has_header=not options.no_header,
            tokens=options.tokens,
            as_json=options.json,
        )
        return DONE
    given_texts.check(options.text)
    if not options.text and sys.stdin.isatty():
        answer_lines(options.model, sys.stdin, sys.stdout, options.json, options.tokens)
        return DONE
    rows = iter([("TEXT", _texts("TEXT", text)) for text in options.text]) if options.text else _lines(sys.stdin)
    predict_texts(options.model, rows, sys.stdout, as_json=options.json, tokens=options.tokens)
    return DONE


def _texts(place: str, line: str) -> tuple[str, ...]:
    """The texts of a row, between tabs."""
    texts = tuple(line.split("\t"))
    if not all(text.strip() for text in texts):
        raise InputError(place, "got an empty text", "Give texts with something in them")
    return texts


def _lines(stream: TextIO) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The lines of standard input: place, and the texts of a row."""
    for place, text in given_texts.full_lines(stream):
        yield place, _texts(place, text)

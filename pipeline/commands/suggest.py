"""`suggest`: rows without a label that are worth one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from components.common import atomic_files, progress, streams
from components.common.errors import InputError
from components.common.exit_status import DONE
from components.common.suggest import did_you_mean
from components.export.card_task import task_of
from components.export.formats.pushed import Pushed
from components.rows import reader
from components.rows.tsv import Quoting
from components.rows.writer import writer
from components.serving import input_format, versions
from components.settings.fields import Column
from components.tasks import Task
from components.tasks.tag_schemes import empty_word
from pipeline.commands import named_models

if TYPE_CHECKING:
    import numpy as np

    from components.labelling.suggestions import Candidate

ANSWER, UNCERTAINTY = "model_label", "uncertainty"
"""What a suggested row has behind its own columns and its label's."""


@dataclass(slots=True)
class Seen:
    """Counts of the rows of a file."""

    rows: int = 0
    labelled: int = 0
    """With a label, which are not suggested."""
    learned: int = 0
    """Whose texts the model has learned from, which are not suggested either."""


@dataclass(frozen=True, slots=True)
class Format:
    """How the rows of a file look, and where their label is or will be."""

    texts: tuple[Column, ...]
    header: bool
    quoting: Quoting
    label: Column
    """As training names it, or as given."""
    width: int | None
    """Of rows in training, where they had no header."""
    label_is_given: bool = False
    """Whether it has to be there: an option names it."""

    def label_at(self, names: list[str] | None, fields: list[str]) -> int | None:
        """Where the label's field is in rows like this one; None: they have none."""
        if isinstance(self.label, str):
            return names.index(self.label) if names is not None and self.label in names else None
        is_there = self.label <= len(fields) and (self.label_is_given or names or len(fields) == self.width)
        return self.label - 1 if is_there else None


def suggest(
    version: Path, source: Path, rows: Format, top: int, terminal: TextIO
) -> tuple[list[str] | None, int | None, list[Candidate], Seen]:
    """The rows of a file that are worth a label, by a model.

    Args:
        version: of the model, a SavedModel.
        source: a TSV file, of any number of rows.
        rows: how they look.
        top: how many are wanted.
        terminal: where progress goes.

    Returns:
        The header's names or None; where the rows have a label's field, if they have one; the suggested rows, and
        what was seen of the others.

    Raises:
        InputError: a file that cannot be read, no such column, a row that breaks a rule; or no row is left.
    """
    # What can be wrong with the file's columns comes before TensorFlow is loaded.
    names, placed = reader.read_texts(source, rows.texts, rows.header, rows.quoting)
    if rows.label_is_given and names is not None and rows.label_at(names, names) is None:
        problem = f"the label is {rows.label!r}, the header has {', '.join(map(repr, names))}"
        remedy = f"{did_you_mean(str(rows.label), names)}Correct it, or leave it out where rows have none yet"
        raise InputError("--label", problem, remedy)
    pushed = Pushed.read(version)
    with progress.watch(terminal, "suggest"), progress.progress(source.stat().st_size) as bar:
        with streams.hidden_stderr():
            from components.explanation.keras_model import KerasModel
            from components.labelling import suggestions
            from components.labelling.uncertainty import answer_field, uncertainty
            from components.leakage import learned

            model = KerasModel(pushed)
        known, seen = learned.read(version), Seen()
        if known is None:
            note = f"{version} does not say which texts it learned from: some may be suggested again"
            print(streams.printable(note), file=terminal)
        fresh = _Fresh(model.task, names, rows, source, known, seen, bar.advance)
        read, again = tee(fresh.rows(placed))
        candidates = suggestions.Candidates(top)
        found = model.rows(texts for _, _, texts, _ in again)
        for (line, fields, _, text_hash), row in zip(read, found, strict=True):
            answer = answer_field(model.task, row.predictions)
            sure = uncertainty(model.task, row.predictions)
            candidates.add(suggestions.Candidate(line, fields, text_hash, answer, sure, row.vector))
    if not (chosen := candidates.chosen()):
        problem = f"none of its {seen.rows:,} rows is left: {seen.labelled:,} have a label, {seen.learned:,} learned"
        raise InputError(str(source), problem, "Give rows without a label whose texts the model has not learned from")
    return names, fresh.label_at, chosen, seen


class _Fresh:
    """The rows of a file that have no label yet and that the model does not know.

    Args:
        task: the model's.
        names: the header's, or None.
        rows: how rows look.
        source: the file.
        known: hashes of what the model learned from.
        seen: counted up.
        advance: told of the bytes that were read, and what stands beside the bar.
    """

    def __init__(
        self,
        task: Task,
        names: list[str] | None,
        rows: Format,
        source: Path,
        known: np.ndarray | None,
        seen: Seen,
        advance: Callable[[float, str], None],
    ) -> None:
        self._task, self._names, self._rows, self._source = task, names, rows, source
        self._known, self._seen, self._advance = known, seen, advance
        self.label_at: int | None = None

    def rows(
        self, placed: Iterator[tuple[int, list[str], tuple[str, ...], int]]
    ) -> Iterator[tuple[int, list[str], tuple[str, ...], int]]:
        """Line, fields, texts and `of_texts` of each."""
        import numpy as np

        from components.leakage.row_hashes import among, of_texts

        seen = self._seen
        for line, fields, texts, size in placed:
            if not seen.rows:
                self.label_at = self._rows.label_at(self._names, fields)
            seen.rows += 1
            self._advance(size, f"{seen.rows:,} rows")
            if self._task.per_token and (empty := empty_word("token", texts[0].split(" "))):
                raise InputError(f"{self._source}:{line}", *empty)
            text_hash = of_texts(texts, self._task)
            if self.label_at is not None and fields[self.label_at].strip():
                seen.labelled += 1
            elif self._known is not None and among(np.array([text_hash], np.uint64), self._known)[0]:
                seen.learned += 1
            else:
                yield line, fields, texts, text_hash


def columns_of(
    names: list[str] | None, label: Column, label_at: int | None, width: int, with_uncertainty: bool
) -> list[str]:
    """What the columns of the suggested rows are called: those of the file, the label's if it had none, the model's.

    Args:
        names: the header's; None: `column_1` and so on.
        label: as training has it.
        label_at: where the file has the label.
        width: of its rows.
        with_uncertainty: whether the model says how sure it is.
    """
    own = names or [f"column_{number}" for number in range(1, width + 1)]
    added = [] if label_at is not None else [label if isinstance(label, str) else "label"]
    added += [ANSWER, UNCERTAINTY] if with_uncertainty else [ANSWER]
    return [*own, *input_format.prediction_names(own, added).values()]


def _write(
    out: TextIO, columns: list[str], found: list[Candidate], label_at: int | None, rows: Format, as_json: bool
) -> None:
    put = writer(out, rows.quoting)
    if rows.header and not as_json:
        put(columns)
    for one in found:
        sure = [] if one.uncertainty is None else [one.uncertainty]
        empty = [] if label_at is not None else [""]
        if as_json:
            values: list[Any] = [*one.fields, *empty, one.answer, *sure]
            row = {"line": one.line, **dict(zip(columns, values, strict=True))}
            print(json.dumps(row, ensure_ascii=False, allow_nan=False), file=out)
        else:
            put([*one.fields, *empty, one.answer, *(f"{value:.6f}" for value in sure)])


def _format(card: dict[str, Any], task: Task, options: argparse.Namespace) -> Format:
    """How rows look: as in training, or as given.

    Raises:
        InputError: a column that cannot be, or a card that does not say.
    """
    trained = card["input"]
    if "text" not in trained or "label" not in trained:
        raise InputError("--model", "its card does not say how rows with labels look", "Push the model again")
    texts, of_label, header = trained["text"], trained["label"], trained["header"]
    labelled = trained.get("labelled", {"format": "tsv", "header": header})
    if labelled["format"] == "tsv":
        header = labelled["header"]
    else:
        # A sentence a row, where training had one over several lines.
        texts, of_label, header = list(task.texts), task.target, True
    as_trained = {"input": {**trained, "predict_text": texts, "header": header}}
    texts, header, quoting = input_format.row_format(as_trained, options.column, not options.no_header)
    label: Column = options.label or of_label
    if isinstance(label, str) and label.isdecimal():
        label = int(label)
    if not header and options.label and isinstance(label, str):
        problem = f"the label's column is {label!r}, but without a header there are no names"
        raise InputError("--no-header", problem, "Give its number with --label")
    return Format(texts, header, quoting, label, trained.get("columns"), options.label is not None)


def execute(options: argparse.Namespace) -> int:
    output: Path | None = options.output
    if output is not None:
        atomic_files.require_folder(output)
        if output.exists() and options.rows.exists() and output.samefile(options.rows):
            raise InputError(str(output), "is the file of rows", "Give another by --output")
    version = versions.resolve(named_models.model_of(options))
    card = input_format.card_with_input(version)
    if (task := task_of(version)).finds_span or task.writes:
        kind = "texts" if task.writes else "parts of a text"
        problem = f"the answers of {task.name} are {kind}, and which row is worth one is not known of them"
        raise InputError("suggest", problem, "`bulk-predict` gives the score of each answer: label the lowest first")
    rows = _format(card, task, options)
    note = input_format.note_of_width(options.rows, card, rows.quoting, bool(options.column) or options.no_header)
    names, label_at, found, seen = suggest(version, options.rows, rows, options.top, sys.stderr)
    columns = columns_of(names, rows.label, label_at, len(found[0].fields), found[0].uncertainty is not None)
    with atomic_files.written(options.output) as out:
        _write(out, columns, found, label_at, rows, options.json)
    said = [f"{seen.labelled:,} have a label"] * bool(seen.labelled)
    said += [f"{seen.learned:,} are among those that the model learned from"] * bool(seen.learned)
    left_out = f", of which {' and '.join(said)}" if said else ""
    where = f": {options.output}" if options.output is not None else ""
    of = f"{len(found):,} of {seen.rows:,} rows{left_out}{where}"
    for line in (note, of):
        if line is not None:
            print(streams.printable(line), file=sys.stderr)
    return DONE

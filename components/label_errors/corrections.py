"""Labels that somebody gave in place of a run's: read from the reviewed list, held against the files, written anew.

The files of a run are never touched: a new directory gets all of them, with the corrected labels. A row without a
correction is the same there to the last byte.
"""

from __future__ import annotations

import gzip
import io
import itertools
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from components.common import atomic_files
from components.common.errors import InputError
from components.common.suggest import did_you_mean
from components.rows import reader
from components.rows.columns import Layout, read_layout
from components.rows.conll import Sentence
from components.rows.files import InputFiles, opened, readable, require_file
from components.rows.rules import broken_rule
from components.rows.tsv import BOM, BadRow, read_fields
from components.rows.writer import writer
from components.settings.data import Data
from components.tasks import Task
from components.tasks.multilabel import Multilabel
from components.tasks.tagging import Tagging

FILE, LINE, WORD, LABEL, CORRECT = "file", "line", "word", "label", "correct"
"""Columns of the list by which a label is found, and the one that is filled in."""

NO_LABEL = "-"
"""As the correct label of a row that is to have none, where it may have several."""


class Correction(NamedTuple):
    """Of one label."""

    place: str
    """Where it stands in the reviewed list: its path and line."""
    file: str
    line: int
    word: int | None
    texts: tuple[str, ...]
    label: str
    """As it was listed."""
    correct: str


def names(files: InputFiles) -> dict[str, Path]:
    """Name -> path of a run's files: below the directory that holds them all."""
    # Without `..`: a name is written to below another directory.
    paths = [Path(os.path.abspath(path)) for _, path in files]  # noqa: PTH100
    home = os.path.commonpath([path.parent for path in paths])
    return {path.relative_to(home).as_posix(): path for path in paths}


def read(reviewed: Path, task: Task, known: Mapping[str, Path]) -> list[Correction]:
    """The rows of a reviewed list that have a correct label other than the one they have.

    Args:
        reviewed: TSV as `label-errors` writes it, quoted as spreadsheets do; columns may be in another order, and there
            may be more of them.
        task: the run's.
        known: as of `names`.

    Raises:
        InputError: columns are missing, a row names no file or line, or one that another row names; or none is
            corrected.
    """
    require_file(reviewed, "Give the file that `label-errors` wrote")
    with readable(reviewed), opened(reviewed) as file:
        rows = read_fields(file, reviewed, "csv")
        columns = _columns(reviewed, next(rows, None), task)
        found: dict[tuple[str, int, int | None], Correction] = {}
        for row in rows:
            if isinstance(row, BadRow):
                raise row.error()
            correction = _correction(reviewed, row, columns, task, known)
            key = correction.file, correction.line, correction.word
            if key in found:
                problem = f"{_named(correction)} is listed a second time, first in {found[key].place}"
                raise InputError(correction.place, problem, "Leave one of the two")
            found[key] = correction
    # In other schemes than BIO the tag that is listed may be written as another: `B-` of a list is `S-` in a file.
    is_as_written = not isinstance(task, Tagging) or task.scheme == "bio"
    corrected = [one for one in found.values() if one.correct and not (is_as_written and one.correct == one.label)]
    if not corrected:
        problem = f"no row has a label in its column `{CORRECT}` that differs from its `{LABEL}`"
        raise InputError(str(reviewed), problem, "Fill in the right label of each row that has a wrong one")
    return corrected


def _columns(reviewed: Path, header: Any, task: Task) -> dict[str, int]:
    """Name -> place of each column that is needed."""
    wanted = [FILE, LINE, *([WORD] if task.per_token else []), *text_columns(task), LABEL, CORRECT]
    if header is None or isinstance(header, BadRow):
        raise InputError(f"{reviewed}:1", "no header", "Give the file that `label-errors` wrote")
    there: list[str] = header[1]
    for name in wanted:
        if there.count(name) != 1:
            problem = f"the header has {'no' if name not in there else 'more than one'} column `{name}`"
            remedy = f"Its columns have to be {', '.join(wanted)}, with tabs between; others may stand beside them"
            raise InputError(f"{reviewed}:1", problem, remedy)
    return {"": len(there), **{name: there.index(name) for name in wanted}}


def text_columns(task: Task) -> Sequence[str]:
    """What the list calls the texts of a row."""
    return ("text",) if len(task.texts) == 1 else task.texts


def _correction(
    reviewed: Path, row: tuple[int, list[str]], columns: Mapping[str, int], task: Task, known: Mapping[str, Path]
) -> Correction:
    line, fields = row
    place = f"{reviewed}:{line}"
    if len(fields) != columns[""]:
        problem = f"expected {columns['']} tab-separated fields as in the header, got {len(fields)}"
        raise InputError(place, problem, "Correct the row, or delete it")
    at = {name: fields[index] for name, index in columns.items() if name}
    if at[FILE] not in known:
        problem = f"`{FILE}` is {at[FILE][:80]!r}, the run's files are {', '.join(known)}"
        raise InputError(place, problem, f"{did_you_mean(at[FILE], known)}Correct it")
    numbers = {}
    for name in (LINE, WORD) if task.per_token else (LINE,):
        if not re.fullmatch("[1-9][0-9]{0,17}", at[name]):
            raise InputError(place, f"`{name}` is {at[name][:40]!r}, a number from 1 on was expected", "Correct it")
        numbers[name] = int(at[name])
    correct = task.clean_label(at[CORRECT])
    texts = tuple(at[name] for name in text_columns(task))
    return Correction(place, at[FILE], numbers[LINE], numbers.get(WORD), texts, at[LABEL], correct)


def _named(correction: Correction) -> str:
    word = "" if correction.word is None else f", word {correction.word},"
    return f"{correction.file}:{correction.line}{word}"


def write(
    files: InputFiles, data: Data, task: Task, corrections: Sequence[Correction], destination: Path
) -> dict[str, int]:
    """Writes all files of a run with the corrected labels into a new directory, whole or not at all.

    Args:
        files: of the run.
        data: format and columns.
        task: with the names of its labels.
        corrections: as of `read`.
        destination: the directory, which is not there yet.

    Returns:
        File -> labels that are others.

    Raises:
        InputError: a row is not there or no longer as it was listed, a label is not known or breaks a rule, or there
            is something at the destination.
    """
    atomic_files.require_new(destination)
    known = names(files)
    by_file: dict[str, dict[int, list[Correction]]] = {name: defaultdict(list) for name in known}
    for one in corrections:
        by_file[one.file][one.line].append(one)
    edits = {name: _edits(known[name], data, task, some) for name, some in by_file.items() if some}
    with atomic_files.appearing(destination) as folder:
        for name, path in known.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if name in edits:
                _rewrite(path, target, edits[name])
            else:
                shutil.copyfile(path, target)
    return {name: sum(map(len, some.values())) for name, some in by_file.items()}


class _Edit(NamedTuple):
    """Of a record."""

    more: int
    """Lines that it has behind its first."""
    change: Callable[[bytes], bytes]
    """The record without mark and line end -> the same with another label."""


def _edits(path: Path, data: Data, task: Task, wanted: Mapping[int, list[Correction]]) -> dict[int, _Edit]:
    """First line -> edit of each record that changes; of sentences, of each word's line."""
    layout = read_layout(path, data)
    found: dict[int, _Edit] = {}
    left = dict(wanted)
    with readable(path), opened(path) as file:
        for record in reader.records(file, path, data):
            if isinstance(record, BadRow) or not (some := left.pop(record[0], None)):
                continue
            if data.header and record[0] == 1:
                raise InputError(some[0].place, f"line 1 of {some[0].file} is its header", "Correct the line")
            label = _checked(record[1], layout, task, some)
            if isinstance(record, Sentence):
                for one in some:
                    assert one.word is not None  # noqa: S101
                    tag = label.split(" ")[one.word - 1]
                    line = record.lines[one.word - 1]
                    found[line] = _Edit(0, _in_columns(layout, tag, data.format == "conllu"))
            else:
                more = sum(field.count("\n") for field in record[1])
                found[record[0]] = _Edit(more, _in_fields(path, record[0], layout, label, data))
    for some in left.values():
        raise InputError(some[0].place, f"no row begins in line {some[0].line} of {some[0].file}", "Correct the line")
    return found


def _checked(fields: list[str], layout: Layout, task: Task, some: Sequence[Correction]) -> str:
    """The new label's field of a row, after it was held against what was listed, and against the rules."""
    first = some[0]
    if len(fields) != layout.width or layout.label is None:
        raise _changed(first, "is no row of the run any more")
    texts, label = tuple(fields[index] for index in layout.texts), task.clean_label(fields[layout.label])
    learned = task.as_learned(label).split(" ") if task.per_token else [task.as_learned(label)]
    parts = label.split(" ") if task.per_token else [label]
    for one in some:
        place = 0 if one.word is None else one.word - 1
        if tuple(map(_as_shown, one.texts)) != tuple(map(_as_shown, texts)):
            raise _changed(one, "has another text now")
        if place >= len(parts):
            raise InputError(one.place, f"{one.file}:{one.line} has {len(parts)} words", f"Correct `{WORD}`")
        if learned[place] != one.label:
            raise _changed(one, f"has the label {learned[place][:80]!r} now, it was listed with {one.label[:80]!r}")
        none = isinstance(task, Multilabel) and one.correct == NO_LABEL and NO_LABEL not in task.labels
        parts[place] = "" if none else one.correct
        if task.per_token and " " in one.correct:
            raise InputError(one.place, f"`{CORRECT}` is {one.correct[:80]!r}, a word has one tag", "Give one")
    corrected = " ".join(parts)
    if broken := broken_rule([*fields[: layout.label], corrected, *fields[layout.label + 1 :]], layout, task.check_row):
        raise InputError(first.place, f"with `{CORRECT}` in {_named(first)}: {broken[0]}", broken[1])
    return corrected


def _as_shown(text: str) -> str:
    """A text but for line ends, which a spreadsheet may write in its own way."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _changed(one: Correction, what: str) -> InputError:
    remedy = "The file is not as it was when the list was made: run again, and review the list of that run"
    return InputError(one.place, f"{one.file}:{one.line} {what}", remedy)


def _in_fields(path: Path, line: int, layout: Layout, label: str, data: Data) -> Callable[[bytes], bytes]:
    """Puts the label into its field of a row."""
    assert layout.label is not None  # noqa: S101
    place = layout.label

    def plain(record: bytes) -> bytes:
        fields = record.split(b"\t")
        return b"\t".join([*fields[:place], label.encode(), *fields[place + 1 :]])

    def quoted(record: bytes) -> bytes:
        row = next(read_fields(io.BytesIO(record), path, data.row_quoting, line))
        assert not isinstance(row, BadRow)  # noqa: S101
        out = io.StringIO()
        writer(out, data.row_quoting)([*row[1][:place], label, *row[1][place + 1 :]])
        return out.getvalue().removesuffix("\n").encode()

    return plain if data.row_quoting == "none" else quoted


def _in_columns(layout: Layout, tag: str, between_tabs: bool) -> Callable[[bytes], bytes]:
    """Puts the tag into its column of a word's line."""
    assert layout.label is not None  # noqa: S101
    place = layout.label

    def change(line: bytes) -> bytes:
        column = list(re.finditer(rb"[^\t]+" if between_tabs else rb"[^ \t]+", line))[place]
        return line[: column.start()] + tag.encode() + line[column.end() :]

    return change


def _rewrite(path: Path, target: Path, edits: Mapping[int, _Edit]) -> None:
    """Writes a file with its edits."""
    with readable(path), opened(path) as source, _created(target) as out:
        lines = enumerate(source, 1)
        for number, line in lines:
            if (edit := edits.get(number)) is None:
                out.write(line)
                continue
            record = b"".join([line, *(more for _, more in itertools.islice(lines, edit.more))])
            mark = BOM if number == 1 and record.startswith(BOM) else b""
            content = record.removeprefix(mark)
            end = next(end for end in (b"\r\n", b"\n", b"") if content.endswith(end))
            out.write(mark + edit.change(content.removesuffix(end)) + end)


def _created(target: Path) -> Any:
    """Compressed where the name ends so; without a time, so that equal contents are equal files."""
    if target.suffix == ".gz":
        return gzip.GzipFile(target, "wb", mtime=0)
    return target.open("wb")

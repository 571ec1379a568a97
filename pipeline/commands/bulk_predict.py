"""`bulk-predict`: TSV files through a pushed model by Beam, in parts that a killed job does not lose."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from components.common import atomic_files, locks, progress, streams
from components.common.errors import InputError, describe
from components.common.exit_status import DONE, FAILED
from components.common.literal_paths.patterns import matching
from components.export.card import identity
from components.export.card_task import task_of
from components.rows import shards
from components.rows.columns import text_columns
from components.rows.files import fingerprint, require_file
from components.rows.tsv import Quoting
from components.rows.writer import QUARANTINE_FILE
from components.serving import input_format, versions
from components.settings.beam import Beam
from components.settings.toml import TomlSource
from pipeline.beam import options
from pipeline.commands import named_models
from pipeline.config import load

JOB_FILE, DONE_FILE, LOG_FILE = "job.json", "done.json", "log.txt"
"""Within the output: what the predictions stand on, that all are there, and what libraries had to say."""

_COUNTS_FILE = "counts"
"""Within the work directory: a line of JSON for each part, its `rows` and its `bad` ones."""


@dataclasses.dataclass(frozen=True, slots=True)
class BulkResult:
    """What came of it."""

    rows: int
    """With a prediction."""
    quarantined: int
    parts: int


def settings(path: Path | None) -> Beam:
    """`[beam]` of a run's TOML file, held against what is there; `local` without one.

    Raises:
        InputError: a mistake in the file, or a job service that does not respond.
    """
    if path is None:
        return Beam()
    found = load.load_any(path).beam
    options.check(found, TomlSource(str(path), path.read_text(encoding="utf-8-sig")))
    return found


def predict_files(
    model: Path,
    inputs: Sequence[Path],
    output: Path,
    columns: Sequence[str] | None,
    has_header: bool,
    where: Beam,
    terminal: TextIO,
) -> BulkResult:
    """Predicts every row of some files, into NAME-00000-of-00002.tsv and so on: in this order, what `predict` writes.

    Args:
        model: a pushed version, or their directory.
        inputs: files or globs, all with the same columns.
        output: a directory; predictions that are in it already, from a job that was killed, stay.
        columns: as `input_format.row_format`.
        has_header: the same.
        where: Beam's settings; other machines need files, model and output under the same paths.
        terminal: where notes on columns go.

    Raises:
        InputError: no such files or columns, a model that is none, an output that holds something else or is
            being written.
        Exception: what went wrong within the job.
    """
    version = versions.resolve(model, other_forms=True).resolve()
    card = input_format.card_with_input(version)
    texts, header, quoting = input_format.row_format(card, columns, has_header)
    files = _files(inputs)
    names, wanted = _columns(files, texts, header, quoting)
    _tell_widths(files, card, quoting, bool(columns) or not has_header, terminal)
    row_format = shards.RowFormat(wanted, len(names), header, quoting)
    stands_on = {
        "model": {"version": str(version), "identity": identity(card)},
        "inputs": _states(files),
        "row_format": dataclasses.asdict(row_format) | {"wanted": list(wanted)},
    }
    done, work = output / DONE_FILE, output / shards.WORK
    with _claimed(output, stands_on):
        if not done.is_file():
            with (
                streams.hidden_stderr(output / LOG_FILE) as shown,
                progress.watch(shown, "bulk-predict"),
                progress.progress(),
            ):
                from components.serving import bulk_predictor

                work.mkdir(exist_ok=True)
                job = bulk_predictor.Job(str(version), str(output.resolve()), row_format, tuple(names))
                bulk_predictor.run(job, list(map(str, files)), work / _COUNTS_FILE, options.arguments(where))
            if _states(files) != stands_on["inputs"]:
                remedy = "Give another --output, once the files are complete"
                raise InputError(", ".join(map(str, files)), "changed while the predictions were made", remedy)
            _finish(files, work, output)
        _tell_names(version, names, output, terminal)
        if work.exists():
            # Of this job, or of one that was killed right here.
            shutil.rmtree(work)
        return BulkResult(**json.loads(done.read_text(encoding="utf-8")))


def _tell_widths(files: list[Path], card: dict[str, Any], quoting: Quoting, is_said: bool, terminal: TextIO) -> None:
    """Says which files have more or fewer columns than rows in training; arguments and errors as `note_of_width`."""
    for note in [input_format.note_of_width(path, card, quoting, is_said) for path in files]:
        if note is not None:
            print(note, file=terminal)


def _tell_names(version: Path, names: list[str], output: Path, terminal: TextIO) -> None:
    """Says which columns of predictions have other names than the task gives them."""
    found = input_format.prediction_names(names, task_of(version).output_columns)
    if note := input_format.renaming_note(found):
        print(f"{output}: {note}", file=terminal)


def _finish(files: list[Path], work: Path, output: Path) -> None:
    """Sums up the counts of the parts, gathers their bad rows, and notes that the job is done."""
    lines = [json.loads(line) for line in (work / _COUNTS_FILE).read_text(encoding="utf-8").splitlines()]
    found = BulkResult(sum(line["rows"] for line in lines), sum(line["bad"] for line in lines), len(lines))
    if found.quarantined:
        _gather(work, files, output / QUARANTINE_FILE)
    atomic_files.write_text(output / DONE_FILE, json.dumps(dataclasses.asdict(found)))


def _files(inputs: Sequence[Path]) -> list[Path]:
    """The files, globs resolved, in sorted order; each gives its predictions a name of their own."""
    found: dict[str, Path] = {}
    for given in inputs:
        names = [given] if given.exists() else list(map(Path, matching(str(given))))
        for path in names or [given]:
            require_file(path, f"Name its files, say {path}/*.tsv")
            other = found.setdefault(shards.stem(path), path.resolve())
            if other != path.resolve():
                problem = f"its predictions would have the names of those of {other}"
                raise InputError(str(path), problem, "Rename one, or give it an --output of its own")
    return sorted(found.values())


def _states(files: list[Path]) -> list[list[str]]:
    """Path and sha256 of each file: times and sizes can stay while bytes change, and change while bytes stay.

    Some hundred times faster than predicting the rows, so a job that goes on is not held up.
    """
    return [[str(path), fingerprint(path)] for path in files]


def _columns(files: list[Path], texts: Sequence[Any], header: bool, quoting: Any) -> tuple[list[str], tuple[int, ...]]:
    """The header's names and the indices of the texts, which all files share."""
    of_files = [text_columns(path, texts, header, quoting) for path in files]
    for path, (names, _) in zip(files, of_files, strict=True):
        if names != of_files[0][0]:
            problem = f"another header than that of {files[0]}"
            raise InputError(f"{path}:1", problem, "Give files with the same columns, or a job to each kind")
    names, wanted = of_files[0]
    return names or [], wanted


@contextlib.contextmanager
def _claimed(output: Path, stands_on: dict[str, Any]) -> Iterator[None]:
    """Makes the output, or finds it as a job of the same kind left it, and keeps another command out of it.

    Raises:
        InputError: it is something else, another command is in, or it cannot be written.
    """
    place = output / JOB_FILE
    try:
        output.mkdir(parents=True, exist_ok=True)
        if not place.is_file() and any(path.name != LOG_FILE for path in output.iterdir()):
            problem = "not empty, and not of a job that can go on"
            raise InputError(str(output), problem, "Give another --output")
        # The lock too, so nothing may ever take its place.
        file = place.open("a+", encoding="utf-8")
    except OSError as error:
        raise _not_writable(output, error) from None
    with file:
        try:
            locks.lock(file)
            if not place.stat().st_size:
                file.write(json.dumps(stands_on, indent=1))
                file.flush()
                atomic_files.force_to_disk(place)
                atomic_files.force_to_disk(output)
            file.seek(0)
            before = dict(json.load(file))
        except BlockingIOError:
            problem = "another bulk-predict is running here"
            raise InputError(str(output), problem, "Wait for its end, or give this one another --output") from None
        except OSError as error:
            raise _not_writable(output, error) from None
        except (ValueError, TypeError) as error:
            problem = f"not what a job stands on ({error})"
            raise InputError(str(place), problem, "Give another --output") from None
        changed = [name for name, value in stands_on.items() if before.get(name) != value]
        if changed:
            problem = f"holds predictions of a job with other {' and '.join(changed).replace('_', ' ')}"
            raise InputError(str(output), problem, f"Give another --output; {place} says what it stands on")
        yield


def _not_writable(output: Path, error: OSError) -> InputError:
    return InputError(str(output), f"cannot be written ({error.strerror})", "Give a directory you may write to")


def _gather(pieces: Path, files: list[Path], quarantine: Path) -> None:
    """One quarantine file of those of the parts, in the order of files and lines."""
    order = {shards.stem(path): place for place, path in enumerate(files)}
    # NAME-00000-of-00002.tsv: the name may have dashes of its own.
    found = sorted(pieces.glob("*.tsv"), key=lambda path: (order[path.stem.rsplit("-", 3)[0]], path.name))
    # No piece itself, should a killed job leave it.
    aside = pieces / "gathered"
    with aside.open("wb") as out:
        for piece in found:
            with piece.open("rb") as file:
                shutil.copyfileobj(file, out)
    atomic_files.publish(aside, quarantine)


def execute(parsed: argparse.Namespace) -> int:
    where = settings(parsed.config)
    header = not parsed.no_header
    model = named_models.model_of(parsed)
    try:
        with progress.stop_on_signals():
            done = predict_files(model, parsed.input, parsed.output, parsed.column, header, where, sys.stderr)
    except Exception as error:
        cause = options.original_error(error)
        if isinstance(cause, InputError | OSError):
            raise cause from None
        log = parsed.output / LOG_FILE
        again = f"Run again: the parts that are there stay. The log has the rest: {log}"
        print(f"error: {describe(cause)}. {again}", file=sys.stderr)
        return FAILED
    if done.quarantined and not done.rows:
        problem = f"none of its {done.quarantined:,} rows can be predicted"
        remedy = f"Correct them, or give --column or --no-header; {parsed.output / QUARANTINE_FILE} has the reasons"
        raise InputError(", ".join(map(str, parsed.input)), problem, remedy)
    bad = f", {done.quarantined:,} bad ones in {parsed.output / QUARANTINE_FILE}" if done.quarantined else ""
    print(f"{done.rows:,} rows predicted in {done.parts} files{bad}: {parsed.output}", file=sys.stderr)
    return DONE

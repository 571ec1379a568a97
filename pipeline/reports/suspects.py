"""The labels of a run's rows that are likely wrong, and what of a run is needed to put them right."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from components.common.errors import InputError
from components.pretrained import hub
from components.rows import label_names, reader
from components.rows.files import InputFiles, fingerprint, require_file
from components.settings.run import Run
from components.tasks import Task
from pipeline.reports import row_answers
from pipeline.runs import manifest
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import RunRecord

if TYPE_CHECKING:
    from components.label_errors.listing import GivenRow, Suspect

TRAIN = "train"


class LabelledFiles(NamedTuple):
    """The files of a run, as they are now."""

    settings: Run
    files: InputFiles
    task: Task
    """With the names of its labels."""


@dataclass(slots=True)
class Suspects:
    """Of a run."""

    task: Task
    rows: dict[str, int]
    """Split -> rows that were judged."""
    found: list[Suspect] = field(default_factory=list)
    """Worst first."""
    unjudged: int = 0
    """Labels of train that no other row has."""


def labelled_files(record: RunRecord) -> LabelledFiles:
    """The files that a run read, and its task.

    Raises:
        InputError: a run over documents, a file that is gone, or labels of train that are too few or too many.
    """
    found = manifest.read_alone(Path(record.directory))
    settings = found.settings
    if not isinstance(settings, Run):
        raise InputError(f"run {record.id}", "a run over documents, which have no labels", "Name another")
    files: InputFiles = [(one.split, Path(one.path)) for one in found.data]
    for _, path in files:
        require_file(path, "Put the file back")
    return LabelledFiles(settings, files, label_names.task_of(files, settings.data))


def check(record: RunRecord, split: str | None) -> tuple[LabelledFiles, Path, Path | None]:
    """What can be said before TensorFlow is imported.

    Args:
        record: of the run.
        split: to be judged; None: all of them.

    Returns:
        The files; the base model; and the run's model, None where it is not needed.

    Raises:
        InputError: as `labelled_files`; files that are others by now; no such split; a task whose labels cannot be
            judged; or no model any more.
    """
    from components.label_errors import tasks_judged

    if split is not None:
        row_answers.check_split(record, split)
    given = labelled_files(record)
    tasks_judged.check(given.task)
    for one in manifest.read_alone(Path(record.directory)).data:
        if fingerprint(Path(one.path)) != one.sha256:
            problem = f"is not what run {record.id} read"
            raise InputError(one.path, problem, "Run again, and list the suspects of that run")
    trained = None
    if split != TRAIN:
        paths = PipelinePaths.of_run(given.settings, Path(record.directory))
        try:
            trained = row_answers.model_of(record, paths)
        except InputError as error:
            remedy = f"{error.remedy}. Rows of train alone need none: --split {TRAIN}"
            raise InputError(error.place, error.problem, remedy) from None
    return given, hub.resolve(given.settings.model.base), trained


def suspects(
    record: RunRecord, given: LabelledFiles, base: Path, trained: Path | None, splits: Sequence[str]
) -> Suspects:
    """Judges the rows of splits; what it is given is what `check` gave.

    Raises:
        InputError: the base model or the run's cannot be loaded, there are too few rows, or there is no room on the
            disk.
    """
    from components.label_errors import listing

    settings, task = given.settings, given.task
    models = listing.Models(base, trained, settings.model, settings.training.seed)
    rows = _rows(given, splits)
    made = Suspects(task, {split: len(rows[split]) for split in splits})
    # Within the root of the runs: the system's temporary directory may be memory.
    with tempfile.TemporaryDirectory(dir=record.directory) as scratch:
        for split in splits:
            if split == TRAIN:
                some, made.unjudged = listing.of_train(rows[split], task, models, Path(scratch))
            else:
                some = listing.of_others(rows[split], split, task, models, Path(scratch))
            made.found += some
    worst = -1 if task.numeric else 1
    made.found.sort(key=lambda one: (worst * one.quality, one.file, one.line, one.word or 0))
    return made


def _rows(given: LabelledFiles, splits: Sequence[str]) -> dict[str, list[GivenRow]]:
    """The good rows of each of these splits."""
    from components.label_errors import corrections
    from components.label_errors.listing import GivenRow

    found = defaultdict[str, list[GivenRow]](list)
    for name, (split, path) in zip(corrections.names(given.files), given.files, strict=True):
        if not set(given.settings.data.dealt(split)) & set(splits):
            continue
        for row in reader.read_rows(path, split, given.settings.data, given.task.check_row):
            if isinstance(row, reader.Row) and row.split in splits:
                found[row.split].append(GivenRow(name, row.line, row.texts, row.label))
    return found

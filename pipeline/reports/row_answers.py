"""What a run's model, and the one in production then, answered to the rows of a split, kept beside the run's record.

Of dev and test the Evaluator has mostly kept what it measured. Else a model is asked once, by the first command that
wants to know.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from components import tasks
from components.common import atomic_files, stored_paths
from components.common.errors import InputError
from components.export.card import identity, read_card
from components.export.card_task import task_of
from components.settings.data import GATE
from components.settings.run import Run
from components.settings.serialization import dump, load_file
from components.tasks.metrics import Assessment
from components.verdict.answers import ANSWERS_FILE, AnsweredRow, Answers
from pipeline.runs import manifest
from pipeline.runs.paths import PipelinePaths
from pipeline.runs.record import RunRecord

READER = "TsvExampleGen"

_EVALUATORS = {"dev": "Evaluator", GATE: "Evaluator", "test": "Evaluator.test"}
"""Split -> the node that measures on it."""


def kept(record: RunRecord, split: str) -> Answers | None:
    """What is kept of a split: what models answered when they were asked, else what the Evaluator measured; None:
    nothing, or of another model, or it is damaged."""
    return _read(record, split, _path(record, split)) or _evaluated(record, split)


def _evaluated(record: RunRecord, split: str) -> Answers | None:
    """What the Evaluator has left of a split, where it is still there."""
    node = _EVALUATORS.get(split)
    uris = [uri for one in record.nodes if one.id == node for uri in one.outputs]
    if not uris:
        return None
    with contextlib.suppress(InputError):
        paths = paths_of(record)
        places = (paths.artifact(uri) for uri in uris)
        found = (_read(record, split, place / ANSWERS_FILE) for place in places if place is not None)
        return next(filter(None, found), None)
    return None


def _read(record: RunRecord, split: str, path: Path) -> Answers | None:
    if not path.is_file():
        return None
    with contextlib.suppress(InputError):
        found = load_file(Answers, path, "a run's answers", "Delete it: `report` asks the model again")
        numbers = [one.loss for row in found.rows for one in (row.candidate, row.production) if one]
        if found.split == split and found.model == _identity(record) and all(map(math.isfinite, numbers)):
            return found
    return None


def enough(record: RunRecord, split: str, most: int | None) -> Answers | None:
    """What is kept, if it is of as many rows as are needed, `most`, or of all; None: it is not.

    Nor is it enough where the Evaluator did not ask the model in production, which can be asked still.
    """
    found = _read(record, split, _path(record, split))
    if found is None and (found := _evaluated(record, split)) and found.version is None and _has_production(record):
        return None
    is_enough = found and (found.is_complete or (most is not None and len(found.rows) >= most))
    return found if is_enough else None


def _has_production(record: RunRecord) -> bool:
    """Whether there was a model in production that can be asked still."""
    with contextlib.suppress(InputError):
        paths = paths_of(record)
        return _production(record, paths, model_of(record, paths)) is not None
    return False


def asked(record: RunRecord, split: str, most: int | None) -> Answers:
    """What is kept of a split's rows, or else what the models answer now, which is kept then.

    Args:
        record: of a run that has a model.
        split: its name.
        most: rows that are needed, the first ones; None: all.

    Raises:
        InputError: the run has no such split, no model, or what it had was removed since.
    """
    if (found := enough(record, split, most)) is not None:
        return found
    asked_now = _ask(record, split, most)
    with contextlib.suppress(OSError):
        atomic_files.write_text(_path(record, split), dump(asked_now))
    return asked_now


def check_split(record: RunRecord, split: str) -> None:
    """Refuses the name of a split that a run has no rows of.

    Raises:
        InputError: it has none.
    """
    if split not in record.rows:
        known = ", ".join(record.rows) or "none"
        raise InputError("--split", f"run {record.id} has no rows of {split!r}, its splits: {known}", "Name another")


def _ask(record: RunRecord, split: str, most: int | None) -> Answers:
    from components.examples import labelled_texts
    from components.serving.predictor import Predictor

    directory = Path(record.directory)
    settings = manifest.read_alone(directory).settings
    paths = PipelinePaths.of_run(settings, directory)
    if not isinstance(settings, Run):
        raise InputError(record.id, "a run over documents, whose product answers nothing", "Name another")
    check_split(record, split)
    model, source = model_of(record, paths), examples(record, paths)
    rows = list(islice(labelled_texts.read(source / f"Split-{split}", tasks.read(source)), most))
    found = Predictor(model).assess(rows)
    before: Iterable[Assessment | None] = itertools.repeat(None, len(rows))
    if (version := _production(record, paths, model)) is not None:
        before = Predictor(paths.serving / version).assess(rows)
    answered = [
        AnsweredRow(place, texts, ours, theirs)
        for place, ((texts, _), ours, theirs) in enumerate(zip(rows, found, before, strict=True), 1)
    ]
    return Answers(split, identity(read_card(model)), version, record.rows[split], answered)


def paths_of(record: RunRecord) -> PipelinePaths:
    """Where the run's pipeline keeps its files.

    Raises:
        InputError: the run has no manifest that says so.
    """
    directory = Path(record.directory)
    return PipelinePaths.of_run(manifest.read_alone(directory).settings, directory)


def model_of(record: RunRecord, paths: PipelinePaths) -> Path:
    """The run's model: the version that was pushed, or what Trainer left.

    Raises:
        InputError: neither is there any more.
    """
    made = manifest.read_alone(Path(record.directory)).result.get("model")
    for root, said in ((paths.serving, record.pushed), (paths.models, made)):
        place = stored_paths.below(root, said) if said else None
        if place is not None and place.is_dir() and "task" in read_card(place):
            return place
    problem = "has no model any more, or none yet"
    raise InputError(f"run {record.id}", problem, "Run again: its answers can be had as long as its model is there")


def examples(record: RunRecord, paths: PipelinePaths) -> Path:
    """The directory of a run's rows as ExampleGen made them.

    Raises:
        InputError: it was removed.
    """
    # A run over documents has no such node, and gets none by being asked.
    for uri in (uri for node in record.nodes if node.id == READER for uri in node.outputs):
        if (found := paths.artifact(uri)) is not None and found.is_dir():
            return found
    raise InputError(f"run {record.id}", "its rows were removed by `prune`", "Run again: they come from its files")


def _production(record: RunRecord, paths: PipelinePaths, model: Path) -> str | None:
    """The version that was in production then, if it can be asked still."""
    version = str(record.evaluations.get("dev", {}).get("baseline_version") or "")
    place = paths.serving / version
    if not version.isdecimal() or not place.is_dir():
        return None
    try:
        return None if tasks.unlike(task_of(place), task_of(model)) else version
    except InputError:
        return None


def _identity(record: RunRecord) -> str | None:
    with contextlib.suppress(InputError):
        found: str | None = manifest.read_alone(Path(record.directory)).result.get("identity")
        return found
    return None


def _path(record: RunRecord, split: str) -> Path:
    return Path(record.directory, f"answers-{Path(split).name}.json")

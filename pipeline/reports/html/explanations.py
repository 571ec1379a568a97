"""Why a model made its worst mistakes: words that weighed, rows of train that are near; kept beside the run."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components import tasks
from components.common import atomic_files, progress
from components.common.errors import InputError
from components.export.formats.pushed import Pushed
from components.settings.serialization import dump, load_file
from components.verdict.answers import AnsweredRow, Answers
from pipeline.reports import row_answers
from pipeline.runs.record import RunRecord

if TYPE_CHECKING:
    from components.explanation.keras_model import KerasModel
    from components.tasks import Task

MOST = 20
"""Mistakes that are explained, the worst."""

MOST_OF_TRAIN = 10_000
"""Rows of train, the first ones, among which the nearest are looked for."""

_NEAREST = 3
"""Rows of train that are told of each mistake."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A word as the model sees it."""

    text: str
    weight: float
    """Above 0 where it spoke for the answer, below where for the label; nats, of numbers the label's unit."""


@dataclass(frozen=True, slots=True)
class Near:
    """A row of train."""

    place: int
    """In train's Examples, from 1."""
    texts: tuple[str, ...]
    label: str
    similarity: float
    """The cosine of both rows' vectors."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A mistake."""

    place: int
    """As `AnsweredRow.place`."""
    words: list[Weighed]
    """Empty: the task's answers cannot be explained so, or every word that the model saw is right."""
    gap: float
    """How far the sum of the weights is from what it should be."""
    is_complete: bool
    """Whether that is within the bound."""
    nearest: list[Near]


@dataclass(slots=True)
class Explanations:
    """Of the worst mistakes of a split, the worst first."""

    split: str
    model: str
    """As `Answers.model`."""
    train: int
    """Rows of train that were looked at."""
    total: int
    """Rows of train."""
    rows: list[Explained] = field(default_factory=list)


def worst(answers: Answers) -> list[AnsweredRow]:
    """The rows that are explained."""
    return answers.worst()[:MOST]


def kept(record: RunRecord, answers: Answers) -> Explanations | None:
    """What is kept of these mistakes; None: nothing, or of others, or it is damaged."""
    path = _path(record, answers.split)
    if not path.is_file():
        return None
    with contextlib.suppress(InputError):
        found = load_file(Explanations, path, "a run's explanations", "Delete it: `report --explain` makes it again")
        numbers = [one.weight for row in found.rows for one in row.words]
        numbers += [one.similarity for row in found.rows for one in row.nearest]
        known = found.split, found.model, [row.place for row in found.rows]
        wanted = answers.split, answers.model, [row.place for row in worst(answers)]
        if known == wanted and all(map(math.isfinite, numbers)):
            return found
    return None


def explained(record: RunRecord, answers: Answers) -> Explanations:
    """Explains these mistakes, and keeps what is found.

    Args:
        record: of a run whose model and rows are still there.
        answers: its model's.

    Raises:
        InputError: they are not, or the model is too old to say what it is made of.
    """
    made = _explain(record, answers)
    with contextlib.suppress(OSError):
        atomic_files.write_text(_path(record, answers.split), dump(made))
    return made


def _explain(record: RunRecord, answers: Answers) -> Explanations:
    import numpy as np

    from components.examples import labelled_texts
    from components.explanation.keras_model import KerasModel
    from components.explanation.neighbours import nearest

    paths = row_answers.paths_of(record)
    examples = row_answers.examples(record, paths)
    if (task := tasks.read(examples)).finds_span:
        problem = f"the answers of {task.name} are places in a text, and no words are weighed for them"
        raise InputError("--explain", problem, "Leave it out: the page has the worst mistakes themselves")
    rows = worst(answers)
    train = list(islice(labelled_texts.read(examples / "Split-train", task), MOST_OF_TRAIN))
    found = Explanations(answers.split, answers.model, len(train), record.rows["train"])
    if not rows:
        return found
    model = KerasModel(Pushed.read(row_answers.model_of(record, paths)))
    labels = _labels(labelled_texts.read(examples / f"Split-{answers.split}", task), rows)
    with progress.progress(len(train) + len(rows)) as bar:
        vectors = []
        for count, row in enumerate(model.rows(texts for texts, _ in train), 1):
            vectors.append(row.vector)
            bar.advance(1, f"rows of train {bar.rate(count):.0f} rows/s")
        own = list(model.rows(row.texts for row in rows))
        # A row of train is no neighbour of itself.
        is_train = answers.split == "train"
        near = nearest(np.stack([row.vector for row in own]), np.stack(vectors), _NEAREST + is_train)
        for answered, label, row, places in zip(rows, labels, own, near, strict=True):
            of_train = [
                Near(place + 1, train[place][0], train[place][1], cosine)
                for place, cosine in places
                if not (is_train and place + 1 == answered.place)
            ]
            found.rows.append(_of_row(model, answered, label, row.predictions, of_train[:_NEAREST]))
            bar.advance(1, "words")
    return found


def _of_row(model: KerasModel, answered: AnsweredRow, label: str, predictions: Any, near: list[Near]) -> Explained:
    from components.explanation.attributions import attributions
    from components.explanation.contrast import contrast

    factors = contrast(model.task, predictions, _target(model.task, label))
    if factors is None:
        return Explained(answered.place, [], 0.0, True, near)
    of_words = attributions(model, answered.texts, factors)
    words = [Weighed(word.text, word.weight) for word in of_words.words]
    return Explained(answered.place, words, of_words.gap, of_words.is_complete, near)


def _target(task: Task, label: str) -> Any:
    """A label as `Task.to_target` has it, of one row."""
    import tensorflow as tf

    raw = float(label) if task.numeric else label
    return task.to_target(tf.constant([raw]))[0].numpy()


def _labels(rows: Any, wanted: Sequence[AnsweredRow]) -> list[str]:
    """Of these rows of a split, the labels as `labelled_texts.read` has them."""
    places = {row.place for row in wanted}
    found = {place: label for place, (_, label) in enumerate(islice(rows, max(places)), 1) if place in places}
    return [found[row.place] for row in wanted]


def _path(record: RunRecord, split: str) -> Path:
    return Path(record.directory, f"explanations-{Path(split).name}.json")

"""The rows of a run whose labels are likely wrong, worst first, each with what it is found by in its file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.label_errors import held_out, suspects
from components.label_errors.encoder import Computed, Encoder
from components.label_errors.suspects import Found
from components.rows.splits import text_hash
from components.settings.model import Model
from components.tasks import Task
from components.tasks.multilabel import LABEL_SEPARATOR, Multilabel


class GivenRow(NamedTuple):
    """A row of a run."""

    file: str
    """Its name as of `corrections.names`."""
    line: int
    """Of the row's first line, from 1."""
    texts: tuple[str, ...]
    label: str
    """As it is learned."""


class Suspect(NamedTuple):
    """A label that is likely wrong."""

    file: str
    line: int
    word: int | None
    """Of tags the word, from 1."""
    split: str
    texts: tuple[str, ...]
    label: str
    """Of the row, or of the word."""
    suggestion: str
    """What was predicted."""
    quality: float
    """The probability of the label as it is; of numbers how far it is off, less than which is better."""


class Models(NamedTuple):
    """By which a run's rows are judged."""

    base: Path
    """Of its base model."""
    trained: Path | None
    """Its SavedModel; None: it is gone, and rows of train alone can be judged."""
    settings: Model
    seed: int


def of_train(rows: Sequence[GivenRow], task: Task, models: Models, scratch: Path) -> tuple[list[Suspect], int]:
    """The suspects among rows of train, and how many labels could not be judged: no other row has them.

    Heads on the base model judge the rows that they were not fitted to. The run's own model has learned these labels.

    Args:
        rows: all of train.
        task: the run's.
        models: by which they are judged.
        scratch: directory for what is computed.

    Raises:
        InputError: too few rows, or no room on the disk.
    """
    groups = np.array([text_hash(row.texts, ordered=False) for row in rows], np.uint64)
    fold = held_out.folds(_strata(rows, task), groups, models.seed)
    encoder = Encoder.of_base(models.base, models.settings, task)
    computed = encoder.states([row.texts for row in rows], scratch)
    targets = _targets(rows, task, computed)
    of_each = fold[computed.rows]
    if task.numeric:
        found = held_out.of_numbers(computed.values, targets, of_each, models.seed)
    elif isinstance(task, Multilabel):
        found = held_out.of_labels(computed.values, targets, of_each, models.seed)
    else:
        found = held_out.of_classes(computed.values, targets, len(_names(task)), of_each, models.seed)
    listed = _listed(rows, "train", task, computed._replace(values=found.values), targets, found.judged)
    return list(listed), int((~found.judged).sum())


def of_others(rows: Sequence[GivenRow], split: str, task: Task, models: Models, scratch: Path) -> list[Suspect]:
    """The suspects among rows that the run's model did not learn from, by what it predicts; arguments as `of_train`."""
    assert models.trained is not None  # noqa: S101
    encoder = Encoder.of_run(models.base, models.settings, models.trained)
    computed = encoder.predictions([row.texts for row in rows], scratch)
    if task.numeric:
        computed = computed._replace(values=computed.values[:, 0])
    targets = _targets(rows, task, computed)
    return list(_listed(rows, split, task, computed, targets, np.ones(targets.shape, bool)))


def _names(task: Task) -> Sequence[str]:
    """What a label, or a word's, may be."""
    tags: Sequence[str] = task.tags if task.per_token else task.labels  # type: ignore[attr-defined]
    return tags


def _targets(rows: Sequence[GivenRow], task: Task, computed: Computed) -> np.ndarray:
    """The labels of what was computed: int64[n], of several a row int64[n, k], of numbers float64[n]."""
    if task.numeric:
        return np.array([float(row.label) for row in rows])
    places = {name: place for place, name in enumerate(_names(task))}
    if task.per_token:
        tags = [row.label.split(" ") for row in rows]
        return np.array([places[tags[r][w]] for r, w in zip(computed.rows, computed.words, strict=True)], np.int64)
    if not isinstance(task, Multilabel):
        return np.array([places[row.label] for row in rows], np.int64)
    targets = np.zeros((len(rows), len(places)), np.int64)
    for number, row in enumerate(rows):
        targets[number, [places[name] for name in task.label_names(row.label)]] = 1
    return targets


def _strata(rows: Sequence[GivenRow], task: Task) -> np.ndarray:
    """Of each row the rarest of its labels, int64[n], which each fold is to have its share of."""
    if task.numeric:
        return np.zeros(len(rows), np.int64)
    names = [task.label_names(row.label) or [""] for row in rows]
    counts: dict[str, int] = defaultdict(int)
    for some in names:
        for name in some:
            counts[name] += 1
    order = {name: place for place, name in enumerate(sorted(counts, key=lambda name: (counts[name], name)))}
    return np.array([min(order[name] for name in some) for some in names], np.int64)


def _listed(
    rows: Sequence[GivenRow], split: str, task: Task, computed: Computed, targets: np.ndarray, judged: np.ndarray
) -> Iterator[Suspect]:
    values = np.asarray(computed.values, np.float64)

    def suspect(place: int, label: str, suggestion: str, quality: float) -> Suspect:
        number, word = int(computed.rows[place]), int(computed.words[place]) + 1
        file, line, texts, _ = rows[number]
        return Suspect(file, line, word if task.per_token else None, split, texts, label, suggestion, float(quality))

    if task.numeric:
        for place, off in zip(*suspects.of_numbers(targets, values), strict=True):
            yield suspect(place, rows[place].label, f"{values[place]:.4g}", off)
    elif isinstance(task, Multilabel):
        yield from _of_decisions(suspects.of_labels(targets, values, judged), rows, task, suspect)
    else:
        names = _names(task)
        for place, quality in zip(*suspects.of_classes(targets, values, judged), strict=True):
            yield suspect(place, names[targets[place]], names[int(values[place].argmax())], quality)


def _of_decisions(
    found: Found, rows: Sequence[GivenRow], task: Task, suspect: Callable[..., Suspect]
) -> Iterator[Suspect]:
    """A row once, by its worst decision; all that are suspected of it are the other way round in the suggestion."""
    decisions: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for place, quality in zip(*found, strict=True):
        row, label = divmod(int(place), len(task.labels))
        decisions[row].append((label, float(quality)))
    for row, some in decisions.items():
        turned = {task.labels[label] for label, _ in some}
        suggested = turned ^ set(task.label_names(rows[row].label))
        in_order = LABEL_SEPARATOR.join(name for name in task.labels if name in suggested)
        yield suspect(row, rows[row].label, in_order, some[0][1])

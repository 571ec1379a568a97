"""Whether two models can be compared on a split: answers of one kind, on rows that neither has learned from."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from tfx import types
from tfx.utils import path_utils

from components import tasks
from components.common import stored_paths
from components.evaluation import unlearned
from components.export import saved_weights, served_ops
from components.export.card import CALIBRATED_ON, read_card
from components.export.card_task import task_of
from components.leakage import learned as learned_texts
from components.tasks import Task

FEWEST_ROWS = 30
"""Rows that two models are compared on at least, where one has learned the others: of fewer, one row is more than three
points of accuracy, and all but large differences are chance."""


def about(baseline: types.Artifact, task: Task, examples: Path, split: str) -> tuple[dict[str, Any], np.ndarray | None]:
    """What the summary says of the version in production, and the texts to leave out of the comparison, if any."""
    version = baseline.get_string_custom_property("pushed_version")
    production = Path(path_utils.serving_model_path(baseline.uri))
    stored_paths.check_files(production)
    served_ops.check(production)
    saved_weights.check(production)
    known = task_of(production)
    notes: dict[str, Any] = {"baseline_version": version, CALIBRATED_ON: read_card(production).get(CALIBRATED_ON)}
    # Answers of another kind cannot be compared; the absolute thresholds still hold.
    if unlike := tasks.unlike(known, task):
        return {**notes, "not_compared": f"version {version} {unlike}"}, None
    if known.scores_differently(task):
        return {**notes, "not_compared": f"version {version} has another range"}, None
    learned = learned_texts.read(production)
    if learned is None:
        return {**notes, "learned": {"rows": None}}, None
    rows, total = unlearned.count(examples, split, learned)
    notes["learned"] = {"rows": rows, "of": total}
    if rows == total:
        return {**notes, "not_compared": f"it has learned from all {total:,} rows of {split}"}, None
    return notes, learned if rows else None


def too_few(
    notes: dict[str, Any], task: Task, labels: Collection[str], left: Collection[str], split: str
) -> str | None:
    """Why two models cannot be compared on the rows that are left of a split; None: they can be.

    Args:
        notes: what the summary says of the baseline.
        task: of the models.
        labels: of all rows, as the task counts them.
        left: of those that the baseline has not learned from.
        split: its name.
    """
    total = notes["learned"]["of"]
    rows = total - notes["learned"]["rows"]
    if rows < FEWEST_ROWS:
        return (
            f"only {rows:,} of {total:,} rows of {split} are left that version {notes['baseline_version']} has not "
            "learned from"
        )
    classes, there = ({name for label in some for name in task.label_names(label)} for some in (labels, left))
    if gone := sorted(classes - there):
        return f"it has learned from all rows of {split} with the label {gone[0]!r}"
    return None

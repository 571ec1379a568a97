"""Whether a model is no worse than another one: both measured on the same rows, row by row.

Two claims are tested, each so that it is wrong in at most `1 - confidence` of cases: that the true difference is within
the margin ("no worse"), and that it is beyond ("worse"). Where neither can be made, the rows are too few to decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from components.statistics import shares
from components.statistics.shares import Interval, rounded
from components.tasks import Task
from components.tasks.tagging import IGNORED
from components.verdict.intervals import of_all_draws

Answer = Literal["no worse", "worse", "undecided"]


def answer(interval: Interval, margin: float) -> Answer:
    """Whether a candidate is worse by more than the margin.

    Args:
        interval: of the difference in a metric, positive where the candidate is better; each end by itself holds with
            the confidence.
        margin: how much worse counts as no worse.
    """
    if interval[0] >= -margin:
        return "no worse"
    return "worse" if interval[1] < -margin else "undecided"


def differences(
    task: Task,
    targets: np.ndarray,
    predictions: tuple[np.ndarray, np.ndarray],
    drawn: tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]],
    confidence: float,
) -> dict[str, Interval]:
    """The interval of the difference in each metric, by name, positive where the candidate is better.

    Each end by itself holds with the confidence. Where a metric is a share of all rows, by McNemar's test with a margin
    (Tango 1998); else by the paired bootstrap: both models are measured on the same draws.

    Args:
        task: of both models.
        targets: as `Task.compute_metrics` takes them.
        predictions: likewise, the candidate's and the other model's.
        drawn: what `intervals.resampled` gave for them.
        confidence: of each claim.
    """
    better = {}
    for name in sorted(drawn[0].keys() & drawn[1].keys()):
        metric = task.metric_of(name)
        assert metric is not None  # noqa: S101
        better[name] = (drawn[0][name] - drawn[1][name]) * (1 if metric.higher_is_better else -1)
    found = {name: rounded(ends) for name, ends in of_all_draws(better, 2 * confidence - 1).items()}
    if task.single_label:
        ours, theirs = (np.equal(of_model.argmax(axis=1), targets.reshape(-1)) for of_model in predictions)
        found["accuracy"] = shares.difference(
            int((ours & ~theirs).sum()), int((theirs & ~ours).sum()), len(ours), confidence
        )
    return found


def flips(ours: np.ndarray | None, theirs: np.ndarray | None) -> tuple[int, int] | None:
    """On how many rows the answers of two models differ, and of how many; None: answers are numbers.

    Args:
        ours: as `Task.answers` has them.
        theirs: likewise.
    """
    if ours is None or theirs is None:
        return None
    if ours.shape != theirs.shape:
        # Of taggers one may read more words of a row than the other.
        width = max(ours.shape[1], theirs.shape[1])
        ours, theirs = (
            np.pad(one, [(0, 0), (0, width - one.shape[1])], constant_values=IGNORED) for one in (ours, theirs)
        )
    differ = (ours != theirs).reshape(len(ours), -1).any(axis=1)
    return int(differ.sum()), len(differ)

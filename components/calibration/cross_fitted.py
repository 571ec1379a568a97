"""What of a calibrated model's evaluation follows from rows that chose: what other rows chose takes its place."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from components.calibration.of_task import CALIBRATION_FILE
from components.export.card import CALIBRATED_ON
from components.tasks import Task
from components.verdict.summary import CANDIDATE, intervals_of


def hold(summary: dict[str, Any], model: Path, task: Task) -> None:
    """Puts metrics of all rows by cross-fitting into an evaluation of dev, before a gate is held against it.

    By what a metric changes, the ends of its interval move, too, and those of its difference to another version, unless
    that one was calibrated on the same rows; those of slices stay as they are.

    Args:
        summary: of the evaluation. Gets `cross_fitted`, the names of the metrics that changed, where the model abstains
            `abstention`, as `of_task.Calibrated` has it, and `compared`, the metrics that production is compared by
            where they are others.
        model: the candidate's artifact; one that was not calibrated changes nothing.
        task: of it.
    """
    if not (model / CALIBRATION_FILE).is_file():
        return
    found = json.loads((model / CALIBRATION_FILE).read_text(encoding="utf-8"))
    overall = summary["metrics"][CANDIDATE][""]
    gains = {name: value - overall[name] for name, value in found["cross_fitted"].items() if name in overall}
    # A version that chose on the same rows is as flattered by them.
    alike = [of.get(CALIBRATED_ON) == found.get(CALIBRATED_ON, "") for of in (summary, summary.get("anchor", {}))]
    if alike[0]:
        summary["compared"] = {model: dict(by[""]) for model, by in summary["metrics"].items()}
    overall |= {name: found["cross_fitted"][name] for name in gains}
    summary["cross_fitted"] = sorted(gains)
    ends = intervals_of(summary)
    for name, gain in gains.items():
        if name in ends:
            ends[name] = _within(task, name, [end + gain for end in ends[name]])
    for (compared, metrics), is_alike in zip(_comparisons(summary), alike, strict=True):
        for name, gain in () if is_alike else gains.items():
            if name in metrics:
                metrics[name] += gain
            if name in compared:
                metric = task.metric_of(name)
                sign = 1 if metric is None or metric.higher_is_better else -1
                compared[name] = [round(end + sign * gain, 6) for end in compared[name]]
    if "ece" in summary and "ece" in found["after"]:
        error = found["after"]["ece"]
        gain = error - summary["ece"]["value"]
        moved = [max(0.0, round(end + gain, 6)) for end in summary["ece"]["interval"]]
        summary["ece"] = {"value": round(error, 6), "interval": moved}
    _put_abstention(summary, found)


def hold_abstention(summary: dict[str, Any], model: Path) -> None:
    """Puts how many rows of dev the model answers, by cross-fitting, into an evaluation of other rows.

    These chose nothing, so their metrics stay.

    Args:
        summary: of the evaluation.
        model: the candidate's artifact; one that was not calibrated changes nothing.
    """
    if (model / CALIBRATION_FILE).is_file():
        _put_abstention(summary, json.loads((model / CALIBRATION_FILE).read_text(encoding="utf-8")))


def _put_abstention(summary: dict[str, Any], found: dict[str, Any]) -> None:
    if "abstention" in found:
        summary["abstention"] = found["abstention"]


def _comparisons(summary: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, float]]]:
    """Of each other version: the differences to it, and the candidate's metrics where they are of fewer rows."""
    anchor, learned = summary.get("anchor", {}), summary.get("learned", {})
    return [
        (of.get("differences", {}), of_rows.get("metrics", {}).get(CANDIDATE, {}))
        for of, of_rows in ((summary, learned), (anchor, anchor))
    ]


def _within(task: Task, name: str, ends: list[float]) -> list[float]:
    """The ends, between a metric's bounds."""
    metric = task.metric_of(name)
    assert metric is not None  # noqa: S101
    least = -math.inf if metric.lower_bound is None else metric.lower_bound
    most = math.inf if metric.upper_bound is None else metric.upper_bound
    return [round(min(max(end, least), most), 6) for end in ends]

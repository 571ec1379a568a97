"""A model's answer in a line for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from components.common.streams import printable
from components.tasks import Task

_CLASSES = 3
"""The most probable ones are told, of two classes the one."""

_LEAST_TEXT = 16
"""Columns; a text that has fewer left beside its answer is left out."""


def readable(task: Task, prediction: Mapping[str, Any], texts: Sequence[str]) -> str:
    """What `Task.to_json` gave for these texts: of many classes the most probable ones, of scores those that count."""
    if "probabilities" in prediction:
        found = sorted(prediction["probabilities"].items(), key=lambda one: -one[1])
        told = _listed(found[: _CLASSES if len(found) > 2 else 1], max(map(cell_len, task.labels)))
        return told if prediction.get(task.decided_key, True) else f"{told}, not answered"
    if "scores" in prediction:
        return _listed([(name, prediction["scores"][name]) for name in prediction["labels"]]) or "-"
    return ", ".join(task.to_line(dict(prediction), texts).split("\t"))


def _listed(found: Sequence[tuple[str, float]], width: int = 0) -> str:
    """The first name fills some columns, so that the figures of several rows stand below each other."""
    if not found:
        return ""
    words = [f"{name} {value:.3f}" for name, value in found]
    name, value = found[0]
    return ", ".join([f"{set_cell_size(name, max(width, cell_len(name)))} {value:.3f}", *words[1:]])


def beside(answer: str, text: str, width: int) -> str:
    """An answer and as much of its text as a line of a terminal has room for; the answer is never cut."""
    shown = Text(printable(text).replace("\n", " "))
    room = width - cell_len(printable(answer)) - 2
    if room < min(_LEAST_TEXT, shown.cell_len):
        return answer
    shown.truncate(room, overflow="ellipsis")
    return f"{answer}  {shown}"

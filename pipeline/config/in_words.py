"""What the rows of a checked config are, in words."""

from __future__ import annotations

from components.tasks import Task
from components.tasks.generation.task import Generation
from pipeline.config.preflight import Checked


def columns(checked: Checked) -> str:
    """Which field of a line is what."""
    layout, task = checked.layout, checked.task
    fields = zip((*task.texts, task.target), (*layout.texts, layout.label or 0), strict=True)
    more = (("start", layout.start), ("group", layout.group))
    found = [*fields, *((name, place) for name, place in more if place is not None)]
    return ", ".join(f"{name} is field {place + 1}" for name, place in found) + f" of {layout.width}"


def labels(task: Task) -> str:
    """What may stand in a label's field."""
    if task.has_label_names:
        return ", ".join(task.labels) or "those in train"
    if task.finds_span:
        return f"parts of the {task.texts[1]}"
    if isinstance(task, Generation):
        return f"texts of at most {task.target_length} tokens"
    allowed = getattr(task, "range", None)
    return f"numbers from {allowed[0]:g} to {allowed[1]:g}" if allowed else "numbers"

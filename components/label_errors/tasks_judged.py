"""For which tasks labels can be judged."""

from __future__ import annotations

from components.common.errors import InputError
from components.tasks import Task
from components.tasks.multilabel import Multilabel


def check(task: Task) -> None:
    """Refuses a task whose labels cannot be judged.

    Raises:
        InputError: it is one.
    """
    if task.bi_encoder:
        problem = f"the labels of {task.name} say how near two texts are, and no head could learn them beside the model"
        raise InputError("label-errors", problem, "`mistakes` lists the rows by how far the model is off")
    if not (task.single_label or task.per_token or task.numeric or isinstance(task, Multilabel)):
        problem = f"the task {task.name} has labels of a kind that is not known here"
        raise InputError("label-errors", problem, "`mistakes` lists the rows by their loss")

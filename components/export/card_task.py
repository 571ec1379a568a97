"""The task of an exported model. Apart from the card: what only looks at models knows nothing of tasks."""

from __future__ import annotations

from pathlib import Path

from components import tasks
from components.common.errors import InputError
from components.export.card import CARD_FILE, REMEDY, read_card


def task_of(model: Path) -> tasks.Task:
    """The task of a SavedModel of ours.

    Raises:
        InputError: its card is damaged, or says of no task, as where another program has made the model.
    """
    try:
        return tasks.from_card(read_card(model))
    except (LookupError, TypeError, ValueError, AttributeError):
        problem = "not a model's card (it names no task of ours)"
        raise InputError(str(model / CARD_FILE), problem, REMEDY) from None

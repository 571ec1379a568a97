"""The task of an exported model. Apart from the card: what only looks at models knows nothing of tasks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from components import tasks
from components.common.errors import InputError
from components.export.card import CARD_FILE, REMEDY, read_card
from components.settings import serialization
from components.settings.generation import Generation
from components.tasks.generation.task import Generation as Writing


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


def row_tokens(model: Path) -> Callable[[int], int]:
    """What a row of so many tokens counts for where a batch has room for so many: of a model that writes, with the
    texts that it follows.

    Raises:
        InputError: as `task_of`.
    """
    task = task_of(model)
    if not isinstance(task, Writing):
        return int
    how = serialization.load(Generation, json.dumps(read_card(model).get("model", {}).get("generation", {})))
    return lambda source: int(how.tokens_of_row(source, task.target_length))

"""The task of an exported model. Apart from the card: what only looks at models knows nothing of tasks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components import tasks
from components.common.errors import InputError
from components.export.card import CARD_FILE, REMEDY, read_card
from components.settings.model import Model
from components.settings.serialization import load
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


def model_settings(described: Mapping[str, Any], base: str = "-") -> Model:
    """How a model reads texts and answers, as its card says.

    Args:
        described: the card.
        base: of the base model, which the card does not name.

    Raises:
        LookupError: the card does not say, as of models that were pushed long ago.
        ValueError: it says something else.
    """
    return load(Model, json.dumps({"base": base, **described["model"]}))


def row_tokens(task: tasks.Task, described: Mapping[str, Any]) -> Callable[[int], int]:
    """What a row of so many tokens counts for where a batch has room for so many: of a model that writes, with the
    texts that it follows.

    Args:
        task: of the model.
        described: its card.
    """
    if not isinstance(task, Writing):
        return int
    how = model_settings(described).generation
    return lambda source: int(how.tokens_of_row(source, task.target_length))

"""Ops that models pushed earlier hold."""

from __future__ import annotations

from importlib import util
from pathlib import Path
from typing import Any

from components.common.errors import InputError


def register() -> bool:
    """Registers the ops of TensorFlow Text where it is installed: before WordPiece was of core ops, models held one.

    Returns:
        Whether it is.
    """
    if util.find_spec("tensorflow_text") is None:
        return False
    import tensorflow_text  # noqa: F401

    return True


def check(model: Path, card: dict[str, Any]) -> None:
    """Registers the ops that a model needs by its card.

    Raises:
        InputError: it needs those of TensorFlow Text, which is not installed.
    """
    if "padding_id" not in card.get("tokenizer", {}) and not register():
        problem = "the model was pushed before and holds an op of TensorFlow Text, which is not installed"
        remedy = "Install tensorflow-text of TensorFlow's version beside it, or train and push again"
        raise InputError(str(model), problem, remedy)

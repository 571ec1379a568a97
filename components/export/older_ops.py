"""Ops that models pushed earlier hold."""

from __future__ import annotations

from importlib import util
from pathlib import Path

from components.common.errors import InputError

WORDPIECE = b"FastWordpieceTokenizeWithOffsets"
"""TensorFlow Text's op that cut texts before WordPiece was of TensorFlow's own ops: the one such op of older models."""


def register() -> bool:
    """Registers the ops of TensorFlow Text where it is installed.

    Returns:
        Whether it is.
    """
    if util.find_spec("tensorflow_text") is None:
        return False
    import tensorflow_text  # noqa: F401

    return True


def check(model: Path) -> None:
    """Registers the ops that a SavedModel needs beside TensorFlow's own.

    Raises:
        InputError: it needs those of TensorFlow Text, which is not installed.
        OSError: no SavedModel.
    """
    # Names of ops stand in the file as they are. Whether it is a SavedModel at all is for TensorFlow to say.
    if WORDPIECE in (model / "saved_model.pb").read_bytes() and not register():
        problem = "the model was pushed before and holds an op of TensorFlow Text, which is not installed"
        remedy = "Install tensorflow-text of TensorFlow's version beside it, or train and push again"
        raise InputError(str(model), problem, remedy)

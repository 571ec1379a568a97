"""Ops that models pushed earlier hold."""

from __future__ import annotations

from importlib import util

WORDPIECE = "FastWordpieceTokenizeWithOffsets"
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

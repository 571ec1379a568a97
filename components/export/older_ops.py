"""Ops that models pushed earlier hold."""

from __future__ import annotations

import contextlib


def register() -> None:
    """Registers the ops of TensorFlow Text where it is installed: before WordPiece was of core ops, models held one."""
    with contextlib.suppress(ImportError):
        import tensorflow_text  # noqa: F401

"""What a base model's own files tell of how its states are pooled."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.common.errors import InputError
from components.common.json_files import read_json
from components.pretrained import encoder_weights
from components.pretrained.file_names import MODULES, POOLING

Pooling = Literal["cls", "mean"]


@dataclass(frozen=True, slots=True)
class PoolingFacts:
    """Of a base model."""

    trained_pooler: bool
    """Whether it has a pooler whose bias is not zero throughout, as it is before any training."""
    stated: Pooling | None = None
    """As sentence-transformers keeps it beside the weights; None: it does not, or names a pooling that is neither."""


def read(directory: Path) -> PoolingFacts:
    """Reads a base model's directory.

    Raises:
        InputError: its weights cannot be read.
    """
    return PoolingFacts(encoder_weights.has_trained_pooler(directory), _stated(directory))


def _stated(directory: Path) -> Pooling | None:
    """Of the one folder that sentence-transformers gives its first pooling; others are not looked for."""
    if not (directory / MODULES).is_file():
        return None
    found = _object(directory / POOLING)
    modes = {name for name, value in found.items() if name.startswith("pooling_mode_") and value is True}
    poolings: dict[str, Pooling] = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}
    return poolings.get(modes.pop()) if len(modes) == 1 else None


def _object(path: Path) -> dict[str, Any]:
    """Empty where there is no such file or it holds something else: what it says is a hint."""
    with contextlib.suppress(InputError):
        return read_json(path, "")
    return {}

"""Work that stays in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

RUNNER = "--runner=FnApiRunner"
"""Beam's argument for its runner in this process, as `[beam]` gives it with `preset = "local"`."""


def stays_here(executor: Any) -> bool:
    """Whether an executor's rows stay in this process: then they can go through it without Beam.

    Args:
        executor: of a Beam component, with the arguments that its pipeline would get.
    """
    arguments: Sequence[str] = executor._beam_pipeline_args
    return RUNNER in arguments and executor._make_beam_pipeline_fn is None

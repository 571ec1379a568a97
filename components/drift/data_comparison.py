"""Rows held against those that a model learned from, as plain values: for reports and JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class DataComparison:
    """How far rows are from what a model learned from."""

    run: str
    model: str
    measures: list[dict[str, Any]] = field(default_factory=list)
    """`Distance`, with `exceeded`."""
    fails: bool = True
    """Whether beyond a limit is an error, as the run's config has it."""

"""Rows compared with those that a model learned from, as plain values: for reports and JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DRIFT_FILE = "drift.json"
"""Within the anomalies: `version` that was compared with, None without one; the `measures` that were taken; those
`not_compared`, for which its profile is of an older form; `unlike`, where there is something to say, how that version
is of another task or other classes."""


@dataclass(slots=True)
class DataComparison:
    """How far rows are from what a model learned from."""

    run: str
    """Name of the run that the rows are compared with."""
    model: str
    """Directory of the model that it made."""
    measures: list[dict[str, Any]] = field(default_factory=list)
    """`Distance.as_dict` of each respect."""
    not_compared: list[str] = field(default_factory=list)
    """Measures for which the model's profile is of an older form."""
    fails: bool = True
    """Whether beyond a limit is an error, as the run's config has it."""

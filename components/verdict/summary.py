"""The summary of an evaluation, plain values for `summary.json`: its names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CANDIDATE, BASELINE = "candidate", "baseline"

MEASURED_FILE = "measured.json"
"""Within a blessing: the task's metrics of all rows by name, for the card of the version that is pushed."""

ESTIMATES = "estimates"
"""What TFMA calls the JSON of `components.verdict.estimates`."""

SUMMARY_FILE = "summary.json"
"""Within the evaluation: what `tfma_summary.read_summary` gives, its `split`, the `confidence` of its intervals, and
where gated what `verdict.verdict` gives. With a model in production `baseline_version`, `not_compared` (why),
`learned`: `rows` that it has learned from (None: unknown) `of` all, and if it is compared with on the rest alone,
`metrics` of these, model -> full name -> value; `differences` and `flips` are then of the rest, too. With a second
version `anchor`: of it `baseline_version`, `not_compared`, `learned`, and `metrics` and `differences` of rows that it
has not learned. Of a calibrated model `cross_fitted` and `abstention`, as `components.calibration.cross_fitted.hold`
has them."""


def split_of(summary: Mapping[str, Any], role: str) -> str:
    """The split that an evaluation is of: `role`, dev where the gate looks or test, unless rows of dev were held back
    for the gate."""
    found: str = summary.get("split", role)
    return found


def intervals_of(summary: Mapping[str, Any], of_slice: str = "", model: str = CANDIDATE) -> dict[str, list[float]]:
    """Metric -> the ends of its interval, on all rows or on a slice; none where an older run wrote the summary."""
    found: dict[str, list[float]] = summary.get("intervals", {}).get(model, {}).get(of_slice, {})
    return found

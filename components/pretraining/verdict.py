"""The gate's verdict on what is measured without TensorFlow Model Analysis."""

from __future__ import annotations

import math
from typing import Any

from components.settings.gate import Gate
from components.verdict.gate import wanted
from components.verdict.summary import CANDIDATE


def verdict(gate: Gate, metrics: dict[str, dict[str, dict[str, float]]]) -> dict[str, Any]:
    """`blessed`, and `reasons`: a sentence for each bound that was missed.

    Args:
        gate: the bounds.
        metrics: as of a summary.
    """
    found = metrics[CANDIDATE][""]
    reasons = []
    for name, bound in gate.min.items():
        if not (value := found.get(name, math.nan)) >= bound:
            reasons.append(f"{name} is {value:.4f}, {wanted('min', bound)}")
    for name, bound in gate.max.items():
        if not (value := found.get(name, math.nan)) <= bound:
            reasons.append(f"{name} is {value:.4f}, {wanted('max', bound)}")
    return {"blessed": not reasons, "reasons": reasons}

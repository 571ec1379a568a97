"""What an evaluator other than TensorFlow Model Analysis leaves: a summary as the Evaluator's, and the blessing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx import types
from tfx.types import artifact_utils

from components.pretraining.verdict import verdict
from components.settings.gate import Gate
from components.tasks.metrics import Metric
from components.verdict import blessing
from components.verdict.summary import SUMMARY_FILE


def write(
    output_dict: dict[str, list[types.Artifact]],
    gate: Gate,
    measures: Sequence[Metric],
    metrics: dict[str, dict[str, dict[str, float]]],
    **more: Any,
) -> None:
    """Judges, and writes both.

    Args:
        output_dict: with `evaluation` and `blessing`.
        gate: the bounds.
        measures: what was measured.
        metrics: as of a summary.
        more: what the summary says besides.
    """
    summary = {
        "task": "",
        "labels": [],
        "headline": [metric.name for metric in measures],
        "per_label": [],
        "metrics": metrics,
        "confusion": {},
        **more,
        **verdict(gate, metrics),
    }
    evaluation = Path(artifact_utils.get_single_uri(output_dict["evaluation"]))
    (evaluation / SUMMARY_FILE).write_text(json.dumps(summary), encoding="utf-8")
    blessing.mark(artifact_utils.get_single_instance(output_dict["blessing"]), blessed=summary["blessed"])

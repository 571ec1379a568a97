"""The blessing that a verdict becomes: what Pusher and Resolvers look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.evaluator import constants

from components.tasks import Task
from components.verdict.summary import CANDIDATE, MEASURED_FILE


def write(
    blessing: types.Artifact, input_dict: dict[str, list[types.Artifact]], summary: dict[str, Any], task: Task
) -> None:
    """What TFX's executor writes for bounds that TFMA knows: Pusher looks at the file, Resolvers at the properties.

    And beside it the metrics, which go with a version that is pushed.
    """
    mark(blessing, blessed=summary["blessed"])
    overall, names = summary["metrics"][CANDIDATE][""], task.metric_names
    measured = {metric: overall[metric] for metric in names if metric in overall}
    Path(blessing.uri, MEASURED_FILE).write_text(json.dumps(measured), encoding="utf-8")
    (model,) = input_dict["model"]
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    for baseline in input_dict.get("baseline_model") or ():
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)


def mark(blessing: types.Artifact, *, blessed: bool) -> None:
    """Says whether a model may be pushed, and no more."""
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    Path(blessing.uri).mkdir(parents=True, exist_ok=True)
    Path(blessing.uri, name).touch()
    value = constants.BLESSED_VALUE if blessed else constants.NOT_BLESSED_VALUE
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)


def megabytes(model: Path) -> float:
    """Of all files of a SavedModel, in 10^6 bytes."""
    return round(sum(path.stat().st_size for path in model.rglob("*") if path.is_file()) / 1e6, 3)

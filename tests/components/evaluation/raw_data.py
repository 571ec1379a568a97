"""TFMA over predictions that a test wrote down: no model is needed to test what is made of its metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

from components.evaluation.eval_config import Served, build_eval_config
from components.tasks import Task

COLUMNS = {"candidate": "candidate's", "baseline": "baseline's"}
"""Model -> the column of its predictions."""


def analyse(
    folder: Path,
    task: Task,
    columns: dict[str, list[Any]],
    slices: list[str],
    served: Served | None = None,
) -> str:
    """Writes an evaluation as the Evaluator does; returns its directory.

    Args:
        folder: where to write.
        task: with its labels.
        columns: the raw features to slice by, `target`, and predictions as `COLUMNS` names them.
        slices: as `eval_config` takes them.
        served: as `eval_config` takes it.
    """
    import pandas as pd
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.utils import config_util

    config = build_eval_config(task, slices, list(COLUMNS), served=served)
    for spec in config.model_specs:
        spec.prediction_key, spec.signature_name = COLUMNS[spec.name], ""
        del spec.preprocessing_function_names[:]
    # Where TFMA has no models to load, it takes the baseline for missing.
    complete = config_util.update_eval_config_with_defaults
    with mock.patch.object(
        config_util, complete.__name__, lambda eval_config, **_: complete(eval_config, has_baseline=True)
    ):
        tfma.analyze_raw_data(pd.DataFrame(columns), config, output_path=str(folder))
    return str(folder)

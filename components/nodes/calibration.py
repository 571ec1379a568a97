"""Calibrates the trained model on dev: the same graph and weights, with what decides how sure it is set anew."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from components import tasks
from components.calibration.of_task import CALIBRATION_FILE, calibrated
from components.common import atomic_files
from components.export import calibrated as export
from components.export import saved_weights, signature_names
from components.export.card import CALIBRATED_ON, CALIBRATION, CARD_FILE, read_card
from components.export.card_task import task_of
from components.settings.calibration import Calibration as Settings
from components.settings.serialization import dump, load
from components.tasks import Task
from components.training.dataset import Rows


class Executor(base_executor.BaseExecutor):
    """Predicts dev, finds what fits, and gives a copy of the model that."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the model, whose card says what it was calibrated to, and CALIBRATION_FILE beside it."""
        settings = load(Settings, exec_properties["calibration"])
        model = Path(path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict["trained_model"])))
        examples = artifact_utils.get_split_uri(input_dict["transformed_examples"], "dev")
        transform = tft.TFTransformOutput(artifact_utils.get_single_uri(input_dict["transform_graph"]))
        output = artifact_utils.get_single_uri(output_dict["model"])
        task, card = task_of(model), read_card(model)
        Path(output).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output) as scratch:
            spec, padding = transform.transformed_feature_spec(), card["tokenizer"]["padding_id"]
            rows = Rows.of_examples([f"{examples}/*"], spec, task, Path(scratch, "ids"), padding)
            found = calibrated(task, *predictions_of(model, rows, task), settings)
            chosen_by = {CALIBRATED_ON: atomic_files.sha256(Path(scratch, "ids"))}
        made = Path(path_utils.serving_model_dir(output))
        shutil.copytree(model, made, copy_function=atomic_files.link_or_copy)
        saved_weights.assign(made, export.values(found.task, found.temperature))
        stated = {} if found.temperature is None else {CALIBRATION: {"temperature": found.temperature}}
        described = {**card, "task": tasks.to_dict(found.task), **stated, **chosen_by}
        atomic_files.write_text(made / CARD_FILE, json.dumps(described, indent=1))
        told = json.dumps({**found.summary, **chosen_by}, indent=1)
        Path(output, CALIBRATION_FILE).write_text(told, encoding="utf-8")


def predictions_of(model: Path, rows: Rows, task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions and labels of all rows, of each word where words have labels, and which row each is of."""
    loaded = tf.saved_model.load(str(model))
    predict = loaded.signatures[signature_names.TOKEN_SIGNATURE]
    predictions, targets, groups = [], [], []
    for batch in rows.by_length():
        found = predict(token_ids=tf.constant(batch.inputs))[task.prediction_key].numpy()
        known = batch.targets >= 0 if rows.per_token else np.ones(len(batch.rows), bool)
        predictions.append(found[known])
        targets.append(batch.targets[known])
        groups.append(np.broadcast_to(batch.rows[:, np.newaxis], known.shape)[known] if rows.per_token else batch.rows)
    return np.concatenate(predictions), np.concatenate(targets), np.concatenate(groups)


class CalibrationSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "calibration": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "trained_model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "transformed_examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": component_spec.ChannelParameter(type=standard_artifacts.TransformGraph),
    }
    OUTPUTS = {"model": component_spec.ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012


class Calibration(base_component.BaseComponent):
    """Makes a model's probabilities mean what they say, or its labels' thresholds the best, by dev.

    Args:
        trained_model: channel of the Model that Trainer has exported.
        transformed_examples: channel of Transform's Examples.
        transform_graph: channel of the TransformGraph.
        calibration: what is wanted.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = CalibrationSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        trained_model: types.BaseChannel,
        transformed_examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        calibration: Settings,
        source: str,
    ) -> None:
        spec = CalibrationSpec(
            trained_model=trained_model,
            transformed_examples=transformed_examples,
            transform_graph=transform_graph,
            calibration=dump(calibration),
            source=source,
            model=types.Channel(type=standard_artifacts.Model),
        )
        super().__init__(spec=spec)

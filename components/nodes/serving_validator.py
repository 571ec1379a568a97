"""Tries the exported model as a client does, before it is measured: TFX's InfraValidator without a model server."""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx import types
from tfx.dsl.components.base import base_component, base_driver, base_executor, executor_spec
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from components.common import feature_names
from components.evaluation import split_examples
from components.examples import records
from components.export.card_task import task_of
from components.rows import row_counts
from components.serving.clean_process import Client
from components.serving.replay import Row
from components.serving.validation import SERVING_FILE, validate
from components.settings.serialization import dump, load
from components.settings.serving import Serving
from components.tasks import Task
from components.training.float32_pass import Float32Pass

_SPLIT = "dev"

_AT_A_TIME = 256
"""Rows in a call of the transform graph."""

BLESSED_FILES = {True: "INFRA_BLESSED", False: "INFRA_NOT_BLESSED"}
"""As TFX's InfraValidator has them; Pusher looks at the property `blessed`."""


class Driver(base_driver.BaseDriver):
    """Where something that is measured is limited, gives each execution a cache key of its own."""

    def run(self, execution_info: Any) -> driver_output_pb2.DriverOutput:
        """Called by the launcher before it looks into its cache."""
        output = driver_output_pb2.DriverOutput()
        if load(Serving, execution_info.exec_properties["serving"]).limits:
            now = datetime.datetime.now(datetime.UTC).isoformat()
            output.exec_properties["tried"].string_value = now
        return output


class Executor(base_executor.BaseExecutor):
    """Reads rows of dev, has them tried, and blesses or not."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes SERVING_FILE and the file that says whether the model is blessed."""
        model = Path(path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict["model"])))
        examples = Path(artifact_utils.get_single_uri(input_dict["examples"]))
        transform = tft.TFTransformOutput(artifact_utils.get_single_uri(input_dict["transform_graph"]))
        settings, task = load(Serving, exec_properties["serving"]), task_of(model)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        place = Path(blessing.uri)
        place.mkdir(parents=True, exist_ok=True)
        weights = functools.partial(_weights, model, Path(exec_properties["base_model"]))
        with Client(place) as client:
            rows = list(_rows(examples, transform, task, settings.rows))
            summary = validate(model, task, rows, weights, settings, client, place)
        (place / SERVING_FILE).write_text(json.dumps(summary, indent=1), encoding="utf-8")
        (place / BLESSED_FILES[summary["blessed"]]).touch()
        blessing.set_int_custom_property("blessed", int(summary["blessed"]))


def _weights(model: Path, base_model: Path) -> Any:
    return Float32Pass(model, base_model).predictions


def _rows(examples: Path, transform: tft.TFTransformOutput, task: Task, most: int) -> Iterator[Row]:
    """Rows of the split, from all over it, and what Transform's graph makes of them."""
    count = sum(rows for (split, _), rows in row_counts.row_counts(examples).items() if split == _SPLIT)
    chosen = set(np.linspace(0, count - 1, min(count, most)).astype(int).tolist())
    every = records.read(examples / f"Split-{_SPLIT}")
    wanted = (record for number, record in enumerate(every) if number in chosen)
    layer, raw_spec = transform.transform_features_layer(), transform.raw_feature_spec()
    while part := list(islice(wanted, _AT_A_TIME)):
        parsed = tf.io.parse_example(tf.constant(part), {name: raw_spec[name] for name in task.texts})
        made = layer(parsed)
        names = (feature_names.TOKEN_IDS, feature_names.WORD_IDS)
        ids, words = (_ragged(made[name]) if name in made else [None] * len(part) for name in names)
        for record, token_ids, word_ids in zip(part, ids, words, strict=True):
            example = tf.train.Example.FromString(record)
            texts = tuple(split_examples.value(example, name) for name in task.texts)
            assert token_ids is not None  # noqa: S101
            yield Row(texts, token_ids, word_ids)


def _ragged(values: tf.SparseTensor) -> list[np.ndarray]:
    return [row.numpy() for row in tf.RaggedTensor.from_sparse(values)]


class ServingValidatorSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "serving": component_spec.ExecutionParameter(type=str),
        "base_model": component_spec.ExecutionParameter(type=str),
        "base_model_sha256": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": component_spec.ChannelParameter(type=standard_artifacts.TransformGraph),
    }
    OUTPUTS = {"blessing": component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing)}  # noqa: RUF012


class ServingValidator(base_component.BaseComponent):
    """Sends rows of dev to the exported model from a process with TensorFlow alone, and blesses it if it answers right.

    Args:
        model: channel of the candidate Model.
        examples: channel of raw Examples.
        transform_graph: channel of the TransformGraph: what token ids the model learned from.
        serving: how many rows are sent, and limits on what is measured.
        base_model: directory of the base model, for the encoder's shape.
        base_model_sha256: file -> sha256 of what is there, for the cache key.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = ServingValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        model: types.BaseChannel,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        serving: Serving,
        base_model: str,
        base_model_sha256: dict[str, str],
        source: str,
    ) -> None:
        spec = ServingValidatorSpec(
            model=model,
            examples=examples,
            transform_graph=transform_graph,
            serving=dump(serving),
            base_model=base_model,
            base_model_sha256=json.dumps(base_model_sha256),
            source=source,
            blessing=types.Channel(type=standard_artifacts.InfraBlessing),
        )
        super().__init__(spec=spec)

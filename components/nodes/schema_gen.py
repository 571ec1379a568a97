"""SchemaGen that knows what a text and a label are: TFX's takes every short list of values for the values allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.schema_gen import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts

from components import tasks
from components.common import feature_names


class Executor(executor.Executor):
    """Infers a schema from train as TFX does, frees all but the label of domains and gives it all of its names.

    A column carried along may have a value in dev or test that train has not: there it is a slice.
    """

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes schema.pbtxt: any text, one of the task's labels where a row has one, any value in other columns."""
        statistics = artifact_utils.get_single_instance(input_dict["statistics"])
        others = [split for split in artifact_utils.decode_split_names(statistics.split_names) if split != "train"]
        properties = {"infer_feature_shape": 1, "exclude_splits": artifact_utils.encode_split_names(others)}
        super().Do(input_dict, output_dict, {**exec_properties, **properties})
        path = Path(artifact_utils.get_single_uri(output_dict["schema"]), executor.DEFAULT_FILE_NAME)
        schema = text_format.Parse(path.read_text(encoding="utf-8"), schema_pb2.Schema())
        task = tasks.read(artifact_utils.get_single_uri(input_dict["examples"]))
        for feature in schema.feature:
            feature.ClearField("domain_info")
            if feature.name == feature_names.LABEL and task.single_label:
                feature.string_domain.value.extend(task.labels)
                feature.string_domain.name = feature_names.LABEL
        del schema.string_domain[:]
        path.write_text(text_format.MessageToString(schema), encoding="utf-8")


class SchemaGenSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {"source": component_spec.ExecutionParameter(type=str)}  # noqa: RUF012
    INPUTS = {  # noqa: RUF012
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {"schema": component_spec.ChannelParameter(type=standard_artifacts.Schema)}  # noqa: RUF012


class SchemaGen(base_component.BaseComponent):
    """A schema of train, to bootstrap with: reviewed and named in the config, it validates more than itself.

    Args:
        statistics: channel of ExampleStatistics.
        examples: channel of Examples, for the label names beside them.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = SchemaGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, statistics: types.BaseChannel, examples: types.BaseChannel, source: str) -> None:
        schema = types.Channel(type=standard_artifacts.Schema)
        super().__init__(spec=SchemaGenSpec(statistics=statistics, examples=examples, source=source, schema=schema))

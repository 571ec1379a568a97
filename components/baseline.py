"""The model in production, for the Evaluator to compare with. A plain component: Kubeflow refuses TFX's Resolver."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_driver, base_executor, executor_spec
from tfx.proto.orchestration import driver_output_pb2, execution_result_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from components import versions


def _version(model: types.Artifact, directory: str) -> int | None:
    candidate = versions.card(Path(path_utils.serving_model_path(model.uri)))
    return versions.production(Path(directory), other_than=candidate["weights_sha256"])


class Driver(base_driver.BaseDriver):
    """Puts the version in production into the cache key: the node runs again when it has changed."""

    def run(self, execution_info: Any) -> driver_output_pb2.DriverOutput:
        """Called by the launcher before it looks into its cache."""
        model = artifact_utils.get_single_instance(execution_info.input_dict["model"])
        version = _version(model, execution_info.exec_properties["directory"])
        output = driver_output_pb2.DriverOutput()
        output.exec_properties["version"].string_value = str(version or "")
        return output


class Executor(base_executor.BaseExecutor):
    """Copies the model in production into an artifact, or yields none."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> execution_result_pb2.ExecutorOutput:
        """Returns the artifact list of `baseline`: one model, or empty where none is in production."""
        directory = exec_properties["directory"]
        version = _version(artifact_utils.get_single_instance(input_dict["model"]), directory)
        output = execution_result_pb2.ExecutorOutput()
        found = output.output_artifacts["baseline"].artifacts
        if version is not None:
            baseline = artifact_utils.get_single_instance(output_dict["baseline"])
            baseline.set_string_custom_property("pushed_version", str(version))
            shutil.copytree(
                Path(directory, str(version)), path_utils.serving_model_dir(baseline.uri), copy_function=_link_or_copy
            )
            found.append(baseline.mlmd_artifact)
        return output


def _link_or_copy(source: str, destination: str) -> None:
    """A hard link where the file system allows: a pushed version is never changed."""
    try:
        os.link(source, destination)
    except OSError:
        shutil.copy2(source, destination)


class BaselineSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "directory": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {"model": component_spec.ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012
    OUTPUTS = {"baseline": component_spec.ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012


class Baseline(base_component.BaseComponent):
    """The newest pushed model that was not pushed from the candidate itself.

    Args:
        model: channel of the candidate Model.
        directory: serving directory of the model's versions.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = BaselineSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, model: types.BaseChannel, directory: str, source: str) -> None:
        baseline = types.Channel(type=standard_artifacts.Model)
        super().__init__(spec=BaselineSpec(model=model, directory=directory, source=source, baseline=baseline))

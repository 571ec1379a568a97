"""The model in production, to compare with or to start from. Plain components: Kubeflow refuses TFX's Resolver."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_driver, base_executor, executor_spec
from tfx.proto.orchestration import driver_output_pb2, execution_result_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from components.common import atomic_files
from components.common.errors import InputError
from components.export import card
from components.rows import data_hash
from components.serving import versions
from components.verdict import anchor

_BEST_BY = "best by "
"""Before a metric, with a minus if it is better when lower: the version that is pinned is that which is best."""


def _version(input_dict: dict[str, list[types.Artifact]], exec_properties: dict[str, Any]) -> int | None:
    directory, pinned = Path(exec_properties["directory"]), exec_properties["pinned"]
    if pinned.startswith(_BEST_BY):
        metric = pinned.removeprefix(_BEST_BY)
        return anchor.best(directory, metric.lstrip("-"), higher=not metric.startswith("-"), but=_own(input_dict))
    if pinned:
        if int(pinned) not in versions.versions(directory):
            remedy = "Name another: `versions` lists those that are there"
            raise InputError(str(directory), f"no version {pinned}, which the config names", remedy)
        return int(pinned)
    if "examples" in input_dict:
        learned = data_hash.read(artifact_utils.get_single_uri(input_dict["examples"]))
        return versions.production(directory, but_of_data=learned)
    return versions.production(directory, but=_own(input_dict))


def _own(input_dict: dict[str, list[types.Artifact]]) -> str:
    """The candidate's identity."""
    candidate = artifact_utils.get_single_instance(input_dict["model"])
    return card.identity(card.read_card(Path(path_utils.serving_model_path(candidate.uri))))


class Driver(base_driver.BaseDriver):
    """Puts the version in production into the cache key: the node runs again when it has changed."""

    def run(self, execution_info: Any) -> driver_output_pb2.DriverOutput:
        """Adds what was found to the parameters; the launcher calls this before it looks into its cache."""
        properties = execution_info.exec_properties
        output = driver_output_pb2.DriverOutput()
        for name, value in _found(_version(execution_info.input_dict, properties), properties).items():
            output.exec_properties[name].string_value = value
        return output


def _found(version: int | None, exec_properties: dict[str, Any]) -> dict[str, str]:
    """`version` and the `identity` of its model, wherever it lies; empty where none is in production."""
    if version is None:
        return {"version": "", "identity": ""}
    described = card.read_card(Path(exec_properties["directory"], str(version)))
    return {"version": str(version), "identity": card.identity(described)}


class Executor(base_executor.BaseExecutor):
    """Copies the model in production into an artifact, or yields none."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> execution_result_pb2.ExecutorOutput:
        """Copies the model.

        Returns:
            The artifact list of `baseline`: one model, or empty where none is in production.
        """
        version = _version(input_dict, exec_properties)
        output = execution_result_pb2.ExecutorOutput()
        # What the driver found is in the cache key alone; here, in the record of the execution too.
        for name, value in _found(version, exec_properties).items():
            output.execution_properties[name].string_value = value
        found = output.output_artifacts["baseline"].artifacts
        if version is not None:
            baseline = artifact_utils.get_single_instance(output_dict["baseline"])
            baseline.set_string_custom_property("pushed_version", str(version))
            source = Path(exec_properties["directory"], str(version))
            shutil.copytree(source, path_utils.serving_model_dir(baseline.uri), copy_function=atomic_files.link_or_copy)
            found.append(baseline.mlmd_artifact)
        return output


class BaselineSpec(component_spec.ComponentSpec):
    """The contract of both components."""

    PARAMETERS = {  # noqa: RUF012
        "directory": component_spec.ExecutionParameter(type=str),
        "pinned": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
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
        properties = {"directory": directory, "pinned": "", "source": source}
        super().__init__(spec=BaselineSpec(model=model, baseline=baseline, **properties))


class Anchor(base_component.BaseComponent):
    """A version that a config names, or the best by a metric: what a candidate is compared with beside production.

    Args:
        model: channel of the candidate Model.
        directory: serving directory of the model's versions.
        version: its number; None: the best, which the candidate itself is not.
        metric: by which.
        higher: whether it is better when higher.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = BaselineSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self, model: types.BaseChannel, directory: str, version: int | None, metric: str, higher: bool, source: str
    ) -> None:
        baseline = types.Channel(type=standard_artifacts.Model)
        pinned = f"{_BEST_BY}{'' if higher else '-'}{metric}" if version is None else str(version)
        properties = {"directory": directory, "pinned": pinned, "source": source}
        super().__init__(spec=BaselineSpec(model=model, baseline=baseline, **properties))


class Predecessor(base_component.BaseComponent):
    """The newest pushed model that learned from other data: what new data and a training that goes on start from.

    A run that is repeated right after its push finds the same one as before, not its own model.

    Args:
        examples: channel of the Examples that the run will learn from.
        directory: serving directory of the model's versions.
        pinned: this version instead; empty: the newest.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = BaselineSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, examples: types.BaseChannel, directory: str, pinned: str, source: str) -> None:
        baseline = types.Channel(type=standard_artifacts.Model)
        properties = {"directory": directory, "pinned": pinned, "source": source}
        super().__init__(spec=BaselineSpec(examples=examples, baseline=baseline, **properties))

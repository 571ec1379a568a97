"""Compares new rows with those that the model in production learned from, before anything is trained on them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_driver, base_executor, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import path_utils

from components import tasks
from components.common.errors import InputError, changed
from components.drift import distance, profile
from components.drift.data_comparison import DRIFT_FILE
from components.export.card_task import task_of
from components.rows import data_spans, files, reader, row_counts
from components.settings.data import Data
from components.settings.drift import Drift
from components.settings.serialization import dump, load


class Driver(base_driver.BaseDriver):
    """Puts the sha256 of the files of the newest data into the node's cache key."""

    def run(self, execution_info: Any) -> driver_output_pb2.DriverOutput:
        """Called by the launcher before it looks into its cache."""
        examples = artifact_utils.get_single_instance(execution_info.input_dict["examples"])
        output = driver_output_pb2.DriverOutput()
        data = _newest(examples, execution_info.exec_properties)
        output.exec_properties["input_files"].string_value = files.fingerprints(data)
        return output


def _newest(examples: types.Artifact, exec_properties: dict[str, Any]) -> Data:
    """The settings, with the paths of the newest span in the Examples."""
    data = load(Data, exec_properties["data"]).under(exec_properties["data_path"])
    return data_spans.newest(data, (examples.span,))


class Executor(base_executor.BaseExecutor):
    """Takes a profile of the rows and compares."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the distances to DRIFT_FILE; none are taken from what a model of another task learned from.

        Raises:
            InputError: no rows, or not those that the Examples were made from; or a limit is exceeded, and the settings
                do not say that this is only warned of.
        """
        limits = load(Drift, exec_properties["limits"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        data = _newest(examples, exec_properties)
        predecessor = next(iter(input_dict.get("predecessor") or ()), None)
        version, unlike, measures, older = None, "", [], []
        if predecessor is not None:
            version = predecessor.get_string_custom_property("pushed_version")
            model = Path(path_utils.serving_model_path(predecessor.uri))
            if (before := profile.read(model)) is not None:
                known = task_of(model)
                unlike = tasks.unlike(known, tasks.read(examples.uri))
                if known.name == tasks.read(examples.uri).name:
                    now = _profile(model, data, Path(examples.uri))
                    measures, older = distance.compare(before, now, limits), distance.not_compared(before)
        exceeded = [measure for measure in measures if measure.exceeded]
        if exceeded and limits.on_drift == "fail":
            listed = "".join(f"\n  {measure}" for measure in exceeded)
            other = f", which {unlike}," if unlike else ""
            problem = f"train has drifted from what version {version}{other} learned from{listed}"
            remedy = '\nCorrect the data, raise the limit in [drift], or only be warned, with drift.on_drift = "warn"'
            raise InputError(_train_files(data), problem, remedy)
        found = [measure.as_dict() for measure in measures]
        path = Path(artifact_utils.get_single_uri(output_dict["anomalies"]), DRIFT_FILE)
        other_kind = {"unlike": unlike} if unlike else {}
        content = {"version": version, "measures": found, "not_compared": older, **other_kind}
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _profile(model: Path, data: Data, examples: Path) -> Any:
    """What the rows of train look like to a model."""
    _check_content(data, examples)
    if next(_train_rows(data), None) is None:
        problem = "no row of the newest data is in train"
        raise InputError(_train_files(data), problem, "Add rows to it, or take it away")
    found = profile.Profiler(model, tasks.read(examples)).profile(_train_rows(data))
    _check_content(data, examples)
    return found


def _check_content(data: Data, examples: Path) -> None:
    """Holds the files against those that the Examples were made from, by which the result is kept."""
    known = row_counts.contents(examples)
    for _, path in files.of_train(files.find_files(data)):
        if files.fingerprint(path) not in known:
            raise changed(str(path))


def _train_files(data: Data) -> str:
    return ", ".join(str(path) for _, path in files.of_train(files.find_files(data)))


def _train_rows(data: Data) -> Iterator[tuple[tuple[str, ...], str | None]]:
    rule = tasks.from_settings(data).check_row
    for split, path in files.of_train(files.find_files(data)):
        for row in reader.read_rows(path, split, data, rule):
            if isinstance(row, reader.Row) and row.split == "train":
                yield row.texts, row.label


class DriftValidatorSpec(component_spec.ComponentSpec):
    """The component's contract."""

    PARAMETERS = {  # noqa: RUF012
        "data": component_spec.ExecutionParameter(type=str),
        "data_path": component_spec.ExecutionParameter(type=str),
        "limits": component_spec.ExecutionParameter(type=str),
        "source": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "predecessor": component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {"anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies)}  # noqa: RUF012


class DriftValidator(base_component.BaseComponent):
    """Compares rows with a model's and stops the run beyond a limit: labels, text lengths, unknown words, vocabulary
    coverage, and how the labels agree with the words.

    Args:
        examples: channel of the Examples made from the rows: the node runs again when they are new.
        predecessor: channel of the pushed Model to compare with, empty where there is none.
        data: whose rows of train are compared, those of the newest span in the Examples.
        data_path: directory that relative paths of these are taken from; known now, or once the node runs.
        limits: what is too far.
        source: hash of the code behind the component, for the cache key.
    """

    SPEC_CLASS = DriftValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        examples: types.BaseChannel,
        predecessor: types.BaseChannel,
        data: Data,
        data_path: str | RuntimeParameter,
        limits: Drift,
        source: str,
    ) -> None:
        spec = DriftValidatorSpec(
            examples=examples,
            predecessor=predecessor,
            data=dump(data),
            data_path=data_path,
            limits=dump(limits),
            source=source,
            anomalies=types.Channel(type=standard_artifacts.ExampleAnomalies),
        )
        super().__init__(spec=spec)

"""Open-source Kubeflow Pipelines without a cluster: every container of a compiled spec, run as a process of its own.

What KFP's driver and launcher do with a task is done here as they do it (kubeflow/pipelines, backend/src/v2: driver
resolves inputs and provisions outputs, component/launcher_v2.go stages artifacts, metadata records them): a container
sees its image, the mounted folders, what was downloaded for it, and nothing of the containers before it.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2 as kfp

from tests.commands import Interpreter

_ROOT = Path(__file__).resolve().parents[1]
_STAGED = {"gs": "gcs", "s3": "s3", "minio": "minio"}
_KINDS = {
    kfp.ParameterType.STRING: "string_value",
    kfp.ParameterType.NUMBER_INTEGER: "number_value",
    kfp.ParameterType.NUMBER_DOUBLE: "number_value",
    kfp.ParameterType.BOOLEAN: "bool_value",
}


class TaskError(Exception):
    """A task that KFP would show as failed.

    Args:
        task: its name.
        why: what the driver says, or the end of the container's log.
        status: the container's exit status; None: it was never started.
    """

    def __init__(self, task: str, why: str, status: int | None = None) -> None:
        super().__init__(f"{task}: {why}")
        self.task, self.why, self.status = task, why, status


Outputs = dict[str, Any]
"""Output key -> RuntimeArtifact, as it is recorded."""


def read(file: Path) -> Any:
    """A PipelineSpec from the first document of a YAML file; an unknown field is an error."""
    document, *_ = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    return json_format.ParseDict(document, kfp.PipelineSpec())


@dataclasses.dataclass
class Cluster:
    """A place to run pipelines in."""

    folder: Path
    """Holds the image, the object store and, one after the other, the containers."""
    recorded: int = 0

    def run(
        self, spec: Any, parameters: Mapping[str, str], done: Mapping[str, Outputs] | None = None
    ) -> dict[str, Outputs]:
        """Runs a pipeline, a task after the other.

        Args:
            spec: a PipelineSpec.
            parameters: the pipeline's.
            done: tasks that are not run again, as if they came from KFP's cache.

        Returns:
            Task -> its outputs.

        Raises:
            TaskError: a task did.
        """
        given = self._root_parameters(spec, parameters)
        ended, run_id = dict(done or {}), str(uuid.uuid4())
        tasks = spec.root.dag.tasks
        while waiting := [name for name in sorted(tasks) if name not in ended]:
            ready = next((name for name in waiting if set(tasks[name].dependent_tasks) <= set(ended)), None)
            if ready is None:
                raise TaskError(waiting[0], f"waits for {', '.join(tasks[waiting[0]].dependent_tasks)}")
            ended[ready] = self._task(spec, ready, given, ended, f"{spec.default_pipeline_root}/toy/{run_id}")
        return ended

    def path(self, artifact: Any) -> Path:
        """Where an artifact lies in the object store."""
        return self._object(artifact.uri)

    def _root_parameters(self, spec: Any, parameters: Mapping[str, str]) -> dict[str, Any]:
        declared = spec.root.input_definitions.parameters
        for name in parameters:
            if name not in declared:
                raise TaskError("root", f"no parameter {name}")
        given = {name: one.default_value for name, one in declared.items() if one.HasField("default_value")}
        return {**given, **{name: struct_pb2.Value(string_value=value) for name, value in parameters.items()}}

    def _task(self, spec: Any, name: str, given: dict[str, Any], ended: Mapping[str, Outputs], root: str) -> Outputs:
        task = spec.root.dag.tasks[name]
        if task.task_info.name != name or not name.replace("-", "").isalnum():
            raise TaskError(name, "not a name that Argo takes")
        component = spec.components[task.component_ref.name]
        deployment = json_format.ParseDict(
            json_format.MessageToDict(spec.deployment_spec), kfp.PipelineDeploymentConfig()
        )
        executor = deployment.executors[component.executor_label]
        if executor.WhichOneof("spec") != "container":
            raise TaskError(name, f"{executor.WhichOneof('spec')} executors not implemented")
        if task.trigger_policy.condition:
            raise TaskError(name, "conditions are not run here")
        told = kfp.ExecutorInput()
        self._resolve(name, task, component, given, ended, told)
        container = self.folder / "containers" / name
        self._provision(f"{root}/{name}/{uuid.uuid4()}", component, container, told)
        self._launch(name, executor.container, container, told)
        return self._published(name, container, told)

    def _resolve(
        self, name: str, task: Any, component: Any, given: dict[str, Any], ended: Mapping[str, Outputs], told: Any
    ) -> None:
        """The driver's part: what the task's inputs are."""
        for key, source in task.inputs.parameters.items():
            kind = source.WhichOneof("kind")
            if kind == "component_input_parameter":
                if source.component_input_parameter not in given:
                    raise TaskError(name, f"no parameter {source.component_input_parameter}")
                value = given[source.component_input_parameter]
            elif kind == "runtime_value":
                value = source.runtime_value.constant
            else:
                raise TaskError(name, f"{key} comes from {kind}")
            told.inputs.parameter_values[key].CopyFrom(value)
        for key, source in task.inputs.artifacts.items():
            output = source.task_output_artifact
            if output.producer_task not in task.dependent_tasks:
                raise TaskError(name, f"{key} comes from {output.producer_task}, which it does not wait for")
            made = ended[output.producer_task].get(output.output_artifact_key)
            if made is None:
                raise TaskError(name, f"{output.producer_task} has no output {output.output_artifact_key}")
            told.inputs.artifacts[key].artifacts.add().CopyFrom(made)
        wanted = component.input_definitions
        for key, value in told.inputs.parameter_values.items():
            if (
                key not in wanted.parameters
                or value.WhichOneof("kind") != _KINDS[wanted.parameters[key].parameter_type]
            ):
                raise TaskError(name, f"{key} is no parameter of the component, or of another type")
        for declared, found in (
            (wanted.parameters, told.inputs.parameter_values),
            (wanted.artifacts, told.inputs.artifacts),
        ):
            missing = [key for key, one in declared.items() if not one.is_optional and key not in found]
            if missing:
                raise TaskError(name, f"{', '.join(missing)} missing")

    def _provision(self, root: str, component: Any, container: Path, told: Any) -> None:
        """The driver's part: where the outputs go."""
        for key, declared in component.output_definitions.artifacts.items():
            artifact = told.outputs.artifacts[key].artifacts.add()
            artifact.uri = f"{root}/{key}"
            artifact.type.CopyFrom(declared.artifact_type)
            artifact.metadata.CopyFrom(declared.metadata)
        told.outputs.output_file = str(container / "tmp" / "kfp_outputs" / "output_metadata.json")

    def _launch(self, name: str, image: Any, container: Path, told: Any) -> None:
        """The launcher's part: inputs downloaded, the command run."""
        shutil.rmtree(container, ignore_errors=True)
        (container / "tmp" / "kfp_outputs").mkdir(parents=True)
        for artifacts in told.inputs.artifacts.values():
            self._download(artifacts.artifacts[0].uri, container)
        for artifacts in told.outputs.artifacts.values():
            # The directory around it, not its own.
            _staged(artifacts.artifacts[0].uri, container).parent.mkdir(parents=True, exist_ok=True)
        arguments = [
            word.replace("{{$}}", json_format.MessageToJson(told, indent=None))
            for word in (*image.command, *image.args)
        ]
        # What the image's PATH finds: the environment of the lock.
        python, *arguments = arguments
        assert python == "python"
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder / "image"),
            "ARTIFACT_LOCAL_PATH": str(container),
            "TMPDIR": str(container / "tmp"),
        }
        done = self._python.run(*arguments, cwd=container, env=environment)
        (self.folder / f"{name}.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            raise TaskError(name, done.stderr[-3000:], done.returncode)

    def _published(self, name: str, container: Path, told: Any) -> Outputs:
        """The launcher's part: outputs uploaded and recorded, as the executor's output file describes them."""
        made = kfp.ExecutorOutput()
        file = Path(told.outputs.output_file)
        if file.exists():
            json_format.Parse(file.read_text(), made)
        outputs = {}
        for key, artifacts in told.outputs.artifacts.items():
            artifact = artifacts.artifacts[0]
            if key in made.artifacts:
                described = made.artifacts[key].artifacts[0]
                artifact.uri = described.uri or artifact.uri
                artifact.metadata.update(dict(described.metadata.items()))
            local = _staged(artifact.uri, container)
            for path in local.rglob("*"):
                if path.is_file():
                    place = self._object(artifact.uri) / path.relative_to(local)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, place)
            self.recorded += 1
            recorded = kfp.RuntimeArtifact(name=str(self.recorded), uri=artifact.uri, type=artifact.type)
            recorded.metadata.update(
                {"display_name": key, **{k: _as_mlmd(name, k, v) for k, v in artifact.metadata.items()}}
            )
            outputs[key] = recorded
        shutil.rmtree(container)
        return outputs

    def _download(self, uri: str, container: Path) -> None:
        """Every object whose key begins with the artifact's, neighbours such as `model_run` of `model` too."""
        place = self._object(uri)
        for found in place.parent.glob(f"{place.name}*"):
            for path in (found, *found.rglob("*")):
                if path.is_file():
                    target = _staged(uri, container).parent / path.relative_to(place.parent)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)

    @functools.cached_property
    def _python(self) -> Interpreter:
        """The image: a Python that knows what the Dockerfile copies from the project, and nothing else of it."""
        image = self.folder / "image"
        if not image.exists():
            copied = re.findall(r"^COPY (?!--)(.*) /opt/bert-pipeline/(\S*)$", (_ROOT / "Dockerfile").read_text(), re.M)
            for names, target in copied:
                for name in names.split():
                    source, place = _ROOT / name, image / target
                    if source.is_dir():
                        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
                    else:
                        place.mkdir(parents=True, exist_ok=True)
                        shutil.copy(source, place)
        return Interpreter(image, os.environ)

    def _object(self, uri: str) -> Path:
        return self.folder / "store" / uri.replace("://", "/")


def _staged(uri: str, container: Path) -> Path:
    """The launcher's LocalPathForURI."""
    scheme, _, key = uri.partition("://")
    if scheme not in _STAGED:
        raise ValueError(f"{uri}: unsupported storage scheme")
    return container / _STAGED[scheme] / key


def _as_mlmd(task: str, key: str, value: Any) -> Any:
    """What comes back from ML Metadata of a property."""
    match value:
        case bool():
            return int(value)
        case str() | int() | float():
            return value
        case None:
            raise TaskError(task, f"unknown/unsupported value type of {key}")
    plain = json_format.MessageToDict(value)
    return {"list": plain} if isinstance(plain, list) else {"struct": plain}

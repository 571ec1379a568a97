"""The DAG as one YAML file for Kubeflow Pipelines (v2, schema 2.1), from the same `build_pipeline` as the local run.

TFX's builder makes the spec; what open-source KFP wants otherwise is changed in it here, see docs/kubeflow.md.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import yaml

from components.common.errors import InputError
from components.common.streams import hidden_stderr
from components.common.suggest import did_you_mean
from components.settings.kinds import registry
from components.settings.kubeflow import Kubeflow
from components.settings.run import Run
from components.settings.toml import TomlSource
from pipeline.config import load, preflight
from pipeline.config.corpus_preflight import CheckedCorpus
from pipeline.config.preflight import AnyChecked
from pipeline.dag import description
from pipeline.runs import manifest
from pipeline.runs.paths import PRETRAINER, PipelinePaths

COMMAND = ["python", "-m", "pipeline_runner", "run-container", "--"]
"""What a container runs; TFX's arguments follow."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")

_FACTORS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15} | {
    f"{letter}i": 1024**power for power, letter in enumerate("KMGTP", 1)
}

_Spec = dict[str, Any]


def export(path: Path, output: Path) -> Path:
    """Writes the pipeline's spec.

    Args:
        path: the run's TOML file.
        output: directory for the spec.

    Returns:
        The file, NAME.yaml.

    Raises:
        InputError: the config is wrong, or says something that Kubeflow cannot do.
    """
    checked = preflight.check_any(path)
    source = TomlSource(str(path), path.read_text(encoding="utf-8-sig"))
    _check(checked, source)
    collected = manifest.collect(checked, "", "")
    with hidden_stderr():
        from tfx.orchestration.data_types import RuntimeParameter

        from pipeline.dag.build import build_pipeline

    settings = checked.run.kubeflow
    there = _in_containers(checked)
    parameters = {"data_path": str(settings.folder), "run_name": ""}
    built = build_pipeline(
        there,
        PipelinePaths.of(there.run, Path(str(settings.folder))),
        collected,
        **{name: RuntimeParameter(name=name, ptype=str) for name in parameters},
    )
    documents = [compiled(built, settings, parameters)]
    if settings.volume:
        documents.append(_with_volume(documents[0], settings))
    output.mkdir(parents=True, exist_ok=True)
    written = output / f"{checked.run.name}.yaml"
    written.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return written


def _check(checked: AnyChecked, source: TomlSource) -> None:
    """Refuses what the settings lack, and what containers could not find."""
    run, settings = checked.run, checked.run.kubeflow
    for key, example in (("image", "REGISTRY/NAME@sha256:..."), ("root", "minio://BUCKET/PATH"), ("folder", "/mnt/X")):
        if getattr(settings, key) is None:
            remedy = f'Add it to [kubeflow], say {key} = "{example}"; docs/kubeflow.md says what it is'
            raise InputError(source.locate(("kubeflow",)), f"`kubeflow.{key}` is missing", remedy)
    if not _NAME.fullmatch(run.name):
        problem = f"`name` is {run.name!r}, Kubeflow takes lower-case letters, digits and - alone"
        raise InputError(source.locate(("name",)), problem, "Rename the run")
    base, of_base = registry.base_model(run)
    if "://" in base:
        problem = f"`{'.'.join(of_base)}` is {base}, which every container would fetch anew"
        remedy = f"Put its files, which are in {checked.base_model}, below the TOML's directory and name theirs"
        raise InputError(source.locate(of_base), problem, remedy)
    if run.beam.preset != "local":
        problem = f'`beam.preset` is "{run.beam.preset}", whose workers do not see what a container is given'
        raise InputError(
            source.locate(("beam", "preset")), problem, 'Set preset = "local": a container runs its own Beam'
        )
    if run.push.sign_key is not None:
        problem = "`push.sign_key` is given, but the image has no model-signing, and no key is kept in a container"
        raise InputError(source.locate(("push", "sign_key")), problem, "Delete it, and sign what was pushed yourself")
    if isinstance(run, Run) and run.training.devices == "multiworker":
        problem = '`training.devices` is "multiworker", but the Trainer is one container'
        remedy = 'Set devices = "auto"; kubeflow.gpus gives it GPUs'
        raise InputError(source.locate(("training", "devices")), problem, remedy)
    nodes = ["default", *(node.id for node in description.nodes(run))]
    for key in ("cpu", "memory"):
        for name in getattr(settings, key):
            if name not in nodes:
                nearest = did_you_mean(name, nodes, str)
                problem = f"`kubeflow.{key}` names {name!r}, there is no such node"
                raise InputError(source.locate(("kubeflow", key, name)), problem, f"{nearest}Known: {', '.join(nodes)}")


def _in_containers(checked: AnyChecked) -> AnyChecked:
    """The run with the paths that containers have; those of the data are relative, spans are left to be found."""
    if isinstance(checked, CheckedCorpus):
        folder = Path(str(checked.run.kubeflow.folder))
        there, here = (load.load_any(checked.path, one) for one in (folder, Path()))
        assert not isinstance(there, Run)  # noqa: S101
        assert not isinstance(here, Run)  # noqa: S101
        base, _ = registry.base_model(there)
        run_there: Any = dataclasses.replace(there, corpus=here.corpus)
        return dataclasses.replace(checked, run=run_there, base_model=Path(base) if base else None)
    run = load.load_config(checked.path, Path(str(checked.run.kubeflow.folder)))
    data = load.load_config(checked.path, Path()).data
    # The one thing of the data's that a check works out.
    data = dataclasses.replace(data, most_words=checked.run.data.most_words)
    run = dataclasses.replace(run, data=data)
    return dataclasses.replace(checked, run=run, base_model=Path(run.model.base), newest=data)


def compiled(pipeline: Any, settings: Kubeflow, parameters: dict[str, str]) -> _Spec:
    """A pipeline of TFX's as a PipelineSpec of KFP's, as far as open-source KFP can run it.

    Args:
        pipeline: what is compiled.
        settings: image, root and resources.
        parameters: name -> default of the pipeline's parameters.

    Raises:
        InputError: a node that KFP cannot run.
    """
    from google.protobuf import json_format
    from tfx import version
    from tfx.orchestration.kubeflow.v2.pipeline_builder import PipelineBuilder

    _refuse(pipeline)
    builder = PipelineBuilder(
        pipeline, default_image=settings.image, default_commands=COMMAND, use_pipeline_spec_2_1=True
    )
    spec: _Spec = json_format.MessageToDict(builder.build())
    tasks, executors = spec["root"]["dag"]["tasks"], spec["deploymentSpec"]["executors"]
    for node_id, task in tasks.items():
        _rename(task)
        # KFP's cache sees neither the data files nor what is in production.
        task.pop("cachingOptions", None)
        spec["components"][node_id]["executorLabel"] = _executor(node_id)
        executors[f"{node_id}_executor"]["container"]["resources"] = _resources(node_id, settings)
    defaults = {
        name: {"parameterType": "STRING", "defaultValue": value, "isOptional": True}
        for name, value in parameters.items()
    }
    return {
        **spec,
        "components": {_component(node_id): found for node_id, found in spec["components"].items()},
        "defaultPipelineRoot": settings.root,
        "deploymentSpec": {"executors": {_executor(node_id): executors[f"{node_id}_executor"] for node_id in tasks}},
        "root": {
            "dag": {"tasks": {_task(node_id): task for node_id, task in tasks.items()}},
            "inputDefinitions": {"parameters": defaults},
        },
        "schemaVersion": "2.1.0",
        "sdkVersion": f"tfx-{version.__version__}",
    }


def _refuse(pipeline: Any) -> None:
    from tfx.components.example_gen.component import FileBasedExampleGen
    from tfx.dsl.components.common.resolver import Resolver
    from tfx.dsl.experimental.conditionals.conditional import get_predicates

    for node in pipeline.components:
        if isinstance(node, Resolver):
            problem = "a Resolver, which open-source Kubeflow does not run"
            raise InputError(node.id, problem, "Let a component find the artifact, as components.nodes.baseline does")
        if get_predicates(node, pipeline.dsl_context_registry):
            problem = "runs under a condition on a value, which open-source Kubeflow cannot compute"
            raise InputError(
                node.id, problem, "Let the node look at its input and decide, as components.nodes.pusher does"
            )
        if isinstance(node, FileBasedExampleGen):
            problem = "looks for its span in a hook that open-source Kubeflow ignores"
            raise InputError(node.id, problem, "Use components.nodes.example_gen, which looks when it runs")


def _rename(task: _Spec) -> None:
    """Argo takes letters, digits and dashes; KFP finds a task by the name in its info."""
    task["taskInfo"]["name"] = _task(task["taskInfo"]["name"])
    task["componentRef"]["name"] = _component(task["componentRef"]["name"])
    task["dependentTasks"] = [_task(name) for name in task.get("dependentTasks", [])]
    for given in task.get("inputs", {}).get("artifacts", {}).values():
        given["taskOutputArtifact"]["producerTask"] = _task(given["taskOutputArtifact"]["producerTask"])


def _task(node_id: str) -> str:
    """`Evaluator.test` -> `evaluator-test`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", node_id).replace(".", "-").lower()


def _component(node_id: str) -> str:
    return f"comp-{_task(node_id)}"


def _executor(node_id: str) -> str:
    return f"exec-{_task(node_id)}"


def _resources(node_id: str, settings: Kubeflow) -> _Spec:
    """A ResourceSpec; each quantity stands in it twice, for KFP of before 2.10 as a number."""
    wanted: _Spec = {}
    if (cpu := settings.cpu.get(node_id, settings.cpu.get("default"))) is not None:
        wanted |= {"cpuRequest": cpu, "resourceCpuRequest": f"{cpu:g}"}
    if (memory := settings.memory.get(node_id, settings.memory.get("default"))) is not None:
        number = memory.rstrip("KMGTPki")
        gigabytes = float(number) * _FACTORS[memory.removeprefix(number)] / 1e9
        wanted |= {"memoryRequest": gigabytes, "memoryLimit": gigabytes}
        wanted |= {"resourceMemoryRequest": memory, "resourceMemoryLimit": memory}
    if settings.gpus and node_id in ("Trainer", PRETRAINER):
        count, kind = str(settings.gpus), settings.gpu_type
        wanted["accelerator"] = {"type": kind, "count": count, "resourceType": kind, "resourceCount": count}
    return wanted


def _with_volume(spec: _Spec, settings: Kubeflow) -> _Spec:
    """KFP's PlatformSpec: the claim in every container."""
    executors = {
        name: {
            "pvcMount": [
                {
                    "constant": settings.volume,
                    "pvcNameParameter": {"runtimeValue": {"constant": settings.volume}},
                    "mountPath": settings.mount or settings.folder,
                }
            ]
        }
        for name in spec["deploymentSpec"]["executors"]
    }
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}

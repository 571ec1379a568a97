"""A node in a container of Kubeflow Pipelines: TFX's entry point, with the paths that the container has.

KFP's launcher copies what is gs://B/K, s3://B/K or minio://B/K elsewhere to /gcs/B/K, /s3/B/K or /minio/B/K before a
container runs, and back from there afterwards. TFX's file systems know none of these places by the URI.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from components.common.errors import find_input_error
from components.common.literal_paths.libraries import use_literal_paths
from pipeline.runners import inputs, libraries

_STAGED = {"gs://": "gcs", "s3://": "s3", "minio://": "minio"}

_ROOT = "ARTIFACT_LOCAL_PATH"
"""An environment variable of the launcher's: the directory that holds the three; without it, `/`."""

Invocation = dict[str, Any]
"""KFP's ExecutorInput or ExecutorOutput, from JSON."""


def run(arguments: list[str]) -> None:
    """Runs a node's executor.

    Args:
        arguments: those of TFX's `kubeflow_v2_run_executor`, which Beam's follow.

    Raises:
        InputError: the user's data or model turned out wrong, or is not what the spec was made of.
        Exception: whatever else the executor raised.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("executor_class_path", "json_serialized_invocation_args"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--json_serialized_inputs_spec_args")
    known, of_beam = parser.parse_known_args(arguments)
    invocation = json.loads(known.json_serialized_invocation_args)
    known.json_serialized_invocation_args = json.dumps(staged(invocation))
    properties = invocation.get("inputs", {}).get("parameterValues", {})
    inputs.check(known.executor_class_path, properties)
    libraries.load()

    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

    from pipeline.beam.batch_size import use_large_batches
    from pipeline.beam.options import own_arguments

    use_large_batches()
    use_literal_paths()
    try:
        with own_arguments():
            kubeflow_v2_run_executor.main((known, of_beam))
        if "push_destination" not in properties:
            inputs.check(known.executor_class_path, properties)
    except Exception as error:
        if mistake := find_input_error(error):
            raise mistake from None
        raise
    file = Path(invocation["outputs"]["outputFile"])
    file.write_text(json.dumps(as_declared(json.loads(file.read_text()), invocation)))


def local_path(uri: str) -> str:
    """Where the launcher puts an artifact; a path stays what it is."""
    for scheme, folder in _STAGED.items():
        if uri.startswith(scheme):
            return f"{os.environ.get(_ROOT, '')}/{folder}/{uri.removeprefix(scheme)}"
    return uri


def staged(invocation: Invocation) -> Invocation:
    """An ExecutorInput with paths instead of URIs; makes the directories of the outputs, as TFX's launcher does.

    An input that its node left empty is none, as the model in production before the first push: KFP hands on an
    artifact for every output that is declared.
    """
    inputs, outputs = (_moved(invocation.get(side, {})) for side in ("inputs", "outputs"))
    for artifacts in inputs["artifacts"].values():
        artifacts["artifacts"] = [one for one in artifacts["artifacts"] if _holds_something(Path(one["uri"]))]
    for artifacts in outputs["artifacts"].values():
        for one in artifacts["artifacts"]:
            Path(one["uri"]).mkdir(parents=True, exist_ok=True)
    return {**invocation, "inputs": inputs, "outputs": outputs}


def as_declared(made: Invocation, invocation: Invocation) -> Invocation:
    """An ExecutorOutput with URIs instead of paths, also where properties name an artifact.

    An output stays where it was declared: of one that TFX has elsewhere, as a pushed model, its properties tell.
    """
    sides = [invocation.get(side, {}).get("artifacts", {}) for side in ("inputs", "outputs")]
    uris = {local_path(one["uri"]): one["uri"] for side in sides for key in side for one in side[key]["artifacts"]}

    def declared(one: Invocation, given: Invocation) -> Invocation:
        properties = {
            name: uris.get(value, value) if isinstance(value, str) else value
            for name, value in one.get("metadata", {}).items()
        }
        return {**one, "uri": given["uri"], "metadata": properties}

    artifacts = {
        key: {"artifacts": list(map(declared, found["artifacts"], sides[1][key]["artifacts"]))}
        for key, found in made.get("artifacts", {}).items()
    }
    return {**made, "artifacts": artifacts}


def _moved(side: Invocation) -> Invocation:
    """Inputs or outputs with paths instead of URIs."""
    artifacts = {
        key: {"artifacts": [{**one, "uri": local_path(one["uri"])} for one in found.get("artifacts", [])]}
        for key, found in side.get("artifacts", {}).items()
    }
    return {**side, "artifacts": artifacts}


def _holds_something(path: Path) -> bool:
    return path.is_file() or any(below.is_file() for below in path.rglob("*"))

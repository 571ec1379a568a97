"""`[beam]`: where Beam's pipelines run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import model_validator

from components.common.json_files import shown
from components.settings.fields import Address, ConflictError, Strings, settings

_REFUSED_RUNNERS = {
    "dask": "writes no examples, mixes up outputs and calls that success",
    "spark": "gives wrong results or none where third parties made it; Beam's own was never tried",
    "ray": "gives wrong results or none",
    "prism": "downloads what it runs",
    "direct": "tries to download Prism and, failing, leaves a port open on all interfaces",
}
"""Word in a runner's name -> what is wrong with it, as it was seen."""

_OTHER_PROCESSES = ("direct_running_mode", "job_endpoint", "environment_type")
"""Options of Beam that open a port or look for one."""

_PRESETS_OWN: Mapping[str, Mapping[str, str]] = {
    "portable": {
        "job_endpoint": "Delete it, and set beam.job_service",
        "environment_config": "Delete it, and set beam.workers",
        "environment_type": "Delete it, or set another preset",
        "job_server_timeout": "Delete it: a job that takes longer would be given up",
    },
    "flink": {
        "flink_master": "Delete it, and set beam.flink_master",
        "environment_config": "Delete it: the preset starts the project's own workers",
        "environment_type": "Delete it, or set another preset",
        "job_server_timeout": "Delete it: a job that takes longer would be given up",
    },
}
"""Preset -> options of Beam that it sets, which a second value would undo without a word -> what to do instead."""

_DATAFLOW = ("project", "region", "temp_location", "sdk_container_image")
"""Options that a job of Dataflow cannot do without; the image is one with the lock and this project in it."""


@settings
class Beam:
    """Where ExampleGen, StatisticsGen, Transform, Evaluator and `bulk-predict` run; what they make is the same."""

    preset: Literal["local", "portable", "flink", "dataflow"] = "local"
    """`local`: this process, no port is opened, and ExampleGen, StatisticsGen and Transform do without Beam.
    `portable`: a Beam job service with a worker pool. `flink`: a Flink cluster whose machines have this project at the
    same path. `dataflow`: Google Cloud Dataflow.
    Example: `preset = "portable"`"""
    job_service: Address | None = None
    """With `preset = "portable"`: HOST:PORT of the job service; default: 127.0.0.1:8099, where `make beam-service`
    listens.
    Example: `job_service = "10.0.0.5:8099"` with `preset = "portable"`"""
    workers: Address | None = None
    """With `preset = "portable"`: HOST:PORT of the worker pool as the job service reaches it; default:
    127.0.0.1:50000.
    Example: `workers = "10.0.0.5:50000"` with `preset = "portable"`"""
    flink_master: Address | None = None
    """With `preset = "flink"`, and required there: HOST:PORT of the cluster's REST interface.
    Example: `flink_master = "10.0.0.5:8081"` with `preset = "flink"`"""
    arguments: Strings = ()
    """Options for Beam, each as `--name=value`. Example: `arguments = ["--direct_num_workers=1"]`"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = {}
        for argument in self.arguments:
            name, _, value = argument.removeprefix("--").partition("=")
            if not argument.startswith("--") or not name:
                problem = f"`beam.arguments` holds {shown(argument)}"
                raise ConflictError("arguments", problem, "Write each of them as --name=value")
            given[name] = value
        if "runner" in given:
            runner = given["runner"]
            refused = (why for word, why in _REFUSED_RUNNERS.items() if word in runner.lower())
            problem = f"`beam.arguments` names the runner {shown(runner)}, which {next(refused, 'is no preset')}"
            raise ConflictError("arguments", problem, "Delete it; beam.preset names the runner")
        for name in given:
            # Beam takes one of them with dashes too.
            if remedy := _PRESETS_OWN.get(self.preset, {}).get(name.replace("-", "_")):
                problem = f'`beam.arguments` holds --{name}, which `beam.preset` "{self.preset}" sets'
                raise ConflictError("arguments", problem, remedy)
        for key, preset in (("job_service", "portable"), ("workers", "portable"), ("flink_master", "flink")):
            if getattr(self, key) is not None and self.preset != preset:
                problem = f'`beam.{key}` is given, but `beam.preset` is "{self.preset}"'
                raise ConflictError(key, problem, f'Delete it, or set preset = "{preset}"')
        if self.preset == "local":
            self._check_local(given)
        if self.preset == "flink" and self.flink_master is None:
            problem = '`beam.preset` is "flink", but `beam.flink_master` is missing: Beam would start a cluster here'
            raise ConflictError("preset", problem, "Add flink_master, HOST:PORT of the cluster's REST interface")
        missing = [f"--{name}" for name in _DATAFLOW if not given.get(name)]
        if self.preset == "dataflow" and missing:
            problem = f'`beam.preset` is "dataflow", but `beam.arguments` lacks {", ".join(missing)}'
            raise ConflictError("preset", problem, "Add them; docs/scaling.md shows how")
        return self

    def _check_local(self, given: Mapping[str, str]) -> None:
        opening = next((name for name in _OTHER_PROCESSES if given.get(name, "in_memory") != "in_memory"), None)
        if opening is not None:
            problem = f'`beam.arguments` holds --{opening}, but `beam.preset` is "local", which opens no port'
            raise ConflictError("arguments", problem, 'Delete it, or set preset = "portable"')

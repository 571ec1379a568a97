"""Where and when a run runs: Beam, schedulers, Kubeflow. What comes out is the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.settings_base import Address, ConflictError, Name, Strings, settings, shown

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
    """Where ExampleGen, StatisticsGen, Transform, Evaluator and `bulk-predict` run; they make the same there."""

    preset: Literal["local", "portable", "flink", "dataflow"] = "local"
    """`local`: this process, no port is opened. `portable`: a job service, whose workers are those of a worker pool.
    `flink`: a cluster whose machines have this project at the same path. `dataflow`: Google's."""
    job_service: Address | None = None
    """`portable`: HOST:PORT of the job service; None: 127.0.0.1:8099, where `make beam-service` has one."""
    workers: Address | None = None
    """`portable`: HOST:PORT of the worker pool, as the job service calls it; None: 127.0.0.1:50000."""
    flink_master: Address | None = None
    """`flink`: HOST:PORT of the cluster's REST interface."""
    arguments: Strings = ()
    """Passed on to Beam, each as `--name=value`."""

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


_PART = r"(\*|[0-9]{1,2}(-[0-9]{1,2})?|[A-Za-z]{3}(-[A-Za-z]{3})?)(/[0-9]{1,2})?"
CRON = rf"^(@(hourly|daily|weekly|monthly|yearly)|{_PART}(,{_PART})*( {_PART}(,{_PART})*){{4}})$"


@settings
class Schedule:
    """When and how a scheduler runs it: for `export`; `run` does not look at it."""

    cron: Annotated[str, Field(pattern=CRON)] | None = None
    """Five fields, or such as @daily, in UTC; None: only when it is triggered."""
    pool: Name = "default_pool"
    """Whose slots the nodes take: pipelines that share one of few slots are kept from running side by side."""
    node_hours: Annotated[float, Field(gt=0)] = 24.0
    """After which a node is stopped, and counts as failed."""
    run_hours: Annotated[float, Field(gt=0)] | None = None
    """The same of a whole run; None: never."""
    retries: Annotated[int, Field(ge=0, le=100)] = 1
    """How often a node that failed is tried again."""
    retry_minutes: Annotated[float, Field(ge=0)] = 5.0
    """How long that is waited for."""
    on_refusal: Literal["succeed", "fail"] = "succeed"
    """What becomes of a run whose model the gate refused."""


_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTP]i|[kMGTP])?")
_STORE = re.compile(r"(gs|s3|minio)://[^/]+(/.*)?")


@settings
class Kubeflow:
    """How the run is exported for Kubeflow Pipelines, see docs/kubeflow.md; nothing else looks at it."""

    image: str | None = None
    """The project's container image, `REGISTRY/NAME@sha256:...`. `export` needs it, `root` and `folder`."""
    root: str | None = None
    """Where artifacts go: `gs://`, `s3://` or `minio://`, a bucket and a path in it."""
    folder: str | None = None
    """What stands in the containers for the TOML's own directory: its relative paths are taken from there, those of the
    data too unless the parameter `data_path` says otherwise. Models are pushed below it."""
    volume: str | None = None
    """A persistent volume claim that holds `folder`; None: the cluster mounts it by itself, or the image has it."""
    mount: str | None = None
    """Where the claim is mounted; None: at `folder`."""
    cpu: dict[str, Annotated[float, Field(ge=0.001)]] = Field(default_factory=dict)
    """Cores that a node asks for, by its id; `default` for all others."""
    memory: dict[str, str] = Field(default_factory=dict)
    """Memory that it asks for and is held to, as Kubernetes writes it: `8Gi`."""
    gpus: Annotated[int, Field(ge=0)] = 0
    """Of the Trainer."""
    gpu_type: str = "nvidia.com/gpu"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.root is not None and not _STORE.fullmatch(self.root):
            problem = f"`kubeflow.root` is {shown(self.root)}, it should begin with gs://, s3:// or minio://"
            raise ConflictError("root", problem, "Give a bucket and a path in it, say minio://mlpipeline/bert")
        for key in ("folder", "mount"):
            if (path := getattr(self, key)) is not None and not path.startswith("/"):
                problem = f"`kubeflow.{key}` is {shown(path)}, it should be an absolute path in the containers"
                raise ConflictError(key, problem, "Correct it, say /mnt/bert")
        if self.image == "":
            raise ConflictError("image", "`kubeflow.image` is empty", "Name the image, REGISTRY/NAME@sha256:...")
        if self.mount and self.folder and not f"{self.folder}/".startswith(f"{self.mount.rstrip('/')}/"):
            problem = f"`kubeflow.folder` is {shown(self.folder)}, not below `kubeflow.mount`, {shown(self.mount)}"
            raise ConflictError("folder", problem, "Name a directory of the claim, as it is mounted there")
        if self.mount is not None and self.volume is None:
            problem = f"`kubeflow.mount` is {shown(self.mount)}, but `kubeflow.volume` is missing"
            raise ConflictError("mount", problem, "Name the claim that is mounted there, or delete mount")
        for node, quantity in self.memory.items():
            if not _QUANTITY.fullmatch(quantity):
                problem = f"`kubeflow.memory.{node}` is {shown(quantity)}, it should be a quantity of Kubernetes"
                raise ConflictError(f"memory.{node}", problem, "Correct it, say 8Gi")
        return self

"""Where and when a run runs: Beam, schedulers, Kubeflow. What comes out is the same everywhere."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.settings.fields import ConflictError, Name, settings, shown

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

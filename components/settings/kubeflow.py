"""`[kubeflow]`: how a run is exported for Kubeflow Pipelines."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from components.common.json_files import shown
from components.settings.fields import ConflictError, PathText, settings

_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTP]i|[kMGTP])?")

_STORE = re.compile(r"(gs|s3|minio)://[^/]+(/.*)?")


@settings
class Kubeflow:
    """How the run is exported for Kubeflow Pipelines, see docs/kubeflow.md; ignored by all but `export`, which requires
    `image`, `root` and `folder`."""

    image: str | None = None
    """The project's container image, REGISTRY/NAME@sha256:DIGEST.
    Example: `image = "registry.example/bert-pipeline@sha256:0123"`"""
    root: PathText | None = None
    """Where artifacts go: gs://, s3:// or minio://, a bucket and a path in it.
    Example: `root = "minio://mlpipeline/bert"`"""
    folder: PathText | None = None
    """The directory in the containers that stands for the TOML file's own: relative paths are taken from there, those
    of the data too unless the parameter `data_path` says otherwise. Models are pushed below it.
    Example: `folder = "/mnt/tickets"`"""
    volume: str | None = None
    """The persistent volume claim that holds `folder`; to be left out where the cluster mounts it by itself or the
    image has it.
    Example: `volume = "tickets"`"""
    mount: PathText | None = None
    """Where the claim is mounted; default: at `folder`.
    Example: `mount = "/mnt"` with `volume = "tickets"`, `folder = "/mnt/tickets"`"""
    cpu: dict[str, Annotated[float, Field(ge=0.001, le=100_000)]] = Field(default_factory=dict)
    """CPU request by node id, in cores; `default` for all others. Example: `cpu = { default = 2, Trainer = 8 }`"""
    memory: dict[str, str] = Field(default_factory=dict)
    """Memory request and limit by node id, a quantity of Kubernetes; `default` for all others.
    Example: `memory = { default = "4Gi", Trainer = "16Gi" }`"""
    gpus: Annotated[int, Field(ge=0, le=100_000)] = 0
    """GPUs of the Trainer. Example: `gpus = 1`"""
    gpu_type: str = "nvidia.com/gpu"
    """The resource name of a GPU in the cluster. Example: `gpu_type = "amd.com/gpu"`"""

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

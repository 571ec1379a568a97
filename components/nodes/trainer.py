"""Trainer's entry point: transformed examples and a base model to an exported model.

TFX loads `run_fn` by its import path and reloads this module when it does: no state lives here.
"""

from __future__ import annotations

from typing import Any

from components.distributed import supervisor
from components.settings.serialization import load
from components.settings.training import Training
from components.training import replicas
from components.training.fine_tuning import train

_ORDER = (
    "train_files",
    "eval_files",
    "transform_output",
    "base_model",
    "custom_config",
    "model_run_dir",
    "serving_model_dir",
)
"""What `train` reads of TFX's FnArgs."""


def run_fn(fn_args: Any) -> None:
    """Fine-tunes and exports: in this process, or as the chief of several.

    Args:
        fn_args: as for `train`.

    Raises:
        InputError: as for `train`; or TF_CONFIG does not make this process the chief of a cluster.
        WorkerError: one of several workers did not come, or has ended.
    """
    training = load(Training, fn_args.custom_config["training"])
    if training.devices == "multiworker":
        supervisor.lead({name: getattr(fn_args, name) for name in _ORDER}, training.worker_minutes)
    else:
        train(fn_args, replicas.of_machine(training.devices))

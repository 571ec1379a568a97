"""Pretrainer's entry point: Examples of documents to a pre-trained model.

TFX loads `run_fn` by its import path and reloads this module when it does: no state lives here.
"""

from __future__ import annotations

from typing import Any

from components.pretraining.pretrain import train
from components.settings.kinds.pretraining import Pretraining
from components.settings.serialization import load
from components.training import replicas


def run_fn(fn_args: Any) -> None:
    """Pre-trains in this process.

    Args:
        fn_args: as for `train`.

    Raises:
        InputError: as for `train`; or there is one device, and several were asked for.
    """
    train(fn_args, replicas.of_machine(load(Pretraining, fn_args.custom_config["training"]).devices))

"""Which of two equal forms of a computation is used: the plain one, or the one that a CPU is faster with.

Both give the same numbers but for rounding and for the masks that dropout draws, from variables of the same names,
order and initial values. The form is chosen here alone, by the device; whatever has two forms takes it from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from components.kernels import library


@dataclass(frozen=True, kw_only=True, slots=True)
class Forms:
    """The form of each computation that has two."""

    end_to_end: bool
    """`end_to_end`, without padding and with ops of our own in training, in place of the layers in `blocks`."""
    half_batches: bool
    """A batch goes through the model in two halves (`half_batches`)."""
    cpu_adamw: bool
    """`cpu_adamw`, which updates those rows of the word embeddings that are in the batch, in place of `adamw`."""


PLAIN = Forms(end_to_end=False, half_batches=False, cpu_adamw=False)

CPU = Forms(end_to_end=True, half_batches=True, cpu_adamw=True)

CPU_WITHOUT_OPS = Forms(end_to_end=False, half_batches=True, cpu_adamw=True)
"""Of a CPU that cannot run the ops in `kernels`, or where they were not built."""

_BY_NAME = {"CPU": CPU, "CPU without ops": CPU_WITHOUT_OPS}


def forms_for(machine: str) -> Forms:
    """The forms for a kind of machine, as `machine_kind` names it."""
    return _BY_NAME.get(machine, PLAIN)


def machine_kind() -> str:
    """What this process computes on: `GPU` if TensorFlow sees one, or else `CPU`, or `CPU without ops`."""
    if tf.config.list_logical_devices("GPU"):
        return "GPU"
    return "CPU" if library.built() else "CPU without ops"

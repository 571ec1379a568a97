"""Which of two equal forms of a computation is used: the plain one, or the one that a CPU is faster with.

Both give the same numbers but for rounding and for the masks that dropout draws, from variables of the same names,
order and initial values. The form is chosen here alone, by the device; whatever has two forms takes it from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True, kw_only=True, slots=True)
class Forms:
    """The form of each computation that has two."""

    cpu_layers: bool
    """`cpu_layers`, with gradients written by hand, in place of `layers`."""
    half_batches: bool
    """A batch goes through the model in two halves (`half_batches`)."""
    cpu_adamw: bool
    """`cpu_adamw`, which updates those rows of the word embeddings that are in the batch, in place of `adamw`."""


PLAIN = Forms(cpu_layers=False, half_batches=False, cpu_adamw=False)

CPU = Forms(cpu_layers=True, half_batches=True, cpu_adamw=True)


def forms_for(kind: str) -> Forms:
    """The forms for a kind of device as TensorFlow names them: `CPU`, `GPU` ..."""
    return CPU if kind == "CPU" else PLAIN


def device_kind() -> str:
    """The kind of device that this process computes on: `GPU` if TensorFlow sees one, or else `CPU`."""
    return "GPU" if tf.config.list_logical_devices("GPU") else "CPU"

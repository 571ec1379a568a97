"""Loads the ops for this machine's CPU."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

from components.common.cpu import cpu_features
from components.common.errors import InputError
from components.kernels.build import LEVELS, library


@functools.cache
def built() -> Path | None:
    """The library that this CPU can run, the best one; None: it can run none, or none was built."""
    features = cpu_features()
    needed: frozenset[str] = frozenset()
    found = None
    for level, more in reversed(LEVELS.items()):
        needed |= more
        if needed <= features and library(level).is_file():
            found = library(level)
    return found


@functools.cache
def ops() -> Any:
    """The ops, as `tf.load_op_library` gives them: `bert_gelu` and the others.

    Raises:
        InputError: there is no library for this CPU.
    """
    import tensorflow as tf

    path = built()
    if path is None:
        problem = "the ops for this CPU are not there: they were not built, or the CPU has no AVX2"
        raise InputError(str(library("x86-64-v3")), problem, "In a checkout, `make setup` builds them")
    # What the library needs of TensorFlow is found among what this process has made global.
    ctypes.CDLL(str(Path(tf.sysconfig.get_lib(), "libtensorflow_framework.so.2")), ctypes.RTLD_GLOBAL)
    return tf.load_op_library(str(path))

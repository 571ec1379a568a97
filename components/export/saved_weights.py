"""The weights of a SavedModel as its files hold them, beside what its card says of them."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from components.common.atomic_files import sha256
from components.common.errors import InputError
from components.export import calibrated
from components.export.card import CALIBRATION, WARMUP_FILE, is_weight, read_card, values_sha256, widened
from components.export.card_task import task_of

_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""Under this key a checkpoint says which of its tensors is which variable."""


_DAMAGED = (
    *(tf.errors.OpError, DecodeError, OSError, LookupError),
    *(ValueError, RuntimeError, AttributeError, TypeError),
)


def weights_sha256(model: Path) -> str:
    """What `card.weights_sha256` gave of the model that was saved.

    Raises:
        InputError: the files of the weights are gone or damaged.
    """
    with readable(model):
        reader, keys = _variables(model)
        return values_sha256({path: functools.partial(reader.get_tensor, key) for path, key in keys.items()})


def values(model: Path) -> dict[str, np.ndarray]:
    """The weights of a SavedModel, by their variables' paths, in float32 whatever they are stored as.

    Raises:
        InputError: the files of the weights are gone or damaged.
    """
    with readable(model):
        reader, keys = _variables(model)
        return {path: widened(reader.get_tensor(key)) for path, key in keys.items() if is_weight(path)}


def _variables(model: Path) -> tuple[Any, dict[str, str]]:
    """What reads the tensors of a SavedModel's variables, and the key of each by the variable's path."""
    reader = tf.train.load_checkpoint(str(model / "variables" / "variables"))
    objects = TrackableObjectGraph.FromString(reader.get_tensor(_OBJECTS))
    return reader, {one.full_name: one.checkpoint_key for node in objects.nodes for one in node.attributes}


def assign(model: Path, values: Mapping[str, np.ndarray]) -> None:
    """Gives variables of a SavedModel other values, of their shapes; its graph stays as it is.

    Other names of the files, hard links, keep the values of before.

    Args:
        model: the SavedModel.
        values: by the variables' paths.

    Raises:
        InputError: the files of the variables are gone or damaged.
    """
    with readable(model):
        reader, keys = _variables(model)
        tensors = {name: reader.get_tensor(name) for name in sorted(reader.get_variable_to_shape_map())}
    for path, value in values.items():
        before = tensors[keys[path]]
        tensors[keys[path]] = np.asarray(value, before.dtype).reshape(before.shape)
    with tempfile.TemporaryDirectory(dir=model) as scratch:
        written = str(Path(scratch, "variables"))
        names, places = list(tensors), [""] * len(tensors)
        tf.raw_ops.SaveV2(
            prefix=written,
            tensor_names=names,
            shape_and_slices=places,
            tensors=[tf.constant(t) for t in tensors.values()],
        )
        for file in sorted(Path(scratch).iterdir()):
            file.replace(model / "variables" / file.name)


@contextlib.contextmanager
def readable(model: Path) -> Iterator[None]:
    """Around what reads the weights of a SavedModel; TensorFlow has an error of its own for each way to be damaged.

    Raises:
        InputError: the files of the weights are gone, cut short or damaged.
    """
    try:
        yield
    except _DAMAGED as error:
        problem = f"its weights cannot be read ({str(error).splitlines()[0][:160] if str(error) else error!r})"
        remedy = "Put the version back from where it was archived, or `rollback` to another"
        raise InputError(str(model), problem, remedy) from None


def check(model: Path) -> None:
    """Holds a model's weights, and the requests that a server sends itself, against its card.

    Raises:
        InputError: they are others, damaged, or the card does not say which the weights are.
    """
    card = read_card(model)
    requests = card.get("warmup_sha256")
    if requests is not None and not ((model / WARMUP_FILE).is_file() and sha256(model / WARMUP_FILE) == requests):
        problem = f"{WARMUP_FILE} is another one than its card says, or gone"
        raise InputError(str(model), problem, "Put the version back from where it was archived")
    _check_calibration(model)
    stated, found = card.get("weights_sha256"), weights_sha256(model)
    if stated != found:
        problem = f"its weights have the sha256 {found}, its card says {stated or 'nothing of them'}"
        remedy = "Put the version back from where it was archived, or `rollback` to another"
        raise InputError(str(model), problem, remedy)


def _check_calibration(model: Path) -> None:
    """Holds what no hash is of against the card; a model that was pushed before has nothing of it."""
    with readable(model):
        reader, keys = _variables(model)
        there = {path: reader.get_tensor(key) for path, key in keys.items() if path.startswith(f"{CALIBRATION}/")}
    if not there:
        return
    stated = calibrated.values(task_of(model), calibrated.temperature_of(model))
    if any(path not in stated or not np.array_equal(value, stated[path]) for path, value in there.items()):
        problem = "it is calibrated to other values than its card says"
        raise InputError(str(model), problem, "Put the version back from where it was archived")

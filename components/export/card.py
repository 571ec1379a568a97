"""A model's card: what a SavedModel of ours says of itself, in a JSON file inside it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from components.common.errors import InputError
from components.settings.separators import RowQuoting

if TYPE_CHECKING:
    from components.model.task_model import TaskModel


def weights_sha256(model: TaskModel) -> str:
    """Hash of all variables, by path: equal for equal weights, whatever they are stored as."""
    return values_sha256({str(variable.path): variable.numpy for variable in model.variables})


def values_sha256(values: Mapping[str, Callable[[], np.ndarray]]) -> str:
    """The same of variables' paths, each with what gives its value."""
    digest = hashlib.sha256()
    for path in sorted(filter(is_weight, values)):
        digest.update(path.encode())
        digest.update(widened(values[path]()).tobytes())
    return digest.hexdigest()


def widened(values: np.ndarray) -> np.ndarray:
    """Numbers of 16 bits as float32, others as they are."""
    return values.astype(np.float32) if values.dtype.itemsize == _HALF else values


_HALF = 2
"""Bytes of a number of 16 bits."""

CALIBRATION = "calibration"
"""In a card what the model was calibrated to; of variables that are no weights but this, how their paths begin."""


def is_weight(path: str) -> bool:
    """Whether a variable of this path counts: not the states of random number generators, nor what calibration sets."""
    return "seed" not in path and not path.startswith(f"{CALIBRATION}/")


ASSETS = "assets.extra"
"""The folder within a SavedModel of what TensorFlow does not read."""

CARD_FILE = f"{ASSETS}/model.json"
"""Within a SavedModel: what the model is. TensorFlow Serving ignores assets.extra."""

WARMUP_FILE = f"{ASSETS}/tf_serving_warmup_requests"
"""Within a SavedModel: the requests that TensorFlow Serving sends itself when it loads the model."""

REMEDY = "Remove this version and push the model again"

VOCABULARY = "vocabulary"
"""`kind` in the card of a learned vocabulary, which has no weights and answers nothing."""

CALIBRATED_ON = "calibrated_on"
"""In the card of a calibrated model, and what is written of its calibration: a hash of the rows that chose."""

EXPORTED = "exported"
"""In the card of another form of a pushed model: which form it is, and of which version."""

PRETRAINED = "pretraining"
"""`kind` in the card of a pre-trained model, a base model for a fine-tuning: it answers nothing but `fill`."""

_OPEN = ConfigDict(extra="allow", strict=True)


@with_config(_OPEN)
class _Task(TypedDict, total=False):
    name: str
    labels: list[str]


@with_config(_OPEN)
class _Input(TypedDict, total=False):
    predict_text: list[str | int]
    header: bool
    quoting: RowQuoting
    columns: int | None


@with_config(_OPEN)
class _Card(TypedDict, total=False):
    """What is read without another look; a card may say more."""

    kind: str
    task: _Task
    weights_sha256: str
    initial_weights: str | None
    data_sha256: str | None
    tokenizer: dict[str, Any]
    calibration: dict[str, float]
    input: _Input
    run: str
    restored_from: int
    signed_by: str
    warmup_sha256: str
    measured: dict[str, float]
    calibrated_on: str
    exported: dict[str, Any]


_CARD = TypeAdapter(_Card)


_NOT_OF_ANSWERS = (
    *("name", "base_model", "input", "data_sha256", "initial_weights", "initial_identity"),
    *("run", "restored_from", "signed_by", "warmup_sha256", "measured", CALIBRATED_ON, EXPORTED),
)
"""What a card says that changes no answer: what the model came from, which columns it was given, who pushed it."""


def identity(card: dict[str, Any]) -> str:
    """sha256 of what a model's card says that its answers follow from: weights, labels, tokenizer, task, lengths.

    Two models of equal weights are two models if one of them names its classes otherwise. Whatever a card does not say,
    as those of older models do not, is no part of it.
    """
    counts = {name: value for name, value in card.items() if name not in _NOT_OF_ANSWERS}
    return hashlib.sha256(json.dumps(counts, sort_keys=True).encode()).hexdigest()


_ANSWER_NOTHING = {
    VOCABULARY: "a vocabulary, which answers nothing by itself",
    PRETRAINED: "a pre-trained model, which has not been fine-tuned for a task: `fill` takes it",
}


def answers_nothing(directory: Path) -> str | None:
    """Of what is no model for a task, as far as its card can be read, what it is; None of others."""
    return _ANSWER_NOTHING.get(kind_of(directory) or "")


def kind_of(directory: Path) -> str | None:
    """`VOCABULARY` or `PRETRAINED`, as far as a directory's card can be read; None of a model for a task."""
    with contextlib.suppress(InputError):
        return read_card(directory).get("kind")
    return None


def exported_as(directory: Path) -> str:
    """Which form of a pushed model a directory holds, as far as its card can be read: `hf`, `onnx-int8`; else empty."""
    with contextlib.suppress(InputError):
        return str(read_card(directory).get(EXPORTED, {}).get("form", ""))
    return ""


def temperature(card: dict[str, Any]) -> float:
    """What the logits of a card's model are divided by."""
    return float(card.get(CALIBRATION, {}).get("temperature", 1.0))


def write_card(model: Path, card: dict[str, Any]) -> None:
    """Puts the card into the directory of a model, which is made if it is not there."""
    place = model / CARD_FILE
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(card, indent=1), encoding="utf-8")


def read_card(model: Path) -> dict[str, Any]:
    """What a SavedModel of ours says of itself: `task`, `weights_sha256`, `input` and so on; empty for another's.

    Raises:
        InputError: it is damaged.
    """
    place = model / CARD_FILE
    try:
        if place.exists() and not place.is_file():
            # A pipe would be waited for.
            raise ValueError("not a file")
        card = json.loads(place.read_text(encoding="utf-8"))
        if not isinstance(card, dict):
            raise TypeError(f"got {type(card).__name__}")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        reason = f"cannot be read as a JSON object ({error})"
        raise InputError(str(place), reason, REMEDY) from None
    try:
        return dict(_CARD.validate_python(card))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(str(place), f"not a model's card ({where}: {first['msg']})", REMEDY) from None

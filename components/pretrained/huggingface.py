"""A base model in Hugging Face's layout: config.json and safetensors, read without TensorFlow.

Weights are read from safetensors only: neither a pickle nor code that comes with a model is ever run.
"""

from __future__ import annotations

import dataclasses
import json
import re
import reprlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from components.common.errors import InputError
from components.common.json_files import read_json, shown
from components.model.config import BertConfig
from components.pretrained.file_names import CONFIG, INDEX, WEIGHTS
from components.pretrained.tensors import Stored, Tensors, float32, row_ranges

GIVE_A_DIRECTORY = (
    "Give a directory with config.json, model.safetensors and the tokenizer's files, or hf://organisation/name"
)

OLD_NAMES = {".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"}
"""What the first checkpoints call a tensor -> what it is called now."""

_WRAPPERS = re.compile(r"^((module|_orig_mod|model|0|auto_model|bert)\.)+")
"""What stands before a tensor's name where the encoder was saved within something else: `bert.` of a head's, `module.`
of DataParallel, `_orig_mod.` of torch.compile, `model.` of trainers, `0.auto_model.` of sentence-transformers."""

_SHARD = re.compile(r"[\w-][\w.-]{0,200}\.safetensors", re.ASCII)

_PUBLISHED = "Copy or download the model again."


def read_config(directory: Path) -> BertConfig:
    """Reads and checks config.json; keys that the encoder has no use for are ignored.

    Raises:
        InputError: there is no such file, or it describes something else than a BERT encoder.
    """
    if not directory.is_dir():
        raise InputError(str(directory), "there is no such directory", f"{GIVE_A_DIRECTORY}.")
    place = directory / CONFIG
    if not place.is_file():
        raise InputError(str(place), "there is no such file", f"{GIVE_A_DIRECTORY}.")
    document = read_json(place, "Copy or download it again.")
    kind, architectures = document.get("model_type"), document.get("architectures")
    if kind != "bert" and not (kind is None and _is_bert(architectures)):
        problem = (
            f'model_type must be "bert", got {reprlib.repr(kind)} with architectures {reprlib.repr(architectures)}'
        )
        remedy = "Only BERT encoders are supported (bert-base-uncased, MiniLM, TinyBERT ...); choose one of these."
        if kind is None and not architectures:
            remedy = f'Where it is a BERT, add "model_type": "bert". {remedy}'
        raise InputError(str(place), problem, remedy)
    for name, wanted in {
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
    }.items():
        if document.get(name, wanted) != wanted:
            problem = f"{name} must be {json.dumps(wanted)}, got {reprlib.repr(document[name])}"
            raise InputError(str(place), problem, "Choose a model that is a plain BERT encoder.")
    known = {field.name for field in dataclasses.fields(BertConfig)}
    try:
        return BertConfig(**{name: value for name, value in document.items() if name in known})
    except ValueError as error:
        raise InputError(str(place), str(error), "Correct it, or choose another model.") from None


def _is_bert(architectures: object) -> bool:
    """Whether a config.json's list names classes of transformers' BERT alone; those of 2019 have no model_type."""
    names = architectures if isinstance(architectures, list) else []
    return bool(names) and all(re.fullmatch(r"Bert(Model|LMHeadModel|For[A-Z]\w*)", str(name)) for name in names)


class SafeTensors(Tensors):
    """Of a directory, whole or in shards, by their present names without what the encoder was wrapped in.

    Raises:
        InputError: there are no weights, or a file is damaged.
    """

    config = CONFIG
    floats = ("F64", "F32", "F16", "BF16")
    """Others, such as float8 and int8, are numbers only together with a scale."""

    def __init__(self, directory: Path) -> None:
        self.place = str(directory / WEIGHTS)
        self._stored: dict[str, list[Stored]] = {}
        for path in _weight_files(directory):
            with _opened(path) as file:
                for name in file.keys():  # noqa: SIM118
                    part = file.get_slice(name)
                    stored = Stored(path, name, part.get_dtype(), tuple(part.get_shape()))
                    self._stored.setdefault(_present(name), []).append(stored)

    def stored(self, name: str) -> list[Stored]:
        """Where a tensor stands."""
        return self._stored.get(name, [])

    def parts(self, tensors: Iterable[Stored]) -> Iterator[tuple[Stored, int, np.ndarray]]:
        """Tensors of one file in parts."""
        tensors = list(tensors)
        with _opened(tensors[0].path) as file:
            for stored in tensors:
                part = file.get_slice(stored.name)
                for first, end in row_ranges(stored.shape):
                    rows = part[first:end] if stored.shape else file.get_tensor(stored.name).reshape(1)
                    yield stored, first, float32(rows)

    def read(self, name: str) -> np.ndarray:
        """A tensor, float32."""
        path, stored, *_ = self._stored[name][0]
        with _opened(path) as file:
            return float32(file.get_tensor(stored))

    def why_missing(self, names: list[str]) -> tuple[str, str]:
        """Whether the file has them behind a prefix."""
        of_each = ({known.removesuffix(name) for known in self._stored if known.endswith(f".{name}")} for name in names)
        # What else stands before all of the names, once for each encoder of the file: `tower.`.
        prefixes = sorted(set.intersection(*of_each))
        if not prefixes:
            return "", "Take weights and config.json from the same BERT model, saved with the encoder's own names."
        behind = f"; the file has them behind {' and '.join(map(repr, prefixes))}"
        if prefixes[1:]:
            return behind, "Nothing says which of its encoders is meant: save that one alone, with its own names."
        return behind, (
            f"Take the prefix away: with `load_file` and `save_file` of safetensors.numpy, name each tensor "
            f"name.removeprefix({prefixes[0]!r})."
        )


def _present(name: str) -> str:
    name = _WRAPPERS.sub("", name)
    for old, new in OLD_NAMES.items():
        name = name.replace(old, new)
    return name


def _opened(path: Path) -> Any:
    try:
        # A pipe would be waited for.
        if not path.is_file():
            raise FileNotFoundError("there is no such file")
        return safetensors.safe_open(path, framework="np")
    except (safetensors.SafetensorError, OSError) as error:
        remedy = "The file is cut short or damaged: copy or download it again."
        raise InputError(str(path), f"cannot be read as safetensors ({error})", remedy) from None


def _weight_files(directory: Path) -> list[Path]:
    if (directory / WEIGHTS).is_file():
        return [directory / WEIGHTS]
    index = directory / INDEX
    if index.is_file():
        shards = read_json(index, _PUBLISHED).get("weight_map")
        names = sorted(set(map(str, shards.values()))) if isinstance(shards, dict) else []
        # A name with a folder in it could lead out of the directory.
        wrong = [name for name in names if not _SHARD.fullmatch(name)]
        if not names or wrong:
            got = shown(wrong[0] if wrong else shards)
            problem = f"weight_map must map tensors to .safetensors files beside it, got {got}"
            raise InputError(str(index), problem, _PUBLISHED)
        return [directory / name for name in names]
    if (directory / "pytorch_model.bin").exists():
        problem = "there is no such file, and pytorch_model.bin is refused because unpickling it can run any code"
        remedy = (
            "Where you trust the file, convert it with transformers and PyTorch: "
            "AutoModel.from_pretrained(DIRECTORY).save_pretrained(DIRECTORY, safe_serialization=True)."
        )
        raise InputError(str(directory / WEIGHTS), problem, remedy)
    raise InputError(str(directory / WEIGHTS), "there is no such file", f"{GIVE_A_DIRECTORY}.")

"""A base model in the form of Google's original BERT: bert_config.json, vocab.txt and a checkpoint of TensorFlow 1.

As google-research/bert writes them: `bert_model.ckpt.index` and `bert_model.ckpt.data-00000-of-00001`, whose tensors
have the names of `modeling.py` and `run_pretraining.py`. An optimizer's, as of a checkpoint in mid-training, are
ignored. Read without TensorFlow; nothing in it is ever run.
"""

from __future__ import annotations

import dataclasses
import glob
import json
import re
import reprlib
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from components.common.errors import InputError
from components.common.json_files import read_json
from components.model.config import BertConfig
from components.pretrained.file_names import BERT_CONFIG, CHECKPOINT, CHECKPOINT_INDEX, CONFIG, INDEX, WEIGHTS
from components.pretrained.tensor_bundle import FLOATS, Bundle
from components.pretrained.tensors import Stored, Tensors

_GIVE = f"Give a directory with {BERT_CONFIG}, vocab.txt and {CHECKPOINT}.*, or the path DIRECTORY/{CHECKPOINT}"

_DEFAULTS = {"type_vocab_size": 16}
"""Where modeling.py's BertConfig has other defaults than Hugging Face's."""

_NO_WEIGHTS = re.compile(r"global_step|.*/adam_[mv]|beta[12]_power|cls/.*|output_(weights|bias)")
"""Names of tensors that a BERT's checkpoint may hold beside the encoder's: the optimizer's, and heads'."""

_DATA = f".data-{'[0-9]' * 5}-of-{'[0-9]' * 5}"
"""Suffixes of the files of weights."""

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""The tensor by which a checkpoint of TensorFlow 2's objects is known."""


def is_google(model: Path) -> bool:
    """Whether a path is to be read in this form, and not in Hugging Face's.

    A directory is where it has the weights or the config of this form alone. What is no directory is if there are files
    with this prefix, or a file of this name, which then is refused.
    """
    if not model.is_dir():
        return model.is_file() or _index(model).exists()
    if (model / WEIGHTS).exists() or (model / INDEX).exists():
        return False
    return (model / BERT_CONFIG).exists() or (not (model / CONFIG).exists() and bool(_prefixes(model)))


def patterns(model: Path) -> tuple[str, ...]:
    """Of the names of the files with weights and config, in the directory that holds them."""
    prefixes = [glob.escape(prefix.name) for prefix in (_chosen(model) if model.is_dir() else [model])]
    return (BERT_CONFIG, *(f"{prefix}{suffix}" for prefix in prefixes for suffix in (CHECKPOINT_INDEX, _DATA)))


def read_config(model: Path) -> BertConfig:
    """Reads and checks bert_config.json; keys that the encoder has no use for are ignored.

    `gelu` is by erf, as the first version of `modeling.py` had it and Hugging Face's conversion takes it.

    Raises:
        InputError: there is no such file, or it describes something else than a BERT encoder; or the path is an archive
            or another file.
    """
    if model.is_file():
        raise _not_a_prefix(model)
    place = (model if model.is_dir() else model.parent) / BERT_CONFIG
    if not place.is_file():
        problem = f"there is no such file beside {_checkpoint(model).name}, a checkpoint of TensorFlow's"
        raise InputError(str(place), problem, f"{_GIVE}.")
    document = read_json(place, "Copy or download it again.")
    # Of other architectures, whose files are called so too: ALBERT, ELECTRA, XLNet-like ones.
    for name, wanted in {"model_type": "bert", "directionality": "bidi"}.items():
        if document.get(name, wanted) != wanted:
            problem = f"{name} must be {json.dumps(wanted)}, got {reprlib.repr(document[name])}"
            raise InputError(str(place), problem, "Choose a model that is a plain BERT encoder.")
    if document.get("embedding_size", document.get("hidden_size")) != document.get("hidden_size"):
        problem = f"embedding_size must be hidden_size, got {reprlib.repr(document['embedding_size'])}"
        remedy = "ALBERT and ELECTRA are not supported: choose a model that is a plain BERT encoder."
        raise InputError(str(place), problem, remedy)
    if "vocab_size" not in document:
        raise InputError(str(place), "vocab_size is missing", "Take the file that was published with the model.")
    known = {field.name for field in dataclasses.fields(BertConfig)}
    try:
        return BertConfig(**{name: value for name, value in (_DEFAULTS | document).items() if name in known})
    except ValueError as error:
        raise InputError(str(place), str(error), "Correct it, or choose another model.") from None


class Checkpoint(Tensors):
    """The tensors of a checkpoint.

    Raises:
        InputError: there is none or more than one, or its index is damaged.
    """

    config = BERT_CONFIG
    floats = FLOATS

    def __init__(self, model: Path) -> None:
        if model.is_file():
            raise _not_a_prefix(model)
        self._bundle = Bundle(_checkpoint(model))
        self.place = str(self._bundle.index)

    def stored(self, name: str) -> list[Stored]:
        """Where a tensor stands."""
        found = self._bundle.find(self.called(name))
        return [] if found is None else [found]

    def parts(self, tensors: Iterable[Stored]) -> Iterator[tuple[Stored, int, np.ndarray]]:
        """Tensors in parts."""
        for stored in tensors:
            for first_row, rows in self._bundle.parts(stored.name):
                yield stored, first_row, rows

    def read(self, name: str) -> np.ndarray:
        """A tensor, float32; of a dense layer [outputs, inputs]."""
        called = self.called(name)
        values = self._bundle.read(called)
        return values.T if _is_kernel(called) else values

    def called(self, name: str) -> str:
        """What modeling.py and run_pretraining.py call a tensor."""
        if name.startswith("cls.seq_relationship.") or name == "cls.predictions.bias":
            base, _, part = name.rpartition(".")
            return f"{base.replace('.', '/')}/output_{'weights' if part == 'weight' else 'bias'}"
        called = re.sub(r"\blayer\.(\d+)\b", r"layer_\1", name).replace(".", "/")
        if called.startswith("embeddings/") and called.endswith("_embeddings/weight"):
            called = called.removesuffix("/weight")
        elif "/LayerNorm/" in called:
            called = called.replace("/LayerNorm/weight", "/LayerNorm/gamma").replace(
                "/LayerNorm/bias", "/LayerNorm/beta"
            )
        elif called.endswith("/weight"):
            called = called.removesuffix("weight") + "kernel"
        return called if called.startswith("cls/") else f"bert/{called}"

    def laid_out(self, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Kernels are [inputs, outputs]."""
        return shape[::-1] if _is_kernel(self.called(name)) else shape

    def why_missing(self, names: list[str]) -> tuple[str, str]:
        """Whether it is another model's."""
        if _OBJECT_GRAPH in self._bundle.names:
            remedy = "Take the original BERT's checkpoint of TensorFlow 1, or the model in Hugging Face's layout."
            return "; it is one of TensorFlow 2, whose tensors have other names", remedy
        weights = [name for name in self._bundle.names if not _NO_WEIGHTS.fullmatch(name)]
        shared = [name for name in weights if name.startswith("bert/encoder/transformer/")]
        # A BERT's may hold a variable more, which explains nothing.
        others = [] if any(name.startswith("bert/") for name in weights) else weights
        if strange := shared or others:
            remedy = "Only BERT encoders are supported, with the names of google-research/bert: choose one of these."
            return f"; it has {strange[0]} and the like, which are of another architecture", remedy
        return "", f"Take {BERT_CONFIG} and the checkpoint from the same BERT model."


def _is_kernel(called: str) -> bool:
    return called.endswith("/kernel")


def _index(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + CHECKPOINT_INDEX)


def _prefixes(directory: Path) -> list[Path]:
    """Every checkpoint of a directory."""
    found = sorted(directory.glob(f"*{CHECKPOINT_INDEX}"))
    return [path.with_name(path.name.removesuffix(CHECKPOINT_INDEX)) for path in found]


def _chosen(directory: Path) -> list[Path]:
    """Of a directory's checkpoints that of the name that Google gives, or else all."""
    found = _prefixes(directory)
    return [prefix for prefix in found if prefix.name == CHECKPOINT] or found


def _checkpoint(model: Path) -> Path:
    """The prefix of the checkpoint that a path names."""
    if not model.is_dir():
        return model
    found = _chosen(model)
    if not found:
        raise InputError(str(_index(model / CHECKPOINT)), "there is no such file", f"{_GIVE}.")
    if found[1:]:
        problem = f"{len(found)} checkpoints in it: {', '.join(prefix.name for prefix in found[:5])}"
        raise InputError(str(model), problem, f"Say which, by its path: {found[-1]}")
    return found[0]


def _not_a_prefix(path: Path) -> InputError:
    """What is wrong with a file in place of a directory or a prefix."""
    for kind, is_one, unpack in (("zip", zipfile.is_zipfile, "unzip"), ("tar", tarfile.is_tarfile, "tar -xf")):
        if is_one(path):
            remedy = f"Unpack it, as with `{unpack} {path.name}`, and give the directory that comes of it."
            return InputError(str(path), f"a {kind} archive, which is not read as it is", remedy)
    problem = "a file, expected a directory, or the path that the files of a checkpoint begin with"
    prefix = path.with_name(re.sub(r"\.(index|data-\d{5}-of-\d{5})$", "", path.name))
    return InputError(str(path), problem, f"Give {path.parent}" + (f" or {prefix}" if prefix != path else ""))

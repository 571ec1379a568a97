"""A pre-trained model as a directory in Hugging Face's layout, with its heads: what a base model is read from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from components.export.card import PRETRAINED, write_card
from components.model.config import BertConfig
from components.pretrained.file_names import CONFIG, WEIGHTS
from components.tokenization.tokenizer_files import TOKENIZER_FILES

_ENCODER = "bert."
"""Before the names of the encoder's tensors, in transformers' classes with a head."""


def write(
    directory: Path,
    encoder: Mapping[str, np.ndarray],
    heads: Mapping[str, np.ndarray],
    config: BertConfig,
    tokenizer: Path,
    **about: Any,
) -> None:
    """Writes config.json, model.safetensors, the tokenizer's files and the card.

    Args:
        directory: made if it is not there.
        encoder: tensors by the names of a checkpoint.
        heads: likewise.
        config: the encoder's shape.
        tokenizer: directory whose tokenizer the model was trained with; its files are copied as they are.
        about: what the card says besides.
    """
    directory.mkdir(parents=True, exist_ok=True)
    both = any("seq_relationship" in name for name in heads)
    described = {
        "architectures": ["BertForPreTraining" if both else "BertForMaskedLM"],
        "model_type": "bert",
        "tie_word_embeddings": True,
        **dataclasses.asdict(config),
    }
    (directory / CONFIG).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    tensors = {f"{_ENCODER}{name}": value for name, value in encoder.items()} | dict(heads)
    save_file(dict(sorted(tensors.items())), directory / WEIGHTS, metadata={"format": "pt"})
    for name in TOKENIZER_FILES:
        if (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, directory / name)
    card = {"kind": PRETRAINED, "weights_sha256": _sha256(tensors), "config": dataclasses.asdict(config), **about}
    write_card(directory, card)


def _sha256(tensors: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].tobytes())
    return digest.hexdigest()

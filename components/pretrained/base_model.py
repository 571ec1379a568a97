"""What `model.base` and `--model` may name once it is on this machine: a base model in either of two forms."""

from __future__ import annotations

from pathlib import Path

from components.model.config import BertConfig
from components.pretrained import google_tf1, huggingface
from components.pretrained.file_names import BERT_CONFIG, CONFIG
from components.pretrained.tensors import Tensors


def is_there(model: Path) -> bool:
    """Whether there is something at the path: a directory, or files with this prefix."""
    return model.is_dir() or google_tf1.is_google(model)


def is_base_model(model: Path) -> bool:
    """Whether the path names a base model, and no pushed one; it may yet be one that is refused."""
    return (model / CONFIG).is_file() or (model / BERT_CONFIG).is_file() or google_tf1.is_google(model)


def read_config(model: Path) -> BertConfig:
    """Reads and checks the encoder's shape.

    Args:
        model: a directory, or in Google's form also a path prefix.

    Raises:
        InputError: the file is missing, or describes something else than a BERT encoder; or the path leads to neither
            form.
    """
    return google_tf1.read_config(model) if google_tf1.is_google(model) else huggingface.read_config(model)


def tensors(model: Path) -> Tensors:
    """The weights, without TensorFlow.

    Raises:
        InputError: there are none, or a file is damaged.
    """
    return google_tf1.Checkpoint(model) if google_tf1.is_google(model) else huggingface.SafeTensors(model)

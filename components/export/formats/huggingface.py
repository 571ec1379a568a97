"""A pushed model as transformers' BERT classes load it: config.json and safetensors, written without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from components.export.formats import tokenizer
from components.export.formats.pushed import Pushed
from components.pretrained import encoder_weights
from components.pretrained.file_names import WEIGHTS
from components.tasks.multilabel import Multilabel

SEQUENCE, TOKENS, ENCODER = "BertForSequenceClassification", "BertForTokenClassification", "BertModel"

ANSWERS = "BertForQuestionAnswering"

HEAD, HEAD_OF_ANSWERS = ("classifier.weight", "classifier.bias"), ("qa_outputs.weight", "qa_outputs.bias")
"""What the classes with a head call their last layer, and what that for answers calls it."""

_PREFIX = "bert."
"""Before the tensors of the encoder in a model that has a head."""


def write(model: Pushed, directory: Path) -> None:
    """Writes config.json, model.safetensors and the tokenizer's files; of a bi-encoder the encoder alone.

    Raises:
        InputError: as `tokenizer.write`.
    """
    tokenizer.write(model, directory)
    if model.task.bi_encoder:
        write_encoder(model, directory)
        return
    weight, bias = model.head
    tensors = {f"{_PREFIX}{name}": values for name, values in encoder_tensors(model).items()}
    architecture = ANSWERS if model.task.finds_span else TOKENS if model.task.per_token else SEQUENCE
    if model.task.has_token_head:
        # BertForTokenClassification has no pooler, nor has BertForQuestionAnswering.
        for name in encoder_weights.POOLER:
            del tensors[f"{_PREFIX}{name}"]
    names = HEAD_OF_ANSWERS if model.task.finds_span else HEAD
    save(tensors | dict(zip(names, (weight, bias), strict=True)), directory)
    config(model, architecture, directory, **of_labels(model))


def write_encoder(model: Pushed, directory: Path, **more: Any) -> None:
    """Writes config.json, in which `more` is said besides, and model.safetensors for AutoModel."""
    save(encoder_tensors(model), directory)
    config(model, ENCODER, directory, **more)


def encoder_tensors(model: Pushed) -> dict[str, np.ndarray]:
    """The encoder's, by the names that they have in BertModel."""
    return encoder_weights.tensors_of(model.encoder, model.config.num_hidden_layers)


def save(tensors: dict[str, np.ndarray], directory: Path) -> None:
    """Writes model.safetensors."""
    save_file(tensors, directory / WEIGHTS, {"format": "pt"})


def config(model: Pushed, architecture: str, directory: Path, **more: Any) -> None:
    """Writes config.json, as transformers writes it."""
    import dataclasses

    from transformers import BertConfig

    shape = {name: value for name, value in dataclasses.asdict(model.config).items() if not name.endswith("_prob")}
    described = BertConfig(
        **shape, architectures=[architecture], dtype="float32", bos_token_id=None, eos_token_id=None, **more
    )
    described.save_pretrained(directory)


def of_labels(model: Pushed) -> dict[str, Any]:
    """What config.json says of a head: which label an output is of, and what kind of problem it is."""
    task = model.task
    if task.finds_span:
        # Its outputs are where an answer begins and where it ends.
        return {}
    names = list(getattr(task, "tags", task.labels)) or [task.prediction_key]
    found: dict[str, Any] = {
        "id2label": dict(enumerate(names)),
        "label2id": {name: number for number, name in enumerate(names)},
    }
    if task.per_token:
        return found
    if isinstance(task, Multilabel):
        # No key of transformers': its users look for the scores from which on a label is given.
        return found | {"problem_type": "multi_label_classification", "thresholds": _thresholds(task)}
    kind = "regression" if task.numeric else "single_label_classification"
    # Only a calibration sets it.
    answered = getattr(task, "answered_from", None)
    return found | {"problem_type": kind} | ({"answered_from": float(answered)} if answered else {})


def _thresholds(task: Multilabel) -> list[float]:
    return np.broadcast_to(np.asarray(task.threshold, float), len(task.labels)).tolist()

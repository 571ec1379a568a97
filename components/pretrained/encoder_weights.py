"""The encoder's weights in a base model of any form: checked without TensorFlow, and read into the encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.model.config import BertConfig
from components.pretrained import base_model

if TYPE_CHECKING:
    from components.model.bert import Encoder

POOLER = ("pooler.dense.weight", "pooler.dense.bias")
"""Tensors that a checkpoint may lack."""


def check_weights(model: Path, config: BertConfig) -> bool:
    """Checks that the weights are there and fit `config`, and reads them once: 0.1 s for 90 MB, 16 MB at a time.

    Returns:
        Whether the checkpoint has a pooler; one without is complete, and its pooler is initialised anew.

    Raises:
        InputError: a file is missing or damaged; a tensor is missing, stands twice, is of another type or shape, or
            holds what is not finite.
    """
    return base_model.tensors(model).check(_shapes(config), optional=POOLER)


def has_trained_pooler(model: Path) -> bool:
    """Whether a checkpoint has a pooler whose bias is not zero throughout.

    BERT's pre-training begins with zeros there and never returns to them; a library that wrote a model without training
    its pooler leaves them.

    Raises:
        InputError: a file is missing or damaged.
    """
    tensors, bias = base_model.tensors(model), POOLER[1]
    return bool(tensors.stored(bias)) and bool(tensors.read(bias).any())


def load_weights(encoder: Encoder, model: Path) -> bool:
    """Assigns a checkpoint's weights to the encoder; each kernel is its PyTorch weight, transposed.

    Returns:
        Whether the pooler was loaded too; if the checkpoint has none, it keeps its initial values.

    Raises:
        InputError: as `check_weights`, which is called first.
    """
    has_pooler = check_weights(model, encoder.config)
    read = base_model.tensors(model).read

    def dense(layer: Any, *names: str) -> None:
        layer.kernel.assign(np.concatenate([read(f"{name}.weight").T for name in names], axis=1))
        layer.bias.assign(np.concatenate([read(f"{name}.bias") for name in names]))

    def norm(layer: Any, name: str) -> None:
        layer.gamma.assign(read(f"{name}.weight"))
        layer.beta.assign(read(f"{name}.bias"))

    embeddings = encoder.embeddings
    embeddings.word.embeddings.assign(read("embeddings.word_embeddings.weight"))
    embeddings.position.embeddings.assign(read("embeddings.position_embeddings.weight"))
    embeddings.segment.embeddings.assign(read("embeddings.token_type_embeddings.weight"))
    _layers(encoder, dense, norm)
    if has_pooler:
        dense(encoder.pooler, "pooler.dense")
    return has_pooler


def stored(encoder: Encoder) -> dict[str, np.ndarray]:
    """The encoder's weights by the names and in the shapes of a checkpoint: what `load_weights` reads."""
    found: dict[str, np.ndarray] = {}

    def dense(layer: Any, *names: str) -> None:
        kernels = np.split(layer.kernel.numpy(), len(names), axis=1)
        biases = np.split(layer.bias.numpy(), len(names))
        for name, kernel, bias in zip(names, kernels, biases, strict=True):
            found[f"{name}.weight"], found[f"{name}.bias"] = np.ascontiguousarray(kernel.T), bias

    def norm(layer: Any, name: str) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = layer.gamma.numpy(), layer.beta.numpy()

    embeddings = encoder.embeddings
    found["embeddings.word_embeddings.weight"] = embeddings.word.embeddings.numpy()
    found["embeddings.position_embeddings.weight"] = embeddings.position.embeddings.numpy()
    found["embeddings.token_type_embeddings.weight"] = embeddings.segment.embeddings.numpy()
    _layers(encoder, dense, norm)
    dense(encoder.pooler, "pooler.dense")
    return found


def _layers(encoder: Encoder, dense: Callable[..., None], norm: Callable[[Any, str], None]) -> None:
    """Shows each layer of rows with the name of its tensors, or the names of those that are its columns."""
    norm(encoder.embeddings.norm, "embeddings.LayerNorm")
    for index, block in enumerate(encoder.blocks):
        prefix = f"encoder.layer.{index}"
        dense(block.attention.qkv, *(f"{prefix}.attention.self.{part}" for part in ("query", "key", "value")))
        dense(block.attention.output_dense, f"{prefix}.attention.output.dense")
        norm(block.attention_norm, f"{prefix}.attention.output.LayerNorm")
        dense(block.inner, f"{prefix}.intermediate.dense")
        dense(block.outer, f"{prefix}.output.dense")
        norm(block.output_norm, f"{prefix}.output.LayerNorm")


def _shapes(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint by its name, with its shape: dense weights are [outputs, inputs], as in PyTorch."""
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config.vocab_size, hidden),
        "embeddings.position_embeddings.weight": (config.max_position_embeddings, hidden),
        "embeddings.token_type_embeddings.weight": (config.type_vocab_size, hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
    }
    for index in range(config.num_hidden_layers):
        prefix = f"encoder.layer.{index}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= {
                f"{prefix}.attention.{name}.weight": (hidden, hidden),
                f"{prefix}.attention.{name}.bias": (hidden,),
            }
        shapes |= {
            f"{prefix}.intermediate.dense.weight": (inner, hidden),
            f"{prefix}.intermediate.dense.bias": (inner,),
        }
        shapes |= {f"{prefix}.output.dense.weight": (hidden, inner), f"{prefix}.output.dense.bias": (hidden,)}
        for name in ("attention.output", "output"):
            shapes |= {f"{prefix}.{name}.LayerNorm.{part}": (hidden,) for part in ("weight", "bias")}
    return shapes | dict(zip(POOLER, [(hidden, hidden), (hidden,)], strict=True))

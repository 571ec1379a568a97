"""The encoder's weights in a base model of any form: checked without TensorFlow, and read into the encoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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


class Placed(NamedTuple):
    """A variable of the encoder and the tensors that it is made of."""

    path: str
    """Behind the encoder's own name."""
    names: tuple[str, ...]
    """Of the tensors, which stand side by side in the variable's last axis."""
    transposed: bool = False
    """Whether the tensors are weights of dense layers, [outputs, inputs], as in PyTorch."""


def placed(layers: int) -> Iterator[Placed]:
    """Every variable of an encoder of so many layers; the pooler's are last."""

    def dense(path: str, *names: str) -> Iterator[Placed]:
        yield Placed(f"{path}/kernel", tuple(f"{name}.weight" for name in names), transposed=True)
        yield Placed(f"{path}/bias", tuple(f"{name}.bias" for name in names))

    def norm(path: str, name: str) -> Iterator[Placed]:
        yield Placed(f"{path}/gamma", (f"{name}.weight",))
        yield Placed(f"{path}/beta", (f"{name}.bias",))

    yield Placed("embeddings/word/embeddings", ("embeddings.word_embeddings.weight",))
    yield Placed("embeddings/position/embeddings", ("embeddings.position_embeddings.weight",))
    yield Placed("embeddings/segment/embeddings", ("embeddings.token_type_embeddings.weight",))
    yield from norm("embeddings/norm", "embeddings.LayerNorm")
    for index in range(layers):
        block, name = f"layer_{index}", f"encoder.layer.{index}"
        yield from dense(
            f"{block}/attention/qkv", *(f"{name}.attention.self.{part}" for part in ("query", "key", "value"))
        )
        yield from dense(f"{block}/attention/output", f"{name}.attention.output.dense")
        yield from norm(f"{block}/attention_norm", f"{name}.attention.output.LayerNorm")
        yield from dense(f"{block}/inner", f"{name}.intermediate.dense")
        yield from dense(f"{block}/outer", f"{name}.output.dense")
        yield from norm(f"{block}/output_norm", f"{name}.output.LayerNorm")
    yield from dense("pooler", POOLER[0].removesuffix(".weight"))


def load_weights(encoder: Encoder, model: Path) -> bool:
    """Assigns a checkpoint's weights to the encoder; each kernel is its PyTorch weight, transposed.

    Returns:
        Whether the pooler was loaded too; if the checkpoint has none, it keeps its initial values.

    Raises:
        InputError: as `check_weights`, which is called first.
    """
    has_pooler = check_weights(model, encoder.config)
    read = base_model.tensors(model).read
    variables = {variable.path.partition("/")[2]: variable for variable in encoder.variables}
    for one in placed(encoder.config.num_hidden_layers):
        if has_pooler or not set(one.names) <= set(POOLER):
            parts = [read(name).T if one.transposed else read(name) for name in one.names]
            variables[one.path].assign(np.concatenate(parts, axis=-1))
    return has_pooler


def stored(encoder: Encoder) -> dict[str, np.ndarray]:
    """The encoder's weights by the names and in the shapes of a checkpoint: what `load_weights` reads."""
    values = {variable.path.partition("/")[2]: variable.numpy() for variable in encoder.variables}
    return tensors_of(values, encoder.config.num_hidden_layers)


def tensors_of(values: Mapping[str, np.ndarray], layers: int) -> dict[str, np.ndarray]:
    """The inverse of `load_weights`: a checkpoint's tensors, by name.

    Args:
        values: of the encoder's variables, by their paths behind the encoder's own name.
        layers: of the encoder.
    """
    found: dict[str, np.ndarray] = {}
    for one in placed(layers):
        for name, part in zip(one.names, np.split(values[one.path], len(one.names), axis=-1), strict=True):
            found[name] = np.ascontiguousarray(part.T if one.transposed else part)
    return found


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

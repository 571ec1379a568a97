"""Hugging Face BERT checkpoints: checked without TensorFlow, and read into the encoder.

Weights are read from safetensors only: neither a pickle nor code that comes with a model is ever run.
"""

from __future__ import annotations

import dataclasses
import json
import re
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.common.errors import InputError
from components.common.json_files import read_json
from components.model.config import BertConfig
from components.pretrained.file_names import CONFIG, WEIGHTS
from components.pretrained.tensors import GIVE_A_DIRECTORY, Tensors

if TYPE_CHECKING:
    from components.model.bert import Encoder

POOLER = ("pooler.dense.weight", "pooler.dense.bias")
"""Tensors that a checkpoint may lack."""


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


def check_weights(directory: Path, config: BertConfig) -> bool:
    """Checks that the weights are there and fit `config`, and reads them once: 0.1 s for 90 MB, 16 MB at a time.

    Returns:
        Whether the checkpoint has a pooler; one without is complete, and its pooler is initialised anew.

    Raises:
        InputError: a file is missing or damaged; a tensor is missing, stands twice, is of another type or shape, or
            holds what is not finite.
    """
    tensors = Tensors(directory)
    expected = _shapes(config)
    has_pooler = any(name in tensors.stored for name in POOLER)
    missing = [name for name in expected if name not in tensors.stored and (has_pooler or name not in POOLER)]
    if missing:
        problem = f"{len(missing)} of {len(expected)} tensors are missing: {_first(missing)}"
        raise InputError(str(directory / WEIGHTS), *_explained(problem, tensors.prefixes(missing)))
    used = [name for name in expected if name in tensors.stored]
    tensors.check_headers(used)
    wrong = [
        f"{name} expected {list(expected[name])}, got {list(tensors.shape(name))}"
        for name in used
        if tensors.shape(name) != expected[name]
    ]
    if wrong:
        problem = f"{len(wrong)} tensors have another shape than config.json says: {_first(wrong)}"
        raise InputError(str(directory / WEIGHTS), problem, "Take weights and config.json from the same model.")
    tensors.check_values(used)
    return has_pooler


def has_trained_pooler(directory: Path) -> bool:
    """Whether a checkpoint has a pooler whose bias is not zero throughout.

    BERT's pre-training begins with zeros there and never returns to them; a library that wrote a model without training
    its pooler leaves them.

    Raises:
        InputError: a file is missing or damaged.
    """
    tensors, bias = Tensors(directory), POOLER[1]
    return bias in tensors.stored and bool(tensors.read(bias).any())


def load_weights(encoder: Encoder, directory: Path) -> bool:
    """Assigns a checkpoint's weights to the encoder; each kernel is its PyTorch weight, transposed.

    Returns:
        Whether the pooler was loaded too; if the checkpoint has none, it keeps its initial values.

    Raises:
        InputError: as `check_weights`, which is called first.
    """
    has_pooler = check_weights(directory, encoder.config)
    read = Tensors(directory).read

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
    norm(embeddings.norm, "embeddings.LayerNorm")
    for index, block in enumerate(encoder.blocks):
        prefix = f"encoder.layer.{index}"
        dense(block.attention.qkv, *(f"{prefix}.attention.self.{part}" for part in ("query", "key", "value")))
        dense(block.attention.output_dense, f"{prefix}.attention.output.dense")
        norm(block.attention_norm, f"{prefix}.attention.output.LayerNorm")
        dense(block.inner, f"{prefix}.intermediate.dense")
        dense(block.outer, f"{prefix}.output.dense")
        norm(block.output_norm, f"{prefix}.output.LayerNorm")
    if has_pooler:
        dense(encoder.pooler, "pooler.dense")
    return has_pooler


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


def _explained(problem: str, prefixes: list[str]) -> tuple[str, str]:
    """What is missing and what to do about it, where the file has it behind these prefixes."""
    if not prefixes:
        return problem, "Take weights and config.json from the same BERT model, saved with the encoder's own names."
    behind = f"{problem}; the file has them behind {' and '.join(map(repr, prefixes))}"
    if prefixes[1:]:
        return behind, "Nothing says which of its encoders is meant: save that one alone, with its own names."
    return behind, (
        f"Take the prefix away: with `load_file` and `save_file` of safetensors.numpy, name each tensor "
        f"name.removeprefix({prefixes[0]!r})."
    )


def _first(names: list[str], count: int = 3) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")

"""The heads of pre-training in a base model of any form: checked without TensorFlow, and read into the heads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.common.errors import InputError
from components.model.config import BertConfig
from components.pretrained import base_model
from components.pretrained.tensors import Tensors

if TYPE_CHECKING:
    from components.model.pretraining_heads import MaskedLanguageModel, NextSentence

_BIAS, _BIAS_AGAIN = "cls.predictions.bias", "cls.predictions.decoder.bias"
"""One parameter of transformers' under two names, of which a file may have either or both."""

_OUTPUT, _WORDS = "cls.predictions.decoder.weight", "embeddings.word_embeddings.weight"
"""One parameter under two names likewise: the second one is always there."""

_TRANSFORM, _NEXT_SENTENCE = "cls.predictions.transform", "cls.seq_relationship"


def has_masked_language_model(model: Path) -> bool:
    """Whether a base model has the head for masked tokens, or parts of one.

    Raises:
        InputError: a file is missing or damaged.
    """
    return bool(base_model.tensors(model).stored(f"{_TRANSFORM}.dense.weight"))


def has_next_sentence(model: Path) -> bool:
    """Whether a base model has the head for the next sentence.

    Raises:
        InputError: a file is missing or damaged.
    """
    return bool(base_model.tensors(model).stored(f"{_NEXT_SENTENCE}.weight"))


def check_masked_language_model(model: Path, config: BertConfig) -> None:
    """Checks that the head for masked tokens is there and fits `config`.

    Raises:
        InputError: as of the encoder's tensors; or the head has embeddings of its own.
    """
    tensors, width = base_model.tensors(model), config.hidden_size
    shapes = {
        f"{_TRANSFORM}.dense.weight": (width, width),
        f"{_TRANSFORM}.dense.bias": (width,),
        f"{_TRANSFORM}.LayerNorm.weight": (width,),
        f"{_TRANSFORM}.LayerNorm.bias": (width,),
        _bias(tensors): (config.vocab_size,),
    }
    tensors.check(shapes)
    for name, other in ((_OUTPUT, _WORDS), (_BIAS_AGAIN, _BIAS)):
        if tensors.stored(name) and tensors.stored(other):
            tensors.check({name: tensors.stored(other)[0].shape})
            if not np.array_equal(tensors.read(name), tensors.read(other)):
                problem = f"{name} is not {other}, which it is in BERT"
                remedy = "A head with an output of its own is not supported: take a model with tied embeddings."
                raise InputError(tensors.place, problem, remedy)


def load_masked_language_model(head: MaskedLanguageModel, model: Path, config: BertConfig) -> None:
    """Assigns a base model's weights to the head for masked tokens.

    Raises:
        InputError: as `check_masked_language_model`, which is called first.
    """
    check_masked_language_model(model, config)
    tensors = base_model.tensors(model)
    head.transform.kernel.assign(tensors.read(f"{_TRANSFORM}.dense.weight").T)
    head.transform.bias.assign(tensors.read(f"{_TRANSFORM}.dense.bias"))
    head.norm.gamma.assign(tensors.read(f"{_TRANSFORM}.LayerNorm.weight"))
    head.norm.beta.assign(tensors.read(f"{_TRANSFORM}.LayerNorm.bias"))
    head.bias.assign(tensors.read(_bias(tensors)))


def load_next_sentence(head: NextSentence, model: Path, config: BertConfig) -> None:
    """Assigns a base model's weights to the head for the next sentence.

    Raises:
        InputError: as of the encoder's tensors.
    """
    tensors = base_model.tensors(model)
    tensors.check({f"{_NEXT_SENTENCE}.weight": (2, config.hidden_size), f"{_NEXT_SENTENCE}.bias": (2,)})
    head.dense.kernel.assign(tensors.read(f"{_NEXT_SENTENCE}.weight").T)
    head.dense.bias.assign(tensors.read(f"{_NEXT_SENTENCE}.bias"))


def stored(tokens: MaskedLanguageModel, next_sentence: NextSentence | None) -> dict[str, np.ndarray]:
    """The heads' weights by the names and in the shapes of a checkpoint; the output shares the word embeddings."""
    found = {
        f"{_TRANSFORM}.dense.weight": np.ascontiguousarray(tokens.transform.kernel.numpy().T),
        f"{_TRANSFORM}.dense.bias": tokens.transform.bias.numpy(),
        f"{_TRANSFORM}.LayerNorm.weight": tokens.norm.gamma.numpy(),
        f"{_TRANSFORM}.LayerNorm.bias": tokens.norm.beta.numpy(),
        _BIAS: tokens.bias.numpy(),
    }
    if next_sentence is not None:
        found[f"{_NEXT_SENTENCE}.weight"] = np.ascontiguousarray(next_sentence.dense.kernel.numpy().T)
        found[f"{_NEXT_SENTENCE}.bias"] = next_sentence.dense.bias.numpy()
    return found


def _bias(tensors: Tensors) -> str:
    return _BIAS if tensors.stored(_BIAS) or not tensors.stored(_BIAS_AGAIN) else _BIAS_AGAIN

"""The shape of a BERT encoder, read from a checkpoint's config.json and checked."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Callable
from typing import Any

SUPPORTED_ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu")

_Rule = tuple[str, Callable[[Any], bool]]


def _count(most: int) -> _Rule:
    """Far above any model there is: what follows may use memory for each."""
    return f"an integer from 1 to {most:,}", lambda value: type(value) is int and 1 <= value <= most


_RATE: _Rule = ("a number from 0 to below 1", lambda value: type(value) in (int, float) and 0 <= value < 1)

_SMALL: _Rule = ("a number above 0 and below 1", lambda value: type(value) in (int, float) and 0 < value < 1)


def _key(default: object, rule: _Rule) -> Any:
    return dataclasses.field(default=default, metadata={"rule": rule})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class BertConfig:
    """The shape of a BERT encoder, by the names and with the defaults of Hugging Face's config.json.

    Raises:
        ValueError: a value breaks its rule; the message names the key, the rule and the value.
    """

    vocab_size: int = _key(30522, _count(10_000_000))
    """Rows of the word embedding; at least the number of tokens that the tokenizer has."""
    hidden_size: int = _key(768, _count(100_000))
    """Width of every hidden state; a multiple of `num_attention_heads`."""
    num_hidden_layers: int = _key(12, _count(1000))
    """Number of transformer layers."""
    num_attention_heads: int = _key(12, _count(100_000))
    """Attention heads in each layer."""
    intermediate_size: int = _key(3072, _count(1_000_000))
    """Width of the feed-forward part's inner layer."""
    hidden_act: str = _key("gelu", (f"one of {', '.join(SUPPORTED_ACTIVATIONS)}", SUPPORTED_ACTIVATIONS.__contains__))
    """The feed-forward part's activation: `gelu` by erf, `gelu_new` and `gelu_pytorch_tanh` by tanh, `relu`."""
    max_position_embeddings: int = _key(512, _count(1_000_000))
    """The longest input, in tokens."""
    type_vocab_size: int = _key(2, _count(1000))
    """Number of different segment ids."""
    layer_norm_eps: float = _key(1e-12, _SMALL)
    """Added to the variance in each layer normalisation."""
    hidden_dropout_prob: float = _key(0.1, _RATE)
    """Dropout rate of the embeddings and of each sublayer's output, in training."""
    attention_probs_dropout_prob: float = _key(0.1, _RATE)
    """Dropout rate of the attention weights, in training."""
    pad_token_id: int = _key(0, ("an integer of at least 0", lambda value: type(value) is int and value >= 0))
    """Token id that fills a batch up; its positions are False in the padding mask."""
    initializer_range: float = _key(0.02, _SMALL)
    """Standard deviation of weights that no checkpoint provides."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            expected, holds = field.metadata["rule"]
            value = getattr(self, field.name)
            if isinstance(value, (dict, list)) or not holds(value):
                raise ValueError(f"{field.name} must be {expected}, got {reprlib.repr(value)}")
        if self.hidden_size % self.num_attention_heads:
            heads = self.num_attention_heads
            raise ValueError(f"hidden_size must be a multiple of num_attention_heads ({heads}), got {self.hidden_size}")
        if self.pad_token_id >= self.vocab_size:
            raise ValueError(
                f"pad_token_id must be below vocab_size ({self.vocab_size}), got {reprlib.repr(self.pad_token_id)}"
            )

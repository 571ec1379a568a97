"""One of several classes for two texts together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from components.tasks.classification import Classification
from components.tasks.protocols import Tokenizer

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Pair(Classification):
    """Softmax over what BERT makes of `[CLS] text_a [SEP] text_b [SEP]`, the second text in a segment of its own."""

    name: ClassVar[str] = "pair"
    texts: ClassVar[tuple[str, ...]] = ("text_a", "text_b")

    def tokenize(self, tokenizer: Tokenizer, texts: Sequence[tf.Tensor]) -> tf.RaggedTensor:
        """string[n] of both texts -> int64[n, (tokens)] of the two together, the longer one truncated first."""
        return tokenizer.pairs(*texts)

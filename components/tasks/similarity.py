"""A number for two texts together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from components.tasks.metrics import PEARSON, SPEARMAN, Metric
from components.tasks.protocols import Tokenizer
from components.tasks.regression import MAE, Regression

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Similarity(Regression):
    """Regression on what BERT makes of `[CLS] text_a [SEP] text_b [SEP]`."""

    name: ClassVar[str] = "similarity"
    texts: ClassVar[tuple[str, ...]] = ("text_a", "text_b")
    target: ClassVar[str] = "score"
    prediction_key: ClassVar[str] = "score"
    metrics: ClassVar[tuple[Metric, ...]] = (SPEARMAN, PEARSON, MAE)

    def tokenize(self, tokenizer: Tokenizer, texts: Sequence[tf.Tensor]) -> tf.RaggedTensor:
        """string[n] of both texts -> int64[n, (tokens)] of the two together, the longer one truncated first."""
        return tokenizer.pairs(*texts)

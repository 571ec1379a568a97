"""A number for two texts together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from components.tasks.regression import Regression

if TYPE_CHECKING:
    import tensorflow as tf

    from components.tokenization.wordpiece import WordPiece


@dataclasses.dataclass(frozen=True)
class Similarity(Regression):
    """Regression on what BERT makes of `[CLS] text_a [SEP] text_b [SEP]`."""

    name: ClassVar[str] = "similarity"
    texts: ClassVar[tuple[str, ...]] = ("text_a", "text_b")
    target: ClassVar[str] = "score"
    prediction_key: ClassVar[str] = "score"
    metrics: ClassVar[tuple[str, ...]] = ("spearman", "pearson", "mae")

    def tokenize(self, wordpiece: WordPiece, texts: Sequence[tf.Tensor]) -> tf.RaggedTensor:
        """Both texts in a row, the longer one truncated first."""
        return wordpiece.pairs(*texts)

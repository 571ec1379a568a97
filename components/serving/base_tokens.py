"""Texts to a base model's token ids, as `BatchedInference` takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from components.tokenization.vocabulary import Tokenizer
from components.tokenization.wordpiece import WordPiece


def tokenize_function(tokenizer: Tokenizer, max_length: int) -> Callable[..., Any]:
    """`text` string[n] -> `token_ids` int32[n, length], of at most `max_length`, and `lengths` int32[n]."""
    wordpiece = WordPiece(tokenizer, max_length)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")], autograph=False)
    def tokenize(text: tf.Tensor) -> dict[str, Any]:
        ids = wordpiece(text)
        padded = tf.cast(ids.to_tensor(tokenizer.padding_id), tf.int32)
        return {"token_ids": padded, "lengths": tf.cast(ids.row_lengths(), tf.int32)}

    return tokenize

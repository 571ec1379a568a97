"""Texts to what a model sees of them, as the transform graph of a pushed model does it, without that graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from components.common import feature_names
from components.tasks import Task
from components.tokenization.vocabulary import Tokenizer
from components.tokenization.wordpiece import WordPiece

Features = dict[str, Any]


def raw_spec(task: Task) -> dict[str, Any]:
    """Of the raw features that `transform` takes: a string for each text."""
    return {name: tf.io.FixedLenFeature([], tf.string) for name in task.texts}


def transform(task: Task, tokenizer: Tokenizer, max_tokens: int) -> Callable[[Features], Features]:
    """Raw texts to token ids and, where the task has these, the words that tokens begin, or tokens' offsets; all sparse
    int64.

    Args:
        task: whose texts they are.
        tokenizer: of the model.
        max_tokens: most tokens of a row.
    """
    of_columns = ragged(task, tokenizer, max_tokens)

    def transformed(raw: Features) -> Features:
        found = of_columns(*(tf.reshape(raw[name], [-1]) for name in task.texts))
        return {name: value.to_sparse() for name, value in found.items()}

    return transformed


def ragged(task: Task, tokenizer: Tokenizer, max_tokens: int) -> Callable[..., dict[str, tf.RaggedTensor]]:
    """The same of columns, a string[n] for each text, ragged int64 with n rows; arguments as of `transform`."""
    wordpiece = WordPiece(tokenizer, max_tokens)

    def of_columns(*columns: tf.Tensor) -> dict[str, tf.RaggedTensor]:
        # There is no label, and none is wanted.
        found = task.preprocess(wordpiece, columns, columns[0])
        wanted = (feature_names.TOKEN_IDS, feature_names.WORD_IDS, feature_names.OFFSETS)
        return {name: found[name] for name in wanted if name in found}

    return of_columns

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
    """Raw texts to token ids and, where each word has a label, to the words that tokens begin; both sparse int64.

    Args:
        task: whose texts they are.
        tokenizer: of the model.
        max_tokens: most tokens of a row.
    """
    wordpiece = WordPiece(tokenizer, max_tokens)

    def transformed(raw: Features) -> Features:
        texts = [tf.reshape(raw[name], [-1]) for name in task.texts]
        # There is no label, and none is wanted.
        found = task.preprocess(wordpiece, texts, texts[0])
        wanted = (feature_names.TOKEN_IDS, feature_names.WORD_IDS)
        return {name: found[name].to_sparse() for name in wanted if name in found}

    return transformed

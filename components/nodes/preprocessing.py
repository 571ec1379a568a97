"""Transform's entry point: a raw row to token ids and its label, in the graph that training and serving share.

TFX loads the function below by its import path and reloads this module when it does: no state lives here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from components import tasks
from components.common import feature_names
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.wordpiece import traced

_BUCKETS = (16, 32, 64, 128, 256)
"""Upper ends of the token-count ranges that metrics are sliced by."""

_BUCKET_NAMES = [
    *(f"{low}-{high} tokens" for low, high in zip((1, *(end + 1 for end in _BUCKETS)), _BUCKETS, strict=False)),
    f"{_BUCKETS[-1] + 1}+ tokens",
]


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Raw features to transformed ones.

    Args:
        inputs: the task's texts, bytes[batch, 1], and `label`, bytes or float[batch, 1]; or sparse, one value a row.
        custom_config: `base_model` (a directory), `parses_control_tokens`, `max_tokens` (of a row) and `task`
            (`tasks.to_dict`).

    Returns:
        `token_ids`: sparse int64[batch, length], [CLS] ... [SEP], not padded; `label_target` as the task has it;
        `text_length`: bytes[batch], the range the number of tokens falls into; what else the task needs.
    """
    parses = custom_config.get("parses_control_tokens", False)
    tokenizer = read_tokenizer(Path(custom_config["base_model"]), parses_control_tokens=parses)
    task = tasks.from_dict(custom_config["task"])
    tokenize = traced(tokenizer, custom_config["max_tokens"])
    texts = [_one_a_row(inputs[name]) for name in task.texts]
    found = task.preprocess(tokenize, texts, _one_a_row(inputs[feature_names.LABEL]))
    lengths = found[feature_names.TOKEN_IDS].row_lengths()
    bucket = tf.searchsorted(tf.constant(_BUCKETS, tf.int64), lengths, side="left")
    stored = {name: value.to_sparse() if isinstance(value, tf.RaggedTensor) else value for name, value in found.items()}
    return {**stored, feature_names.LENGTH_BUCKET: tf.gather(tf.constant(_BUCKET_NAMES), bucket)}


def _one_a_row(feature: Any) -> tf.Tensor:
    """bytes or float[batch], from a dense or a sparse feature: the schema decides which it is."""
    values = feature.values if isinstance(feature, tf.sparse.SparseTensor) else feature
    return tf.reshape(values, [-1])

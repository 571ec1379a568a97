"""Transform's entry point: a raw row to token ids and a label id, in the graph that training and serving share.

TFX loads the function below by its import path and reloads this module when it does: no state lives here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from components import task
from components.checkpoints import VOCABULARY
from components.vocabulary import read_settings, read_vocabulary
from components.wordpiece import WordPiece

_BUCKETS = (16, 32, 64, 128, 256)
"""Upper ends of the token-count ranges that metrics are sliced by."""
_BUCKET_NAMES = [
    *(f"{low}-{high} tokens" for low, high in zip((1, *(end + 1 for end in _BUCKETS)), _BUCKETS, strict=False)),
    f"{_BUCKETS[-1] + 1}+ tokens",
]


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Raw features to transformed ones.

    Args:
        inputs: `text` and `label`, bytes[batch, 1] or sparse with one value a row.
        custom_config: `base_model` (a directory), `max_length` (tokens) and `labels` (names in the order of their ids).

    Returns:
        `token_ids`: sparse int64[batch, length], [CLS] ... [SEP], not padded; `label_id`: int64[batch], -1 for a label
        without a name; `text_length`: bytes[batch], the range the number of tokens falls into.
    """
    base_model = Path(custom_config["base_model"])
    tokenize = WordPiece(
        read_vocabulary(base_model / VOCABULARY), read_settings(base_model), custom_config["max_length"]
    )
    token_ids = tf.cast(tokenize(_one_a_row(inputs[task.TEXT])), tf.int64)
    bucket = tf.searchsorted(tf.constant(_BUCKETS, tf.int64), token_ids.row_lengths(), side="left")
    return {
        task.TOKEN_IDS: token_ids.to_sparse(),
        task.LABEL_ID: _index(_one_a_row(inputs[task.LABEL]), custom_config["labels"]),
        task.LENGTH_BUCKET: tf.gather(tf.constant(_BUCKET_NAMES), bucket),
    }


def _one_a_row(feature: Any) -> tf.Tensor:
    """bytes[batch] from whichever form the schema asked for."""
    values = feature.values if isinstance(feature, tf.sparse.SparseTensor) else feature
    return tf.reshape(values, [-1])


def _index(values: tf.Tensor, names: list[str]) -> tf.Tensor:
    """The index of each value among the names, int64[batch]: comparisons, because a table needs initialising."""
    same = tf.equal(values[:, tf.newaxis], tf.constant(names)[tf.newaxis, :])
    return tf.where(tf.reduce_any(same, axis=1), tf.argmax(same, axis=1), tf.constant(-1, tf.int64))

"""All signatures of a SavedModel on some rows, with TensorFlow alone: `python answers.py MODEL` prints them as JSON.

It imports nothing of this project, so that any TensorFlow can run it.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf

TEXTS = ["good film, not bad!", "", "Ärger in São Paulo: 北京 [SEP] " + "unfilmable" * 12, "bad " * 40]


def answers(path: str) -> dict[str, Any]:
    """Signature -> output -> its values on the rows."""
    loaded = tf.saved_model.load(path)
    found = {}
    for name, signature in sorted(loaded.signatures.items()):
        specs = signature.structured_input_signature[1].items()
        try:
            outputs = signature(**{key: _input(key, spec, numbers=False) for key, spec in specs})
        except tf.errors.InvalidArgumentError:  # the labels are numbers
            outputs = signature(**{key: _input(key, spec, numbers=True) for key, spec in specs})
        found[name] = {key: _listed(value) for key, value in sorted(outputs.items())}
    return found


def _input(name: str, spec: tf.TensorSpec, *, numbers: bool) -> tf.Tensor:
    if name == "examples":
        return tf.constant([_example(text, numbers) for text in TEXTS])
    if name == "token_ids":
        return tf.constant([[2, 5, 9, 7, 3], [2, 6, 3, 0, 0]], tf.int32)
    if spec.shape.rank == 2:
        return tf.constant([["good", "film", "!"], ["bad", "", ""]])
    return tf.constant(TEXTS)


def _example(text: str, numbers: bool) -> bytes:
    words = text.split() or ["a"]
    example = tf.train.Example()
    for name in ("text", "text_a", "text_b"):
        example.features.feature[name].bytes_list.value.append(text.encode())
    example.features.feature["tokens"].bytes_list.value.append(" ".join(words).encode())
    if numbers:
        example.features.feature["label"].float_list.value.append(1.0)
    else:
        example.features.feature["label"].bytes_list.value.append(" ".join("O" for _ in words).encode())
    return bytes(example.SerializeToString())


def _listed(value: tf.Tensor) -> Any:
    return value.numpy().astype(str).tolist() if value.dtype == tf.string else value.numpy().tolist()


if __name__ == "__main__":
    print(json.dumps({"tensorflow": tf.__version__, "answers": answers(sys.argv[1])}))

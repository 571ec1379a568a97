"""Requests that TensorFlow Serving sends itself when it loads a model, so that no client's first one is slow.

A TFRecord of PredictionLog, in the SavedModel's assets.extra:
https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from components.common.atomic_files import sha256
from components.export import signature_names
from components.export.card import WARMUP_FILE

_LENGTHS = (1, 16, 128)
"""Words of the texts; a model that sees fewer tokens cuts them."""

_WORDS = "this is a request to warm up a model server with".split()  # noqa: SIM905
"""Of nobody's data."""


def write(directory: Path, signatures: Mapping[str, Callable[..., Any]], text_names: tuple[str, ...]) -> str:
    """Writes the requests into a SavedModel: for each signature of clients one of each length, and one of all.

    Args:
        directory: of the SavedModel.
        signatures: by name, each of the tensors that it takes.
        text_names: of the texts of a row, in the order in which signatures take them.

    Returns:
        sha256 of the file: equal models have equal ones.
    """
    place = directory / WARMUP_FILE
    place.parent.mkdir(exist_ok=True)
    each = [_text(length) for length in _LENGTHS]
    with tf.io.TFRecordWriter(str(place)) as out:
        for texts in (*([text] for text in each), each):
            rows = {name: tf.constant(texts) for name in text_names}
            ids = {"token_ids": signatures[signature_names.TOKENIZER_SIGNATURE](*rows.values())["token_ids"]}
            words = {"tokens": tf.strings.split(texts).to_tensor()}
            inputs = {
                signature_names.TEXT_SIGNATURE: rows,
                signature_names.TOKENIZER_SIGNATURE: rows,
                signature_names.TOKEN_SIGNATURE: ids,
                signature_names.EMBEDDING_SIGNATURE: ids,
                signature_names.WORDS_SIGNATURE: words,
            }
            for name, given in inputs.items():
                if name in signatures:
                    out.write(_request(name, given))
    return sha256(place)


def _text(words: int) -> str:
    return " ".join(_WORDS[place % len(_WORDS)] for place in range(words))


def _request(signature: str, inputs: Mapping[str, tf.Tensor]) -> bytes:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
    log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
    # Of a map, protobuf writes the entries in any order otherwise.
    return bytes(log.SerializeToString(deterministic=True))

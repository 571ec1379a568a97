"""What was written in PyTorch's layout, read again by this project's own reader: its answers, without PyTorch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import safetensors.numpy
import tensorflow as tf

from components.export.formats import huggingface
from components.export.formats.parity import Predict
from components.export.formats.pushed import Pushed
from components.model.bert import build_encoder
from components.model.task_model import TaskModel
from components.pretrained import base_model, encoder_weights
from components.tasks import Task
from components.tasks.regression import Regression
from components.tokenization.tokenizer_files import read_tokenizer


def predict_of(model: Pushed, directory: Path, head: Path | None) -> Predict:
    """The predictions of a directory with config.json and model.safetensors, as `parity.measure` takes them.

    Args:
        model: that was written there; its settings are taken, and its task but for what is in the last layer.
        directory: the encoder's.
        head: file of the last layer's tensors, whose names end in `weight` and `bias`; None: there is none.
    """
    parses = model.settings.parses_control_tokens
    encoder = build_encoder(base_model.read_config(directory), blank=True)
    encoder_weights.load_weights(encoder, directory)
    task, tokenizer = _as_it_comes(model.task), read_tokenizer(directory, parses_control_tokens=parses)
    read = TaskModel(encoder, task, model.settings, tokenizer=tokenizer, dropout=0.0, seed=0)
    if head is not None and read.dense is not None:
        tensors = safetensors.numpy.load_file(head)
        weight, bias = (next(v for k, v in tensors.items() if _is_head(k, part)) for part in ("weight", "bias"))
        read.dense.kernel.assign(weight.T)
        read.dense.bias.assign(bias)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False)
    def predict(token_ids: tf.Tensor) -> tf.Tensor:
        mask = tf.not_equal(token_ids, read.padding_id)
        return read.vectors(token_ids, mask) if task.bi_encoder else task.predictions(read(token_ids, mask))

    return lambda token_ids: np.asarray(predict(tf.constant(token_ids)).numpy())


def _is_head(name: str, part: str) -> bool:
    heads = huggingface.HEAD, huggingface.HEAD_OF_ANSWERS
    return name in (*(head[part == "bias"] for head in heads), f"linear.{part}")


def _as_it_comes(task: Task) -> Task:
    """Of a number, the output of the last layer itself."""
    return dataclasses.replace(task, mean=0.0, deviation=1.0) if isinstance(task, Regression) else task

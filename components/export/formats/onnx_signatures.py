"""An ONNX export behind the signatures of the pushed model that it was made from; texts are cut by TensorFlow's ops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from components.common.errors import InputError
from components.export import saved_model, signature_names
from components.export.card import ASSETS, read_card
from components.export.card_task import model_settings, task_of
from components.export.formats import texts
from components.export.formats.onnx_file import MODEL, VECTOR, Session
from components.tokenization import joins
from components.tokenization.joins import Joins
from components.tokenization.tokenizer_files import read_tokenizer

_THREADS = 1
"""Of a call: some run beside each other."""


class _Graph:
    """What `Exported` takes for a model: the graph in ONNX Runtime.

    Args:
        directory: the export.
    """

    def __init__(self, directory: Path) -> None:
        self.task, self._session = task_of(directory), Session(directory, _THREADS)
        self.padding_id = int(read_card(directory)["tokenizer"]["padding_id"])
        self.has_vector = VECTOR in self._session.outputs

    def vectors(self, token_ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """As `TaskModel.vectors`."""
        return self._run(VECTOR, token_ids, [None, None])

    def predictions(self, token_ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """What `Task.predictions` makes of the logits, float32[n, ...]."""
        # A number has no axis of its own in the signatures' outputs.
        rank = 3 if self.task.has_token_head else 2 - self.task.numeric
        found = self._run(self.task.prediction_key, token_ids, [None] * rank)
        return found[:, tf.newaxis] if self.task.numeric else found

    def _run(self, output: str, token_ids: tf.Tensor, shape: list[Any]) -> tf.Tensor:
        found = tf.numpy_function(lambda ids: self._session.run(output, ids), [token_ids], tf.float32)
        return tf.ensure_shape(found, shape)


def load(directory: Path) -> dict[str, Signature]:
    """The signatures for clients, by name.

    Raises:
        InputError: it is damaged, or not an export of this pipeline.
    """
    try:
        graph: Any = _Graph(directory)
        task, settings = graph.task, model_settings(read_card(directory))
        tokenizer = read_tokenizer(directory, parses_control_tokens=settings.parses_control_tokens)
        words = Joins.read(directory / ASSETS) if (directory / ASSETS / joins.FILE).is_file() else None
    except InputError:
        raise
    except Exception as error:  # ONNX Runtime's have no class of their own
        problem = f"cannot be read as an ONNX export ({str(error).splitlines()[0][:160]})"
        raise InputError(str(directory / MODEL), problem, "Export the model again with `export-model`") from None
    transform = texts.transform(task, tokenizer, settings.most_tokens)
    made = saved_model.exported(graph, transform, texts.raw_spec(task), words, settings.most_words)
    made.predict_by(graph.vectors if task.bi_encoder else graph.predictions)
    without = {signature_names.EVALUATION_SIGNATURE, signature_names.TRANSFORM_SIGNATURE}
    if not graph.has_vector:
        without.add(signature_names.EMBEDDING_SIGNATURE)
    return {name: Signature(function, spec) for name, function, spec in made.all_signatures if name not in without}


class Signature:
    """A function that is called as a signature of a SavedModel is: by the names of what it takes.

    Args:
        function: of what it takes, in order.
        spec: what that is.
    """

    def __init__(self, function: Callable[..., Any], spec: list[tf.TensorSpec]) -> None:
        self._function = tf.function(function, input_signature=spec, autograph=False)
        self.structured_input_signature = ((), {one.name: one for one in spec})
        """As of a SavedModel's."""

    def __call__(self, **given: tf.Tensor) -> dict[str, tf.Tensor]:
        """The outputs, by name."""
        found: dict[str, tf.Tensor] = self._function(*(given[name] for name in self.structured_input_signature[1]))
        return found

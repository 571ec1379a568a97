"""What the exported model answers to: raw text, token ids, and serialized tf.Examples for its evaluation."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from components import task
from components.classifier import Classifier
from components.versions import CARD_FILE


class Exported(tf.Module):
    """A classifier with the transform graph in front of it.

    Signatures, `n` rows and `k` classes each:
        serving_default: `text` string[n] -> `label` string[n], `probabilities` float32[n, k] and `class_names`
            string[n, k].
        token_ids: `token_ids` int32[n, length], padded with 0 behind [SEP] -> the same.
        tokenize: `text` string[n] -> `token_ids`, as above, and `lengths` int32[n].
        predict_examples: `examples` string[n], serialized tf.Examples -> `probabilities`.
        transform_features: the same examples -> what Transform makes of them but for the token ids; for TFMA.

    Args:
        model: the fine-tuned classifier.
        transform: `TFTransformOutput.transform_features_layer()`.
        raw_spec: the raw feature spec, text and label included.
        labels: names in the order of their ids.
    """

    def __init__(
        self, model: Classifier, transform: Callable[..., Any], raw_spec: dict[str, Any], labels: list[str]
    ) -> None:
        super().__init__()
        self.model, self._raw_spec, self._labels = model, raw_spec, labels
        # Behind a partial: as an attribute the layer would be saved with graphs of its own. It holds no table and no
        # asset, which would have to be saved with it; saving fails if it did.
        self._transform = functools.partial(transform)
        # A function of its own, so that the signatures share one copy of the encoder's graph.
        specs = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.bool)]
        self._of_tokens = tf.function(
            lambda ids, mask: tf.nn.softmax(model(ids, mask)), input_signature=specs, autograph=False
        )

    def write(self, directory: Path, card: dict[str, Any]) -> None:
        """Saves the SavedModel, with what it is in assets.extra/model.json."""
        ids = tf.TensorSpec([None, None], tf.int32, name="token_ids")
        text = tf.TensorSpec([None], tf.string, name="text")
        specs = [
            (task.TEXT_SIGNATURE, self._of_text, text),
            (task.TOKENIZER_SIGNATURE, self._tokens, text),
            (task.TOKEN_SIGNATURE, self._of_ids, ids),
            (task.EVALUATION_SIGNATURE, self._of_examples, tf.TensorSpec([None], tf.string, name="examples")),
            (task.TRANSFORM_SIGNATURE, self._transformed, tf.TensorSpec([None], tf.string, name="examples")),
        ]
        signatures = {
            name: tf.function(function, input_signature=[spec], autograph=False) for name, function, spec in specs
        }
        # Without the functions of the custom gradients, which are most of what there is to load.
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(self, str(directory), signatures=signatures, options=options)
        path = directory / CARD_FILE
        path.parent.mkdir(exist_ok=True)
        content = {"labels": self._labels, "weights_sha256": weights_sha256(self.model), **card}
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")

    def _of_text(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._answer(self._of_tokens(*self._padded_tokens(text)))

    def _tokens(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids, mask = self._padded_tokens(text)
        return {"token_ids": ids, "lengths": tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)}

    def _padded_tokens(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _padded(self._transform({task.TEXT: self._as_raw(task.TEXT, text)})[task.TOKEN_IDS])

    def _of_ids(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        mask = tf.sequence_mask(_lengths(token_ids), tf.shape(token_ids)[1])
        return self._answer(self._of_tokens(token_ids, mask))

    def _of_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = tf.io.parse_example(examples, {task.TEXT: self._raw_spec[task.TEXT]})
        ids, mask = _padded(self._transform(raw)[task.TOKEN_IDS])
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        order = tf.argsort(lengths, direction="DESCENDING", stable=True)
        ids, mask, lengths = tf.gather(ids, order), tf.gather(mask, order), tf.gather(lengths, order)
        rows = tf.size(lengths)

        def answer(start: tf.Tensor, parts: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            length = tf.maximum(1, lengths[start])
            end = tf.minimum(rows, start + tf.maximum(1, task.TOKENS_AT_A_TIME // length))
            probabilities = self._of_tokens(ids[start:end, :length], mask[start:end, :length])
            return end, parts.write(parts.size(), probabilities)

        parts = tf.TensorArray(
            tf.float32, 0, dynamic_size=True, infer_shape=False, element_shape=[None, len(self._labels)]
        )
        # Rows of similar length together, so that little is padding; two parts at a time, an op a thread.
        _, parts = tf.while_loop(lambda start, _: start < rows, answer, (0, parts), parallel_iterations=2)
        answers = tf.cond(rows > 0, parts.concat, lambda: tf.zeros([0, len(self._labels)]))
        return {"probabilities": tf.gather(answers, tf.argsort(order))}

    def _transformed(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        wanted = (task.TEXT, task.LABEL)
        transformed = self._transform(tf.io.parse_example(examples, {name: self._raw_spec[name] for name in wanted}))
        return {name: transformed[name] for name in (task.LABEL_ID, task.LENGTH_BUCKET)}

    def _as_raw(self, name: str, values: tf.Tensor) -> Any:
        """string[n] in the form the transform graph was traced with."""
        if isinstance(self._raw_spec[name], tf.io.VarLenFeature):
            # Not `tf.sparse.from_dense`, which leaves an empty text out.
            rows = tf.size(values, tf.int64)
            places = tf.stack([tf.range(rows), tf.zeros([rows], tf.int64)], axis=1)
            return tf.SparseTensor(places, values, [rows, 1])
        return tf.reshape(values, [-1, *self._raw_spec[name].shape])

    def _answer(self, probabilities: tf.Tensor) -> dict[str, tf.Tensor]:
        names = tf.constant(self._labels)
        return {
            "label": tf.gather(names, tf.argmax(probabilities, axis=1)),
            "probabilities": probabilities,
            "class_names": tf.tile(names[tf.newaxis, :], [tf.shape(probabilities)[0], 1]),
        }


def _padded(sparse_ids: tf.sparse.SparseTensor) -> tuple[tf.Tensor, tf.Tensor]:
    """int64[n, length] without padding -> int32[n, length] and its mask, bool[n, length]."""
    ids = tf.RaggedTensor.from_sparse(sparse_ids)
    dense = tf.cast(ids.to_tensor(), tf.int32)
    # Without rows there are no columns either, and the encoder wants a first token.
    dense = tf.pad(dense, [[0, 0], [0, tf.cast(tf.equal(tf.shape(dense)[1], 0), tf.int32)]])
    return dense, tf.sequence_mask(ids.row_lengths(), tf.shape(dense)[1])


def _lengths(token_ids: tf.Tensor) -> tf.Tensor:
    """Tokens in each row up to the last that is not padding, int32[n]."""
    positions = tf.range(1, tf.shape(token_ids)[1] + 1)
    return tf.reduce_max(tf.where(tf.not_equal(token_ids, 0), positions, 0), axis=1)


def weights_sha256(model: Classifier) -> str:
    """Hash of all variables, by path: equal for equal weights."""
    digest = hashlib.sha256()
    for variable in sorted(model.variables, key=lambda variable: str(variable.path)):
        if "seed" not in variable.path:
            digest.update(variable.path.encode())
            digest.update(variable.numpy().tobytes())
    return digest.hexdigest()

"""An exported model's signatures: raw text, token ids, and serialized tf.Examples for its evaluation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from components import tasks
from components.common import feature_names
from components.export import signature_names, warmup
from components.export.calibrated import Calibrated
from components.export.card import weights_sha256, write_card
from components.model.task_model import TaskModel
from components.model.writing.decoder import GenerationModel
from components.tasks import tagging

SignatureSpec = tuple[str, Callable[..., Any], list[tf.TensorSpec]]
"""A signature's name, its function and what it takes."""


class Exported(tf.Module):
    """A model with the transform graph in front of it.

    Signatures, for `n` rows; the texts are named as the task has them, `text`, or `text_a` and `text_b`:
        serving_default: texts string[n] -> what `Task.outputs` says, such as `label` and `probabilities`.
        token_ids: `token_ids` int32[n, length], padded with the tokenizer's padding id behind [SEP] -> the same.
        embedding, where a row has one text and the model writes none: `token_ids` -> `vector` float32[n, hidden], the
            pooled states, of length 1.
        tokenize: texts string[n] -> `token_ids`, as above, and `lengths` int32[n].
        predict_examples: `examples` string[n], serialized tf.Examples -> `Task.prediction_key`, to evaluate.
        transform_features: the same examples -> the target and the length bucket, for TFMA.

    Args:
        model: fine-tuned.
        transform: `TFTransformOutput.transform_features_layer()`.
        raw_spec: the raw feature spec, texts and label included.
    """

    def __init__(
        self, model: TaskModel | GenerationModel, transform: Callable[..., Any], raw_spec: dict[str, Any]
    ) -> None:
        super().__init__()
        self.model, self._raw_spec, self._task = model, raw_spec, model.task
        self.calibrated = Calibrated(model.task)
        # Behind a partial: as an attribute the layer would be saved with graphs of its own. It holds no table and no
        # asset, which would have to be saved with it; saving fails if it did.
        self._transform = functools.partial(transform)
        # A function of its own, so that the signatures share one copy of the encoder's graph.
        specs = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.bool)]
        self._of_tokens = tf.function(
            lambda ids, mask: self._task.predictions(self.calibrated.logits(model(ids, mask))),
            input_signature=specs,
            autograph=False,
        )

    @property
    def text_names(self) -> tuple[str, ...]:
        """Names of the texts that a client sends for a row."""
        return self._task.texts

    @property
    def more_signatures(self) -> list[SignatureSpec]:
        """Signatures besides those that every model has."""
        return []

    @property
    def all_signatures(self) -> list[SignatureSpec]:
        """All that a SavedModel has."""
        ids = [tf.TensorSpec([None, None], tf.int32, name="token_ids")]
        texts = [tf.TensorSpec([None], tf.string, name=name) for name in self.text_names]
        examples = [tf.TensorSpec([None], tf.string, name="examples")]
        found: list[SignatureSpec] = [
            (signature_names.TEXT_SIGNATURE, self.from_texts, texts),
            (signature_names.TOKENIZER_SIGNATURE, self.tokens, texts),
            (signature_names.TOKEN_SIGNATURE, self.from_ids, ids),
            (signature_names.EVALUATION_SIGNATURE, self._of_examples, examples),
            (signature_names.TRANSFORM_SIGNATURE, self._transformed, examples),
            *self.more_signatures,
        ]
        if len(self.text_names) == 1 and not self._task.writes:
            found.append((signature_names.EMBEDDING_SIGNATURE, self.vectors, ids))
        return found

    def write(self, directory: Path, card: dict[str, Any]) -> None:
        """Saves the SavedModel, and its card with the task and the hash of the weights added, into a directory."""
        signatures = {
            name: tf.function(function, input_signature=spec, autograph=False)
            for name, function, spec in self.all_signatures
        }
        # Without the functions of the custom gradients, which are most of what there is to load.
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(self, str(directory), signatures=signatures, options=options)
        content = {"task": tasks.to_dict(self._task), "weights_sha256": weights_sha256(self.model), **card}
        content["warmup_sha256"] = warmup.write(directory, signatures, self.text_names)
        write_card(directory, content)

    def predict_by(self, predictions: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> None:
        """Takes another function for the model's: int32[n, length], bool[n, length] -> predictions float32[n, ...]."""
        self._of_tokens = predictions

    def from_texts(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `serving_default`."""
        return self._predict(*self.padded_tokens(*texts))

    def tokens(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `tokenize`."""
        ids, mask = self.padded_tokens(*texts)
        return {"token_ids": ids, "lengths": tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)}

    def from_ids(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `token_ids`."""
        return self._predict(token_ids, _mask(token_ids, self.model.padding_id))

    def vectors(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `embedding`."""
        return {"vector": self.model.vectors(token_ids, _mask(token_ids, self.model.padding_id))}

    def _predict(self, token_ids: tf.Tensor, mask: tf.Tensor) -> dict[str, tf.Tensor]:
        return self.calibrated.task(self._task).outputs(self._of_tokens(token_ids, mask))

    def padded_tokens(self, *texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """string[n] of each text -> int32[n, length] and its mask."""
        return self._padded(self.transformed_texts(*texts))

    def _padded(self, transformed: dict[str, Any]) -> tuple[tf.Tensor, tf.Tensor]:
        return padded(transformed[feature_names.TOKEN_IDS], self.model.padding_id)

    def transformed_texts(self, *texts: tf.Tensor) -> dict[str, Any]:
        """The transformed features of texts, string[n] each."""
        return dict(
            self._transform(
                {name: self._as_raw(name, values) for name, values in zip(self._task.texts, texts, strict=True)}
            )
        )

    def _of_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        transformed = self._transform(self._parsed(examples, *self._task.texts))
        ids, mask = self._padded(transformed)

        def predict_part(token_ids: tf.Tensor, padding_mask: tf.Tensor) -> list[tf.Tensor]:
            return [self.predictions_of(token_ids, padding_mask, tf.shape(ids)[1])]

        # Two parts at a time, an op a thread.
        (predictions,) = in_parts(predict_part, ids, mask, made=[(tf.float32, self.prediction_shape)], at_once=2)
        return {self._task.prediction_key: self.evaluation_output(predictions, transformed)}

    def _parsed(self, examples: tf.Tensor, *wanted: str) -> dict[str, Any]:
        """Serialized tf.Examples, string[n] -> the raw features of these names."""
        found: dict[str, Any] = tf.io.parse_example(examples, {name: self._raw_spec[name] for name in wanted})
        return found

    @property
    def prediction_shape(self) -> tf.TensorShape:
        """Shape of what `predictions_of` returns."""
        return self._of_tokens.get_concrete_function().output_shapes

    def predictions_of(self, token_ids: tf.Tensor, mask: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        """The predictions to evaluate, float32[n, ...]; of a token-level task padded to `width` tokens."""
        return self._of_tokens(token_ids, mask)

    def evaluation_output(self, predictions: tf.Tensor, transformed: dict[str, Any]) -> tf.Tensor:
        """The predictions of all rows in the form that `Task.compute_metrics` takes."""
        return predictions

    def _transformed(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        transformed = self._transform(self._parsed(examples, *self._task.texts, feature_names.LABEL))
        target, bucket = self.evaluation_target(transformed), transformed[feature_names.LENGTH_BUCKET]
        return {feature_names.TARGET: target, feature_names.LENGTH_BUCKET: bucket}

    def evaluation_target(self, transformed: dict[str, Any]) -> tf.Tensor:
        """The targets of all rows in the form that `Task.compute_metrics` takes."""
        label = transformed[feature_names.TARGET]
        return tf.sparse.to_dense(label, tagging.IGNORED) if isinstance(label, tf.SparseTensor) else label

    def _as_raw(self, name: str, values: tf.Tensor) -> Any:
        """string[n] in the form the transform graph was traced with."""
        if isinstance(self._raw_spec[name], tf.io.VarLenFeature):
            # Not `tf.sparse.from_dense`, which leaves an empty text out.
            rows = tf.size(values, tf.int64)
            places = tf.stack([tf.range(rows), tf.zeros([rows], tf.int64)], axis=1)
            return tf.SparseTensor(places, values, [rows, 1])
        return tf.reshape(values, [-1, *self._raw_spec[name].shape])


def in_parts(
    predict: Callable[..., list[tf.Tensor]],
    token_ids: tf.Tensor,
    mask: tf.Tensor,
    *more: tf.Tensor,
    made: Sequence[tuple[tf.DType, tf.TensorShape]],
    row_tokens: Callable[[tf.Tensor], tf.Tensor] = lambda length: length,
    at_once: int = 1,
) -> list[tf.Tensor]:
    """What is predicted of all rows, those of similar length together, so that little is padding.

    Args:
        predict: a part of the rows, `token_ids` and `mask` without the padding that none of them needs, and of `more`
            -> what is made of it, [part, ...] each.
        token_ids: int32[n, length].
        mask: bool[n, length].
        more: [n, ...], what else there is of each row.
        made: type and shape, any number of rows, of each of the results.
        row_tokens: what a row of so many tokens counts for, int32[] both, where a part has room for so many.
        at_once: parts that may be computed at a time.
    """
    lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)
    token_ids, mask, lengths, *more_of = (tf.gather(values, order) for values in (token_ids, mask, lengths, *more))
    rows = tf.size(lengths)

    def predict_part(start: tf.Tensor, *parts: tf.TensorArray) -> tuple[Any, ...]:
        length = tf.maximum(1, lengths[start])
        end = tf.minimum(rows, start + tf.maximum(1, signature_names.TOKENS_AT_A_TIME // row_tokens(length)))
        of_part = token_ids[start:end, :length], mask[start:end, :length], *(values[start:end] for values in more_of)
        found = zip(parts, predict(*of_part), strict=True)
        return end, *(part.write(part.size(), values) for part, values in found)

    parts = [
        tf.TensorArray(dtype, 0, dynamic_size=True, infer_shape=False, element_shape=shape) for dtype, shape in made
    ]
    _, *parts = tf.while_loop(lambda start, *_: start < rows, predict_part, (0, *parts), parallel_iterations=at_once)
    back = tf.argsort(order)
    return [
        tf.gather(
            tf.cond(rows > 0, part.concat, functools.partial(tf.zeros, [size or 0 for size in shape], dtype)), back
        )
        for part, (dtype, shape) in zip(parts, made, strict=True)
    ]


def padded(sparse_ids: tf.sparse.SparseTensor, padding_id: int) -> tuple[tf.Tensor, tf.Tensor]:
    """int64[n, length] without padding -> int32[n, length] and its mask, bool[n, length]."""
    return dense(tf.RaggedTensor.from_sparse(sparse_ids), padding_id)


def dense(ids: tf.RaggedTensor, padding_id: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Ragged int64[n, (tokens)] -> int32[n, length] and its mask, bool[n, length]."""
    dense = tf.cast(ids.to_tensor(padding_id), tf.int32)
    # Without rows there are no columns either, and the encoder wants a first token.
    none = tf.cast(tf.equal(tf.shape(dense)[1], 0), tf.int32)
    dense = tf.pad(dense, [[0, 0], [0, none]], constant_values=padding_id)
    return dense, tf.sequence_mask(ids.row_lengths(), tf.shape(dense)[1])


def _mask(token_ids: tf.Tensor, padding_id: int) -> tf.Tensor:
    """True for each token of a row up to the last that is not padding, bool[n, length]."""
    positions = tf.range(1, tf.shape(token_ids)[1] + 1)
    lengths = tf.reduce_max(tf.where(tf.not_equal(token_ids, padding_id), positions, 0), axis=1)
    return tf.sequence_mask(lengths, tf.shape(token_ids)[1])

"""A pushed model as the Keras model that it was saved from: with gradients, and with vectors of pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.common import feature_names
from components.common.errors import InputError
from components.export.card import is_weight, temperature, weights_sha256
from components.export.formats import texts
from components.export.formats.pushed import Pushed
from components.model.bert import build_encoder
from components.model.forms import PLAIN
from components.model.task_model import TaskModel
from components.serving.predictor import BatchedInference


class Row(NamedTuple):
    """What a model makes of one row."""

    predictions: np.ndarray
    """As `Task.predictions`, calibrated: float32[k]; of tags float32[words, tags], of the words that it saw."""
    vector: np.ndarray
    """float32[hidden], of length 1: what the head sees of the row; of tags the mean over its tokens, or where there are
    windows what their pooling gives. Of two texts that are seen apart, both vectors one after the other, of length 1
    together."""


class KerasModel:
    """A version, rebuilt from its files.

    Rows are those of training: of a tagger words with one space between, of a bi-encoder two texts.

    Args:
        pushed: what its files say that it is made of.

    Raises:
        InputError: its weights are damaged, or others than its card says.
    """

    def __init__(self, pushed: Pushed) -> None:
        if pushed.task.writes:
            problem = (
                f"is of the task {pushed.task.name}, whose answer is a text and no number that words could weigh in"
            )
            raise InputError(str(pushed.path), problem, "`mistakes` lists the rows by their loss")
        self.task, self.tokenizer = pushed.task, pushed.tokenizer
        encoder = build_encoder(pushed.config, hidden_dropout=0.0, attention_dropout=0.0, forms=PLAIN, blank=True)
        self.model = TaskModel(encoder, pushed.task, pushed.settings, tokenizer=pushed.tokenizer, dropout=0.0, seed=0)
        """Takes token ids, gives logits that are not calibrated."""
        try:
            for variable in self.model.variables:
                if is_weight(variable.path):
                    variable.assign(pushed.weights[variable.path])
            fits = weights_sha256(self.model) == pushed.card.get("weights_sha256")
        except (LookupError, ValueError):
            fits = False
        if not fits:
            problem = "its weights are not those of the model that its card describes"
            raise InputError(str(pushed.path), problem, "Put the version back from where it was archived")
        self.temperature = temperature(pushed.card)
        """What logits are divided by."""
        self._features = texts.ragged(pushed.task, pushed.tokenizer, pushed.settings.most_tokens)
        self._layers = len(encoder.blocks)
        names, per_token = pushed.task.texts, pushed.task.per_token
        strings = {name: tf.TensorSpec([None], tf.string, name=name) for name in names}
        ids = tf.TensorSpec([None, None], tf.int32, name="token_ids")
        tokenize = _traced(self._tokenized, *strings.values())
        answer = _traced(self._answer, ids)
        of_words = _traced(self._answer_words, *strings.values()) if per_token else None
        self._rows = BatchedInference(names, tokenize, answer, self.model.padding_id, of_words)

    def rows(self, rows: Iterable[tuple[str, ...]]) -> Iterator[Row]:
        """What the model makes of each row of texts, in order; reads ahead some thousands of rows at most."""
        for output in self._rows.outputs(rows):
            predictions = output["predictions"]
            yield Row(predictions[: output["words"]] if "words" in output else predictions, output["vector"])

    def token_ids(self, row: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray | None]:
        """int32[length] of a row, and of a tagger the word that each token begins, int32[length], -1 for none."""
        found = self._features(*(tf.constant([text]) for text in row))
        words = found.get(feature_names.WORD_IDS)
        ids = found[feature_names.TOKEN_IDS][0].numpy().astype(np.int32)
        return ids, None if words is None else words[0].numpy()

    def _tokenized(self, *columns: tf.Tensor) -> dict[str, tf.Tensor]:
        ids = self._features(*columns)[feature_names.TOKEN_IDS]
        return {
            "token_ids": tf.cast(ids.to_tensor(self.model.padding_id), tf.int32),
            "lengths": tf.cast(ids.row_lengths(), tf.int32),
        }

    def _answer(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        # No text can hold padding.
        logits, vectors = self._passed(token_ids, tf.not_equal(token_ids, self.model.padding_id))
        return {"predictions": self.task.predictions(logits / self.temperature), "vector": vectors}

    def _answer_words(self, *columns: tf.Tensor) -> dict[str, tf.Tensor]:
        found = self._features(*columns)
        ids = found[feature_names.TOKEN_IDS]
        token_ids = tf.cast(ids.to_tensor(self.model.padding_id), tf.int32)
        answered = self._answer(token_ids)
        begins = found[feature_names.WORD_IDS] >= 0
        counts = tf.reduce_sum(tf.cast(begins, tf.int32), axis=1)
        kept = tf.boolean_mask(answered["predictions"], begins.to_tensor(False, shape=tf.shape(token_ids)))
        return {
            "predictions": tf.RaggedTensor.from_row_lengths(kept, counts).to_tensor(),
            "words": counts,
            "vector": answered["vector"],
        }

    def _passed(self, token_ids: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits, and a unit vector of each row, float32[n, width]."""
        model = self.model
        if not model.cacheable:
            logits = model(token_ids, mask)
            if self.task.bi_encoder:
                return logits, tf.math.l2_normalize(logits, axis=1)
            return logits, model.vectors(token_ids, mask)
        # One pass for both.
        states = model.lower(token_ids, mask, self._layers)
        if model.pooled(self._layers):
            logits = model.upper(states, mask[:, :1], self._layers)
            return logits, tf.math.l2_normalize(states[:, 0], axis=1)
        weights = tf.cast(mask, tf.float32)[:, :, tf.newaxis]
        return model.upper(states, mask, self._layers), tf.math.l2_normalize(
            tf.reduce_sum(states * weights, axis=1), axis=1
        )


def _traced(function: Callable[..., Any], *specs: tf.TensorSpec) -> Callable[..., Any]:
    """A graph that takes its arguments by their names."""
    graph = tf.function(function, input_signature=list(specs), autograph=False)
    return lambda **given: graph(*(given[str(spec.name)] for spec in specs))

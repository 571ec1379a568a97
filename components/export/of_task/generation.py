"""The signatures of an exported model that writes: raw text to raw text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from components.common import feature_names
from components.export.of_task.distinct import distinct
from components.export.signatures import Exported, in_parts
from components.model.writing import search
from components.model.writing.decoder import GenerationModel
from components.settings.generation import Generation
from components.tasks.generation.task import HITS, MOST_COPIED, TEXT
from components.tasks.generation.task import Generation as Task
from components.tasks.tagging import IGNORED
from components.tokenization.spacing import Detokenizer

Written = dict[str, tf.Tensor]
"""`text` string[n], its `score` float32[n] and whether it was `cut`, bool[n]; `texts` string[n, best] and `scores`
float32[n, best], the best first, each text once; below `NO_TEXT` where a search found fewer."""


class Writer:
    """Token ids to texts.

    Args:
        model: fine-tuned.
        settings: how it writes.
        detokenizer: of its vocabulary.
    """

    def __init__(self, model: GenerationModel, settings: Generation, detokenizer: Detokenizer) -> None:
        assert isinstance(model.task, Task)  # noqa: S101
        self._model, self._settings, self._detokenizer = model, settings, detokenizer
        self.room = model.task.target_length

    def row_tokens(self, source: tf.Tensor) -> tf.Tensor:
        """As `Generation.tokens_of_row`, of a source of so many tokens, int32[]."""
        return self._settings.tokens_of_row(source, self.room)

    def __call__(self, token_ids: tf.Tensor, padding_mask: tf.Tensor, led_by: tf.Tensor | None = None) -> Written:
        """int32[n, length] and bool[n, length] -> `Written`; `led_by` as `search.write` has it."""
        found = search.write(self._model, self._settings, token_ids, padding_mask, self.room, led_by=led_by)
        rows, best = tf.shape(token_ids)[0], self._settings.best
        texts = self._detokenizer(tf.reshape(found.token_ids, [rows * best, tf.shape(found.token_ids)[2]]))
        texts, scores = tf.reshape(texts, [-1, best]), found.scores
        if best > 1:
            # Other pieces, or another draw, may give the same text.
            order, again = distinct(tf.equal(texts[:, :, tf.newaxis], texts[:, tf.newaxis]))
            texts, scores = (tf.gather(values, order, batch_dims=1) for values in (texts, scores))
            texts, scores = tf.where(again, "", texts), tf.where(again, search.NEVER, scores)
        return {"text": texts[:, 0], "score": scores[:, 0], "cut": found.cut[:, 0], "texts": texts, "scores": scores}


class ExportedWriter(Exported):
    """A model that writes, with the transform graph in front of it and the vocabulary behind it.

    serving_default, token_ids: -> `Written`. predict_examples: -> `written` float32[n, numbers], as
    `components.tasks.generation.task` has a prediction; the examples have their targets. There is no `embedding`.

    Args:
        model: fine-tuned.
        transform: as for `Exported`.
        raw_spec: the raw feature spec.
        writer: of the model.
    """

    def __init__(
        self, model: GenerationModel, transform: Callable[..., Any], raw_spec: dict[str, Any], writer: Writer
    ) -> None:
        super().__init__(model, transform, raw_spec)
        specs = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.bool)]
        self._row_tokens = writer.row_tokens
        # A function of its own, so that the signatures share one copy of the search.
        self._of_tokens = tf.function(writer.__call__, input_signature=specs, autograph=False)

    def _predict(self, token_ids: tf.Tensor, mask: tf.Tensor) -> Written:
        return dict(self._of_tokens(token_ids, mask))

    def _of_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        transformed = self._transform(self._parsed(examples, *self._task.texts, feature_names.LABEL))
        targets = tf.cast(transformed[feature_names.TARGET], tf.int32)

        def write_part(token_ids: tf.Tensor, mask: tf.Tensor, wanted: tf.Tensor) -> list[tf.Tensor]:
            told, found = self.model(token_ids, mask, wanted), self._of_tokens(token_ids, mask)
            hits = tf.math.unsorted_segment_sum(tf.cast(told.hits, tf.float32), told.rows, tf.shape(wanted)[0])
            tokens = tf.reduce_sum(tf.cast(tf.not_equal(wanted, IGNORED), tf.float32), axis=1)
            known = tf.stack([hits, tokens, tf.cast(found["cut"], tf.float32), found["score"]], axis=1)
            return [known, found["text"]]

        made = [(tf.float32, tf.TensorShape([None, TEXT - HITS])), (tf.string, tf.TensorShape([None]))]
        known, written = in_parts(
            write_part, *self._padded(transformed), targets, made=made, row_tokens=self._row_tokens
        )
        codes = tf.cast(tf.strings.unicode_decode(written, "UTF-8").to_tensor(IGNORED), tf.float32)
        return {self._task.prediction_key: tf.concat([known, codes], axis=1)}

    def _transformed(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        parsed = self._parsed(examples, *self._task.texts, feature_names.LABEL)
        # As texts, which tokens are not any more.
        source, target = (
            tf.strings.unicode_decode(_one_a_row(parsed[name]), "UTF-8")
            for name in (*self._task.texts, feature_names.LABEL)
        )
        length = tf.cast(source.row_lengths(), tf.int32)[:, tf.newaxis]
        # In memory all rows are as long as the longest, and a source may be a book.
        source = source[:, :MOST_COPIED]
        label = tf.concat([tf.minimum(length, MOST_COPIED), source, target], axis=1).to_tensor(IGNORED)
        bucket = self._transform(parsed)[feature_names.LENGTH_BUCKET]
        return {feature_names.TARGET: label, feature_names.LENGTH_BUCKET: bucket}


def _one_a_row(feature: Any) -> tf.Tensor:
    """string[n], from a dense or a sparse feature."""
    return tf.reshape(feature.values if isinstance(feature, tf.sparse.SparseTensor) else feature, [-1])

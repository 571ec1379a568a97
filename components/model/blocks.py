"""What a BERT encoder is made of, over rows of tokens: embeddings, and layers of attention and a feed-forward part."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from components.model.attention import SelfAttention
from components.model.config import BertConfig
from components.model.layer_factory import LayerFactory


class Embeddings(keras.layers.Layer):
    """The sum of word, position and segment embeddings, normalised."""

    def __init__(self, config: BertConfig, make: LayerFactory, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_size = config.hidden_size
        self.word = make.table(config.vocab_size, "word")
        self.position = make.table(config.max_position_embeddings, "position")
        self.segment = make.table(config.type_vocab_size, "segment")
        self.norm = make.norm("norm")
        self.dropout = make.dropout(config.hidden_dropout_prob, "dropout")

    def build(self, input_shape: object = None) -> None:
        """Creates every variable."""
        for part in (self.word, self.position, self.segment, self.norm):
            part.build()
        # The variable itself: what Keras makes of it is a copy of all its rows, once they are updated by parts.
        # Behind a function: as an attribute it would be saved a second time.
        rows = self.word.embeddings.value
        self._word_rows = lambda: rows
        self._lookup = lambda token_ids: tf.gather(rows, token_ids)
        self.built = True

    @property
    def word_rows(self) -> tf.Variable:
        """The table of the vocabulary, float[vocabulary, hidden]."""
        return self._word_rows()

    @contextlib.contextmanager
    def looked_up_by(self, lookup: Callable[[tf.Tensor], tf.Tensor]) -> Iterator[None]:
        """Within, words' embeddings are what a function makes of token ids: int32[...] -> float[..., hidden]."""
        before, self._lookup = self._lookup, lookup
        try:
            yield
        finally:
            self._lookup = before

    def call(
        self,
        token_ids: tf.Tensor,
        segment_ids: tf.Tensor | None = None,
        training: bool = False,
        positions: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """int32[batch, length] -> float[batch * length, hidden]; the positions are 0, 1, ... unless they are given."""
        if positions is None:
            # One row of the segment table is added to the few positions rather than to every token.
            position = self.position.embeddings[: keras.ops.shape(token_ids)[1]]
        else:
            position = tf.gather(tf.convert_to_tensor(self.position.embeddings), positions)
        words = tf.cast(self._lookup(token_ids), self.compute_dtype)
        if segment_ids is None:
            embedded = words + (position + self.segment.embeddings[0])
        else:
            embedded = words + position + self.segment(segment_ids)
        rows = self.norm(tf.reshape(embedded, (-1, self.hidden_size)))
        return self.dropout(rows, training=training)


class Block(keras.layers.Layer):
    """One transformer layer: self-attention and a feed-forward part, each added to its input and normalised."""

    def __init__(self, config: BertConfig, make: LayerFactory, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention = SelfAttention(config, make, name="attention")
        self.attention_norm = make.norm("attention_norm")
        self.inner = make.dense(config.hidden_size, config.intermediate_size, "inner")
        self.activation = make.activation(config.hidden_act)
        self.outer = make.dense(config.intermediate_size, config.hidden_size, "outer")
        self.output_norm = make.norm("output_norm")
        self.dropout = make.dropout(config.hidden_dropout_prob, "dropout")

    def build(self, input_shape: object = None) -> None:
        """Creates every variable."""
        for part in (self.attention, self.attention_norm, self.inner, self.outer, self.output_norm):
            part.build()
        self.built = True

    def call(
        self,
        rows: tf.Tensor,
        padding: tf.Tensor | None,
        *,
        batch: Any,
        length: Any,
        training: bool = False,
        first_token_only: bool = False,
    ) -> tf.Tensor:
        """float[batch * length, hidden] -> the same, or float[batch, hidden] of the first tokens alone.

        `padding` is bool[batch, 1, 1, length], true for padding; or [batch, 1, length, length], true for what a token
        does not see.
        """
        first = tf.reshape(rows, (batch, length, rows.shape[1]))[:, 0] if first_token_only else None
        attended = self.attention(rows, first, padding, batch=batch, length=length, training=training)
        return self.behind(rows if first is None else first, attended, training=training)

    def behind(self, rows: tf.Tensor, attended: tf.Tensor, *, training: bool = False) -> tf.Tensor:
        """What follows the attention: its input and its output, float[n, hidden] both -> float[n, hidden]."""
        rows = self.attention_norm(rows + self.dropout(attended, training=training))
        fed = self.outer(self.activation(self.inner(rows)))
        return self.output_norm(rows + self.dropout(fed, training=training))

"""The BERT encoder (Devlin et al. 2019, arXiv:1810.04805): transformer layers, normalised after each sublayer.

Hidden states travel as rows, one for each token of the batch: [batch * length, hidden]. Every dense layer is then one
matrix product with its bias behind it, which TensorFlow fuses.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from components.model.attention import SelfAttention, attention_mask
from components.model.config import BertConfig
from components.model.forms import Forms, device_kind, forms_for
from components.model.layer_factory import LayerFactory


def build_encoder(
    config: BertConfig,
    *,
    hidden_dropout: float | None = None,
    attention_dropout: float | None = None,
    seed: int = 0,
    name: str = "bert",
    forms: Forms | None = None,
) -> Encoder:
    """Makes an encoder with its variables, initialised at random; `pretrained.huggingface.load_weights` fills it.

    The dtype policy is Keras's global one (`keras.config.set_dtype_policy`).

    Args:
        config: the encoder's shape.
        hidden_dropout: rate for the embeddings and each sublayer's output; None takes the checkpoint's.
        attention_dropout: rate for the attention weights; None takes the checkpoint's.
        seed: of the initial values and of dropout.
        name: first part of every variable's path.
        forms: how it is computed; None: as this process's device is faster with.
    """
    config = dataclasses.replace(
        config,
        hidden_dropout_prob=config.hidden_dropout_prob if hidden_dropout is None else hidden_dropout,
        attention_probs_dropout_prob=config.attention_probs_dropout_prob
        if attention_dropout is None
        else attention_dropout,
    )
    return Encoder(config, forms or forms_for(device_kind()), seed=seed, name=name)


class Encoder(keras.Model):
    """Token ids to hidden states.

    Its parts, for freezing and for learning rates by layer: `embeddings`, `blocks` (a list, from the input up) and
    `pooler`. Variables have paths such as `bert/embeddings/word/embeddings` and `bert/layer_3/attention/qkv/kernel`.

    Args:
        config: the encoder's shape and dropout rates.
        forms: how it is computed.
        seed: of the initial values and of dropout.
    """

    def __init__(self, config: BertConfig, forms: Forms, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config, self.forms = config, forms
        make = LayerFactory(config, forms, seed, f"{self.name}_dropout")
        self.embeddings = Embeddings(config, make, name="embeddings")
        self.blocks = [Block(config, make, name=f"layer_{i}") for i in range(config.num_hidden_layers)]
        self.pooler = make.dense(config.hidden_size, config.hidden_size, "pooler")
        self.build()

    def build(self, input_shape: object = None) -> None:
        """Creates every variable; the shape of an input has no part in it."""
        self.embeddings.build()
        for block in self.blocks:
            block.build()
        self.pooler.build()
        self.built = True

    def call(
        self,
        token_ids: tf.Tensor,
        padding_mask: tf.Tensor | None = None,
        segment_ids: tf.Tensor | None = None,
        training: bool = False,
        pooled_only: bool = False,
    ) -> dict[str, tf.Tensor]:
        """Encodes a batch.

        Args:
            token_ids: int32[batch, length]; a length above `max_position_embeddings` fails on incompatible shapes.
            padding_mask: bool or int32[batch, length], true or 1 for a token and false or 0 for padding. None: there
                is no padding.
            segment_ids: int32[batch, length]; None: all 0.
            training: whether dropout is active.
            pooled_only: leaves out of the last layer what only other tokens than the first need, and the sequence.

        Returns:
            `sequence_output`: float[batch, length, hidden], the last layer's hidden states.
            `pooled_output`: float[batch, hidden], a tanh layer over the first token's.
        """
        hidden = self._embedded(token_ids, segment_ids, training)
        return self.upper(hidden, padding_mask, training=training, pooled_only=pooled_only)

    def lower(
        self, token_ids: tf.Tensor, padding_mask: tf.Tensor, layers: int, segment_ids: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Embeddings and the first `layers` layers, without dropout: float[batch, length, hidden]."""
        hidden = self._embedded(token_ids, segment_ids)
        return tf.reshape(self._through(self.blocks[:layers], hidden, padding_mask), keras.ops.shape(hidden))

    def upper(
        self,
        hidden: tf.Tensor,
        padding_mask: tf.Tensor | None,
        first: int = 0,
        training: bool = False,
        pooled_only: bool = False,
    ) -> dict[str, tf.Tensor]:
        """The layers from number `first` on, from 0, over float[batch, length, hidden]; else as `call`."""
        blocks = self.blocks[first:]
        rows = self._through(blocks, hidden, padding_mask, training, pooled_only)
        if pooled_only:
            return {"pooled_output": tf.tanh(self.pooler(rows if blocks else hidden[:, 0]))}
        sequence = tf.reshape(rows, keras.ops.shape(hidden))
        return {"sequence_output": sequence, "pooled_output": tf.tanh(self.pooler(sequence[:, 0]))}

    def _embedded(
        self, token_ids: tf.Tensor, segment_ids: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """int32[batch, length] -> float[batch, length, hidden]."""
        rows = self.embeddings(token_ids, segment_ids, training=training)
        return tf.reshape(rows, (*keras.ops.shape(token_ids), self.config.hidden_size))

    def _through(
        self,
        blocks: list[Block],
        hidden: tf.Tensor,
        padding_mask: tf.Tensor | None,
        training: bool = False,
        pooled_only: bool = False,
    ) -> tf.Tensor:
        """float[batch, length, hidden] -> rows, of the first tokens alone if `pooled_only` and the last layer ran."""
        batch, length, width = keras.ops.shape(hidden)
        rows, padding = tf.reshape(hidden, (-1, width)), attention_mask(padding_mask)
        for block in blocks:
            only = pooled_only and block is self.blocks[-1]
            rows = block(rows, padding, batch=batch, length=length, training=training, first_token_only=only)
        return rows


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
        self.word_rows = self.word.embeddings.value
        self.built = True

    def call(self, token_ids: tf.Tensor, segment_ids: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        """int32[batch, length] -> float[batch * length, hidden]."""
        length = keras.ops.shape(token_ids)[1]
        # One row of the segment table is added to the few positions rather than to every token.
        position = self.position.embeddings[:length]
        words = tf.cast(tf.gather(self.word_rows, token_ids), self.compute_dtype)
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

        `padding` is bool[batch, 1, 1, length], true for padding.
        """
        first = tf.reshape(rows, (batch, length, rows.shape[1]))[:, 0] if first_token_only else None
        attended = self.attention(rows, first, padding, batch=batch, length=length, training=training)
        rows = rows if first is None else first
        rows = self.attention_norm(rows + self.dropout(attended, training=training))
        fed = self.outer(self.activation(self.inner(rows)))
        return self.output_norm(rows + self.dropout(fed, training=training))

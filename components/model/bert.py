"""The BERT encoder (Devlin et al. 2019, arXiv:1810.04805): transformer layers, normalised after each sublayer.

Hidden states travel as rows, one for each token of the batch: [batch * length, hidden]. Every dense layer is then one
matrix product with its bias behind it, which TensorFlow fuses.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from components.model import end_to_end
from components.model.attention import attention_mask
from components.model.blocks import Block, Embeddings
from components.model.config import BertConfig
from components.model.end_to_end import EndToEnd
from components.model.forms import Forms, forms_for, machine_kind
from components.model.layer_factory import LayerFactory


def build_encoder(
    config: BertConfig,
    *,
    hidden_dropout: float | None = None,
    attention_dropout: float | None = None,
    seed: int = 0,
    name: str = "bert",
    forms: Forms | None = None,
    blank: bool = False,
) -> Encoder:
    """Makes an encoder with its variables, initialised at random; `pretrained.encoder_weights` fills it.

    The dtype policy is Keras's global one (`keras.config.set_dtype_policy`).

    Args:
        config: the encoder's shape.
        hidden_dropout: rate for the embeddings and each sublayer's output; None takes the checkpoint's.
        attention_dropout: rate for the attention weights; None takes the checkpoint's.
        seed: of the initial values and of dropout.
        name: first part of every variable's path.
        forms: how it is computed; None: as this process's device is faster with.
        blank: zeros for random values where a checkpoint has its own, to be filled with these: drawing takes the
            better part of a second. The pooler, which a checkpoint may lack, is random.
    """
    config = dataclasses.replace(
        config,
        hidden_dropout_prob=config.hidden_dropout_prob if hidden_dropout is None else hidden_dropout,
        attention_probs_dropout_prob=config.attention_probs_dropout_prob
        if attention_dropout is None
        else attention_dropout,
    )
    return Encoder(config, forms or forms_for(machine_kind()), seed=seed, blank=blank, name=name)


class Encoder(keras.Model):
    """Token ids to hidden states.

    Its parts, for freezing and for learning rates by layer: `embeddings`, `blocks` (a list, from the input up) and
    `pooler`. Variables have paths such as `bert/embeddings/word/embeddings` and `bert/layer_3/attention/qkv/kernel`.

    Args:
        config: the encoder's shape and dropout rates.
        forms: how it is computed.
        seed: of the initial values and of dropout.
        blank: as `build_encoder` has it.
    """

    def __init__(self, config: BertConfig, forms: Forms, *, seed: int = 0, blank: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config, self.forms = config, forms
        make = LayerFactory(config, seed, f"{self.name}_dropout", blank=blank)
        self.embeddings = Embeddings(config, make, name="embeddings")
        self.blocks = [Block(config, make, name=f"layer_{i}") for i in range(config.num_hidden_layers)]
        self.pooler = make.pooler("pooler")
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
            token_ids: int32[batch, length]; a token beyond `max_position_embeddings` fails.
            padding_mask: bool or int32[batch, length], true or 1 for a token and false or 0 for padding. None: there
                is no padding.
            segment_ids: int32[batch, length]; None: all 0.
            training: whether dropout is active.
            pooled_only: leaves out of the last layer what only other tokens than the first need, and the sequence.

        Returns:
            `sequence_output`: float[batch, length, hidden], the last layer's hidden states; what they are at padding
                depends on the form.
            `pooled_output`: float[batch, hidden], a tanh layer over the first token's.
        """
        if training and self.forms.end_to_end:
            tokens = _end_to_end(token_ids, padding_mask)
            rows = end_to_end.embedded(self.embeddings, token_ids, segment_ids, tokens)
            return self._outputs_end_to_end(self.blocks, rows, tokens, pooled_only)
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
        if training and self.forms.end_to_end and blocks:
            tokens = _end_to_end(hidden, padding_mask)
            rows = tf.cast(tokens.of_padded(hidden), self.compute_dtype)
            return self._outputs_end_to_end(blocks, rows, tokens, pooled_only)
        rows = self._through(blocks, hidden, padding_mask, training, pooled_only)
        if pooled_only:
            return {"pooled_output": tf.tanh(self.pooler(rows if blocks else hidden[:, 0]))}
        sequence = tf.reshape(rows, keras.ops.shape(hidden))
        return {"sequence_output": sequence, "pooled_output": tf.tanh(self.pooler(sequence[:, 0]))}

    def _outputs_end_to_end(
        self, blocks: list[Block], rows: tf.Tensor, tokens: EndToEnd, pooled_only: bool
    ) -> dict[str, tf.Tensor]:
        """What `call` returns, of rows that lie end to end."""
        rows = end_to_end.through(blocks, rows, tokens, pooled_only)
        if pooled_only:
            return {"pooled_output": tf.tanh(self.pooler(rows))}
        return {"sequence_output": tokens.padded(rows), "pooled_output": tf.tanh(self.pooler(tokens.first(rows)))}

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


def _end_to_end(inputs: tf.Tensor, padding_mask: tf.Tensor | None) -> EndToEnd:
    """Of a batch whose inputs are [batch, length, ...]."""
    return EndToEnd.of(tf.ones(keras.ops.shape(inputs)[:2], tf.bool) if padding_mask is None else padding_mask)

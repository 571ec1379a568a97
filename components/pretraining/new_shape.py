"""The shape of a BERT that is pre-trained from nothing; loads no TensorFlow."""

from __future__ import annotations

from components.model.config import BertConfig
from components.settings.kinds.pretraining import PretrainedModel
from components.tokenization.vocabulary import Tokenizer

LAYERS, DROPOUT = 12, 0.1
"""Of a new model where the settings do not say (Devlin et al. 2019, BERT base; appendix A.2)."""


def new_config(settings: PretrainedModel, tokenizer: Tokenizer, dropout: float | None = None) -> BertConfig:
    """The shape of a new model.

    Raises:
        ValueError: as `BertConfig`.
    """
    rate = DROPOUT if dropout is None else dropout
    return BertConfig(
        vocab_size=len(tokenizer.tokens),
        hidden_size=settings.width,
        num_hidden_layers=settings.layers or LAYERS,
        num_attention_heads=settings.number_of_heads,
        intermediate_size=settings.intermediate or 4 * settings.width,
        max_position_embeddings=settings.max_length,
        hidden_dropout_prob=rate,
        attention_probs_dropout_prob=rate,
        pad_token_id=tokenizer.padding_id,
    )

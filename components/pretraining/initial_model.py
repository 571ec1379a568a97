"""The model that a pre-training begins with: a new one, or a base model's weights."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from components.model.bert import build_encoder
from components.model.config import BertConfig
from components.model.forms import Forms
from components.model.pretraining_model import PretrainingModel
from components.pretrained import base_model as base_models
from components.pretrained import encoder_weights, head_weights
from components.pretraining import objectives
from components.pretraining.new_shape import new_config
from components.settings.kinds.pretraining import PretrainedModel, Pretraining
from components.tokenization.vocabulary import Tokenizer
from components.training.initial_model import computing_in


class Begun(NamedTuple):
    """A model before its first step."""

    model: PretrainingModel
    random: tuple[str, ...]
    """The parts that a base model lacks, and that begin with random values."""


def new_model(
    settings: PretrainedModel, training: Pretraining, tokenizer: Tokenizer, forms: Forms | None = None
) -> PretrainingModel:
    """A model of random values.

    Args:
        settings: its shape.
        training: objectives, dropout, precision and seed.
        tokenizer: whose tokens it tells.
        forms: how it is computed; None: as this process's device is faster with.
    """
    return _built(new_config(settings, tokenizer, training.dropout), training, tokenizer, forms)


def read_model(base: Path, training: Pretraining, tokenizer: Tokenizer, forms: Forms | None = None) -> Begun:
    """A base model with the heads that it has.

    Raises:
        InputError: config or weights are missing, of another architecture or of another shape.
    """
    config = base_models.read_config(base)
    model, random = _built(config, training, tokenizer, forms, blank=True), []
    if not encoder_weights.load_weights(model.encoder, base) and training.next_sentence:
        random.append("the pooler")
    if head_weights.has_masked_language_model(base):
        head_weights.load_masked_language_model(model.tokens, base, config)
    else:
        random.append("the head for masked tokens")
    if model.next_sentence is not None and head_weights.has_next_sentence(base):
        head_weights.load_next_sentence(model.next_sentence, base, config)
    elif model.next_sentence is not None:
        random.append("the head for the next sentence")
    return Begun(model, tuple(random))


def _built(
    config: BertConfig, training: Pretraining, tokenizer: Tokenizer, forms: Forms | None, *, blank: bool = False
) -> PretrainingModel:
    with computing_in(training.precision):
        encoder = build_encoder(
            config,
            hidden_dropout=training.dropout,
            attention_dropout=training.dropout,
            seed=training.seed,
            forms=forms,
            blank=blank,
        )
        return PretrainingModel(
            encoder,
            objectives.task(training.next_sentence),
            next_sentence=training.next_sentence,
            separator=tokenizer.separator_id,
            seed=training.seed,
        )

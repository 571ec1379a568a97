"""The tokens that a base model takes for probable in place of each [MASK] of a text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.model.bert import build_encoder
from components.model.pretraining_heads import MaskedLanguageModel
from components.pretrained import base_model, encoder_weights, head_weights
from components.serving.base_tokens import tokenize_function
from components.serving.predictor import BatchedInference
from components.tokenization.vocabulary import AddedToken, Tokenizer

_MASKS_AT_A_TIME = 256
"""Each has a logit for every token of the vocabulary: 31 MB with 30,522 of them."""

Filled = list[list[tuple[str, float]]]
"""For each mask of a text, in order, tokens with their probabilities, the most probable first."""


class MaskFiller:
    """A base model with its head for masked tokens.

    Args:
        model: a directory, or in Google's form also a path prefix.
        tokenizer: the model's, with a [MASK].
        top: tokens for each mask; fewer where the vocabulary has no more.

    Raises:
        InputError: config or weights are missing or do not fit each other.
    """

    def __init__(self, model: Path, tokenizer: Tokenizer, top: int) -> None:
        config = base_model.read_config(model)
        self._encoder = build_encoder(config, blank=True)
        encoder_weights.load_weights(self._encoder, model)
        self._head = MaskedLanguageModel(config)
        head_weights.load_masked_language_model(self._head, model, config)
        self._tokenizer = tokenizer
        # An embedding may have more rows than there are tokens.
        self._tokens = tokenizer.tokens[: config.vocab_size]
        self._top = min(top, len(self._tokens))
        tokenize = tokenize_function(_with_mask(tokenizer), config.max_position_embeddings)
        self._rows = BatchedInference(("text",), tokenize, self._predict, tokenizer.padding_id)

    def filled(self, texts: Iterable[str]) -> Iterator[Filled]:
        """The tokens for each text's masks, in order; masks behind the most tokens that the model takes are left out.

        Probabilities are those among all tokens, each mask by itself: softmax over the head's logits.
        """
        for output in self._rows.outputs((text,) for text in texts):
            found = zip(output["tokens"][: output["masks"]], output["probabilities"], strict=False)
            yield [
                [(self._tokens[token], float(probability)) for token, probability in zip(*mask, strict=True)]
                for mask in found
            ]

    def _predict(self, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """int32[n, length] -> `masks` int32[n]: how many each row has; `tokens` int32[n, most masks, top] and
        `probabilities` float32[n, most masks, top], filled up with zeros."""
        states, rows = self._states(token_ids)
        parts = [
            self._likeliest(states[first : first + _MASKS_AT_A_TIME]) for first in range(0, len(rows), _MASKS_AT_A_TIME)
        ]
        masks = np.bincount(rows.numpy(), minlength=len(token_ids)).astype(np.int32)
        # Where each mask stands among those of its row.
        places = np.arange(len(rows)) - np.repeat(np.cumsum(masks) - masks, masks)
        found = {}
        for name, dtype in (("tokens", np.int32), ("probabilities", np.float32)):
            padded = np.zeros((len(masks), masks.max(initial=0), self._top), dtype)
            if parts:
                padded[rows.numpy(), places] = np.concatenate([part[name].numpy() for part in parts])
            found[name] = tf.constant(padded)
        return {"masks": tf.constant(masks), **found}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False)
    def _states(self, token_ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The last layer's state of each mask, float32[m, hidden], and its row, int64[m], in order."""
        # No text can hold padding.
        encoded = self._encoder(token_ids, tf.not_equal(token_ids, self._tokenizer.padding_id))
        places = tf.where(tf.equal(token_ids, self._tokenizer.mask_id))
        return tf.gather_nd(encoded["sequence_output"], places), places[:, 0]

    @tf.function(autograph=False, reduce_retracing=True)
    def _likeliest(self, states: tf.Tensor) -> dict[str, Any]:
        logits = self._head(states, self._encoder.embeddings.word_rows)
        values, tokens = tf.math.top_k(logits[:, : len(self._tokens)], self._top)
        total = tf.reduce_logsumexp(logits, axis=1, keepdims=True)
        return {"tokens": tokens, "probabilities": tf.exp(values - total)}


def _with_mask(tokenizer: Tokenizer) -> Tokenizer:
    """The same, but for [MASK] typed in a text, which is the control token."""
    settings, mask_id = tokenizer.settings, tokenizer.mask_id
    assert mask_id is not None  # noqa: S101
    added = (AddedToken(content=settings.mask, token_id=mask_id, special=True), *settings.added_tokens)
    ordered = tuple(sorted(added, key=lambda token: token.token_id))
    return dataclasses.replace(tokenizer, settings=dataclasses.replace(settings, added_tokens=ordered))

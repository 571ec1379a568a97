"""What an exported model's signatures are called."""

from __future__ import annotations

TEXT_SIGNATURE, TOKEN_SIGNATURE, TOKENIZER_SIGNATURE = "serving_default", "token_ids", "tokenize"

EMBEDDING_SIGNATURE = "embedding"

EVALUATION_SIGNATURE, TRANSFORM_SIGNATURE = "predict_examples", "transform_features"
"""What an exported model answers to, see `exported.Exported`."""

TOKENS_AT_A_TIME = 2048
"""Tokens, padding included, in a pass of the exported encoder over many rows."""

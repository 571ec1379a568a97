"""Names of an exported model's signatures; `signatures.Exported` says what each takes and returns."""

from __future__ import annotations

TEXT_SIGNATURE, TOKEN_SIGNATURE, TOKENIZER_SIGNATURE = "serving_default", "token_ids", "tokenize"

EMBEDDING_SIGNATURE, WORDS_SIGNATURE = "embedding", "tokens"

EVALUATION_SIGNATURE, TRANSFORM_SIGNATURE = "predict_examples", "transform_features"

TOKENS_AT_A_TIME = 2048
"""Tokens, padding included, in a pass of the exported encoder over many rows."""

TOKENS_AT_A_TIME_IN_ONNX = 512
"""The same of an ONNX export: what its nodes hand on stays in a core's cache, in 8 bits a tenth faster than 2048."""

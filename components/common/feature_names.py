"""Names that the stages share: the features of a row, raw and transformed."""

from __future__ import annotations

LABEL = "label"
"""Raw feature: what a row is labelled with, bytes[1], or float[1] where that is a number; texts: `Task.texts`."""

SENTENCES = "sentences"
"""Raw feature of a document, the only one of it: its sentences in their order, bytes[sentences]."""

TOKEN_IDS = "token_ids"  # noqa: S105
"""Transformed feature: int64[length], [CLS] ... [SEP], unpadded."""

TARGET = "label_target"
"""Transformed feature: the label as the loss wants it. Shape and dtype are the task's: for classes, int64[1]."""

WORD_IDS = "word_ids"
"""Transformed feature where each word is labelled: int64[length], the index of the word that a token begins, or -1."""

LENGTH_BUCKET = "text_length"
"""Transformed feature: bytes[1], the number of tokens as a range, for slices."""

RESERVED = frozenset({"text", "text_a", "text_b", "tokens", LABEL, TOKEN_IDS, TARGET, WORD_IDS, LENGTH_BUCKET})
"""Names that a column carried along for slicing cannot have."""

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

OFFSETS = "token_offsets"
"""Transformed feature where the answer is a part of a text: int64[2 * length], of each token the first character of its
word in that text and the one behind the word's last; -1 twice for a token of no such word."""

ANSWER_TEXTS = "answer_texts"
"""Transformed feature, likewise: int64[characters], the code points of the text as far as tokens of it are seen, then a
0 and those of an answer, for each right answer."""

LENGTH_BUCKET = "text_length"
"""Transformed feature: bytes[1], the number of tokens as a range, for slices."""

RESERVED = frozenset(
    {"text", "text_a", "text_b", "tokens", "question", "context"}
    | {LABEL, TOKEN_IDS, TARGET, WORD_IDS, OFFSETS, ANSWER_TEXTS, LENGTH_BUCKET}
)
"""Names that a column carried along for slicing cannot have; nor can it have those of the task's texts."""

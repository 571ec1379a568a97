"""What text classification is, to every stage: the features of a row, the names of the classes, the signatures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

TEXT = "text"
"""Raw feature: the text, bytes[1]."""
LABEL = "label"
"""Raw feature: the label's name, bytes[1]."""
TOKEN_IDS = "token_ids"  # noqa: S105
"""Transformed feature: int64[length], [CLS] ... [SEP], unpadded."""
LABEL_ID = "label_id"
"""Transformed feature: int64[1], index into the label names."""
LENGTH_BUCKET = "text_length"
"""Transformed feature: bytes[1], the number of tokens as a range, for slices."""
RESERVED = frozenset({TEXT, LABEL, TOKEN_IDS, LABEL_ID, LENGTH_BUCKET})
"""Names that a column carried along for slicing cannot have."""

TEXT_SIGNATURE, TOKEN_SIGNATURE, TOKENIZER_SIGNATURE = "serving_default", "token_ids", "tokenize"
EVALUATION_SIGNATURE, TRANSFORM_SIGNATURE = "predict_examples", "transform_features"
"""What an exported model answers to, see `signatures.Exported`."""
TOKENS_AT_A_TIME = 2048
"""Tokens, padding included, in a pass of the exported encoder over many rows."""

_LABELS_FILE = "labels.txt"


def write_labels(directory: str | Path, names: Sequence[str]) -> None:
    """Writes the label names, one a line in the order of their ids, beside an artifact."""
    Path(directory, _LABELS_FILE).write_text("".join(f"{name}\n" for name in names), encoding="utf-8", newline="\n")


def read_labels(directory: str | Path) -> list[str]:
    """The label names in the order of their ids, from beside an artifact."""
    # Not `read_text`, which would take a lone carriage return within a name for the end of a line.
    return Path(directory, _LABELS_FILE).read_bytes().decode().split("\n")[:-1]

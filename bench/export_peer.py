"""An export for Hugging Face in PyTorch, row by row; runs in the peer's environment, see `bench.export`.

python export_peer.py DIRECTORY ROWS.json LOGITS.npz rows|tokens
"""

from __future__ import annotations

import json
import sys

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer


def main(directory: str, rows: str, out: str, kind: str) -> None:
    """Writes `NUMBER/ids` and `NUMBER/logits` of each row."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    of_kind = AutoModelForTokenClassification if kind == "tokens" else AutoModelForSequenceClassification
    model = of_kind.from_pretrained(directory).eval()
    found: dict[str, np.ndarray] = {}
    with open(rows, encoding="utf-8") as file:  # noqa: PTH123
        given = json.load(file)
    with torch.inference_mode():
        for number, texts in enumerate(given):
            encoded = tokenizer(*texts, truncation=True, return_tensors="pt")
            found[f"{number}/ids"] = encoded["input_ids"][0].numpy()
            found[f"{number}/logits"] = model(**encoded).logits[0].numpy()
    np.savez(out, allow_pickle=False, **found)
    print(json.dumps({"rows": len(given)}))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""An export for Hugging Face in PyTorch, row by row; runs in the peer's environment, see `bench.export`.

    python -m bench.export_peer DIRECTORY ROWS.json LOGITS.npz rows|tokens|spans|mean|cls

`spans`: of each token the logits that an answer begins and ends there. `mean` and `cls`: the unit vectors of texts, by
that pooling, in place of logits.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import torch
from transformers import (
    AutoModel,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

_CLASSES = {
    "rows": AutoModelForSequenceClassification,
    "tokens": AutoModelForTokenClassification,
    "spans": AutoModelForQuestionAnswering,
}


def main(directory: str, rows: str, out: str, kind: str) -> None:
    """Writes `NUMBER/ids` and `NUMBER/logits` of each row."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = _CLASSES.get(kind, AutoModel).from_pretrained(directory).eval()
    found: dict[str, np.ndarray] = {}
    with open(rows, encoding="utf-8") as file:  # noqa: PTH123
        given = json.load(file)
    with torch.inference_mode():
        for number, texts in enumerate(given):
            encoded = tokenizer(*texts, truncation=True, return_tensors="pt")
            found[f"{number}/ids"] = encoded["input_ids"][0].numpy()
            answered = model(**encoded)
            if kind == "spans":
                both = torch.stack([answered.start_logits[0], answered.end_logits[0]], dim=-1)
                found[f"{number}/logits"] = both.numpy()
            elif kind in _CLASSES:
                found[f"{number}/logits"] = answered.logits[0].numpy()
            else:
                states = answered.last_hidden_state[0]
                pooled = states.mean(0) if kind == "mean" else states[0]
                found[f"{number}/logits"] = torch.nn.functional.normalize(pooled, dim=0).numpy()
    np.savez(out, allow_pickle=False, **found)
    print(json.dumps({"rows": len(given)}))


if __name__ == "__main__":
    main(*sys.argv[1:])

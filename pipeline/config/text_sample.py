"""How some rows of each split fit the tokenizer, for `check`: a second's work in plain Python, no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from components.rows.text_statistics import Counter, TextStatistics
from components.tasks import Task
from components.tokenization.coverage import Coverage
from components.tokenization.plain import PlainWordPiece
from pipeline.config.preflight import Checked


def text_sample(checked: Checked, drawn: Mapping[str, Sequence[tuple[str, ...]]]) -> dict[str, TextStatistics]:
    """Split -> the statistics of some of its rows.

    Args:
        checked: the config.
        drawn: split -> the texts of these rows, of which there is one at least.
    """
    task = checked.task
    tokenize, coverage = PlainWordPiece(checked.tokenizer), Coverage(checked.tokenizer)
    found = {}
    for split, rows in drawn.items():
        counter = Counter(coverage, checked.run.model.most_tokens, len(task.texts) if task.bi_encoder else 1)
        counter.add(*_tokens(rows, task, tokenize))
        if (statistics := counter.statistics()) is not None:
            found[split] = statistics
    return found


def _tokens(
    rows: Sequence[Sequence[str]], task: Task, tokenize: PlainWordPiece
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Rows as `Counter.add` takes them."""
    labelled = None
    if task.per_token:
        tagged = [tokenize.words(text.split(" ")) for (text,) in rows]
        ids, labelled = [ids for ids, _ in tagged], np.concatenate([begins for _, begins in tagged])
    else:
        ids = [tokenize(texts) for row in rows for texts in ([[text] for text in row] if task.bi_encoder else [row])]
    return np.concatenate(ids), np.array([len(one) for one in ids]), labelled

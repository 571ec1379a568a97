"""How the first rows of each split fit the tokenizer, for `check`: a second's work in plain Python, no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from components.rows import reader, tsv
from components.rows.text_statistics import Counter, TextStatistics
from components.tasks import Task
from components.tokenization.coverage import Coverage
from components.tokenization.plain import PlainWordPiece
from pipeline.config.preflight import PREFLIGHT_ROWS, Checked

_MOST_CHARACTERS = 2_000_000
"""Of a split's texts: long ones take more than a moment."""


def text_sample(checked: Checked) -> dict[str, TextStatistics]:
    """Split -> the statistics of at most `PREFLIGHT_ROWS` of its rows, the first that are good in each file."""
    data, task = checked.run.data, checked.task
    tokenize, coverage = PlainWordPiece(checked.tokenizer), Coverage(checked.tokenizer)
    rows: dict[str, list[Sequence[str]]] = {split: [] for split in data.splits}
    characters = dict.fromkeys(data.splits, 0)
    for of_file, path in checked.files:
        if of_file is not None and len(rows[of_file]) == PREFLIGHT_ROWS:
            continue
        for row in islice(reader.read_rows(path, of_file, data, task.check_row), PREFLIGHT_ROWS):
            if isinstance(row, tsv.BadRow):
                continue
            if len(rows[row.split]) < PREFLIGHT_ROWS and characters[row.split] < _MOST_CHARACTERS:
                rows[row.split].append(row.texts)
                characters[row.split] += sum(map(len, row.texts))
    found = {}
    for split, texts in rows.items():
        counter = Counter(coverage, checked.run.model.most_tokens, len(task.texts) if task.bi_encoder else 1)
        if texts:
            counter.add(*_tokens(texts, task, tokenize))
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

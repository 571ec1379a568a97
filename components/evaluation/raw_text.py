"""A tagger measured as it is used: on running text, where Examples have words.

Each row's words are printed, the served model reads the text, and an entity is right if its type and its first and last
character are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from components.evaluation.split_examples import Sentence
from components.tasks.metrics import precision_recall_f1
from components.tasks.tagging import entities
from components.tokenization.printed import printed

Predict = Callable[[Iterable[tuple[str]]], Iterator[dict[str, Any]]]
"""Texts -> what `Tagging.to_json` makes of each, in order."""


def counts(sentences: Iterable[Sentence], predict: Predict) -> np.ndarray:
    """Entities that are right, that are predicted and that there are, in each sentence, int64[n, 3].

    Args:
        sentences: words and tags.
        predict: the served model; it may read ahead.
    """
    gold, texts = itertools.tee(_as_text(words, tags) for words, tags in sentences)
    found = []
    answers = predict((text,) for text, _ in texts)
    for (_, theirs), answer in zip(gold, answers, strict=True):
        ours = {(one["type"], one["begin"], one["end"]) for one in answer["entities"]}
        found.append((len(ours & theirs), len(ours), len(theirs)))
    return np.array(found, np.int64).reshape(-1, 3)


def f1(of_rows: np.ndarray) -> float:
    """Of all entities, of what `counts` gave."""
    return precision_recall_f1(*map(int, of_rows.sum(axis=0)))[2]


def _as_text(words: list[str], tags: list[str]) -> tuple[str, set[tuple[str, int, int]]]:
    text, begins = printed(words)
    ends = [begin + len(word) for begin, word in zip(begins, words, strict=True)]
    return text, {(kind, begins[first], ends[behind - 1]) for kind, first, behind in entities(tags)}

"""A tagger measured as it is used: on running text, where Examples have words.

Each row's words are printed, the served model reads the text, and an entity is right if its type and its first and last
character are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from components.evaluation.sentences import Sentence
from components.tasks.metrics import precision_recall_f1
from components.tasks.tagging import entities
from components.tokenization.printed import printed

Predict = Callable[[Iterable[tuple[str]]], Iterator[dict[str, Any]]]
"""Texts -> what `Tagging.to_json` makes of each, in order."""


def f1(sentences: Iterable[Sentence], predict: Predict) -> float:
    """F1 of all entities.

    Args:
        sentences: words and tags.
        predict: the served model; it may read ahead.
    """
    gold, texts = itertools.tee(_as_text(words, tags) for words, tags in sentences)
    hits = predicted = actual = 0
    found = predict((text,) for text, _ in texts)
    for (_, theirs), answer in zip(gold, found, strict=True):
        ours = {(one["type"], one["begin"], one["end"]) for one in answer["entities"]}
        hits, predicted, actual = hits + len(ours & theirs), predicted + len(ours), actual + len(theirs)
    return precision_recall_f1(hits, predicted, actual)[2]


def _as_text(words: list[str], tags: list[str]) -> tuple[str, set[tuple[str, int, int]]]:
    text, begins = printed(words)
    ends = [begin + len(word) for begin, word in zip(begins, words, strict=True)]
    return text, {(kind, begins[first], ends[behind - 1]) for kind, first, behind in entities(tags)}

"""How near an answer in words is to the right ones: exact match and F1 as the evaluation script of SQuAD 2.0 has them.

Rajpurkar et al. 2018, "Know What You Don't Know: Unanswerable Questions for SQuAD", arXiv:1806.03822.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_PUNCTUATION = frozenset(string.punctuation)

_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)


def normalized(answer: str) -> str:
    """Lower case without ASCII's punctuation and without English articles, one space between words."""
    without = "".join(character for character in answer.lower() if character not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", without).split())


def exact_match(answer: str, gold: str) -> float:
    """1 where nothing but case, punctuation, articles and white space parts the two, else 0."""
    return float(normalized(answer) == normalized(gold))


def f1(answer: str, gold: str) -> float:
    """Harmonic mean of precision and recall of the words, each as often as it occurs; of none, whether both are."""
    ours, theirs = normalized(answer).split(), normalized(gold).split()
    if not ours or not theirs:
        return float(ours == theirs)
    shared = sum((Counter(ours) & Counter(theirs)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(ours), shared / len(theirs)
    return 2 * precision * recall / (precision + recall)


def best(answer: str, golds: Sequence[str]) -> tuple[float, float]:
    """Exact match and F1 with the right answer that is the nearest in each; without any, none is the right one.

    Right answers of which nothing is left by normalising do not count.
    """
    counted = [gold for gold in golds if normalized(gold)] or [""]
    return max(exact_match(answer, gold) for gold in counted), max(f1(answer, gold) for gold in counted)

"""Texts that a model wrote beside those it should have: counts of each row, from whose sums metrics follow.

BLEU and chrF are sacrebleu's, with its defaults (BLEU: 13a tokens, exponential smoothing; chrF2: 6 characters, no
words), from 0 to 1. ROUGE-1, -2 and -L (Lin 2004) are the mean of each row's F1, over words of letters and digits in
lower case, without stemming, as Google's rouge-score has it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_WORD = re.compile(r"[^\W_]+")

_CHRF_ORDER, _BETA = 6, 2.0

ROUGES = ("rouge_1", "rouge_2", "rouge_l")


def corpus_counts(texts: Sequence[str], targets: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """What BLEU and chrF add up, float64[n, 10] and float64[n, 18], of texts and the targets beside them."""
    import numpy as np

    if not texts:
        return np.zeros((0, 10)), np.zeros((0, 3 * _CHRF_ORDER))
    bleu, chrf = _measures()
    # sacrebleu's own corpus scores are made of these sums; it is pinned, and a test compares.
    of_bleu = np.array(bleu._extract_corpus_statistics(list(texts), [list(targets)]), float)
    of_chrf = np.array(chrf._extract_corpus_statistics(list(texts), [list(targets)]), float)
    return of_bleu.reshape(len(texts), -1), of_chrf.reshape(len(texts), -1)


@lru_cache(maxsize=1)
def _measures() -> tuple[Any, Any]:
    from sacrebleu.metrics import BLEU, CHRF

    # By force it does not warn of texts that end in ` .`, which train may have so.
    return BLEU(force=True), CHRF()


def bleu(sums: np.ndarray) -> np.ndarray:
    """BLEU of the sums of `corpus_counts`, float64[..., 10], by their last axis: lengths, then four hits and totals."""
    import numpy as np

    written, wanted, hits, totals = sums[..., 0], sums[..., 1], sums[..., 2:6], sums[..., 6:10]
    # Exponential smoothing (Chen & Cherry 2014, technique 3): each order without a hit counts half of the one before.
    missing = np.cumsum((hits == 0) & (totals > 0), axis=-1)
    shares = np.divide(hits, totals, out=np.zeros_like(totals), where=totals > 0)
    shares = np.where((hits == 0) & (totals > 0), 1 / (2.0**missing * np.maximum(totals, 1e-12)), shares)
    with np.errstate(divide="ignore"):
        mean = np.exp(np.log(shares).mean(axis=-1))
    shortness = np.exp(np.minimum(0.0, 1 - wanted / np.maximum(written, 1e-12)))
    found: np.ndarray = np.where((hits.sum(axis=-1) > 0) & (totals[..., -1] > 0), mean * shortness, 0.0)
    return found


def chrf(sums: np.ndarray) -> np.ndarray:
    """chrF of the sums of `corpus_counts`, float64[..., 18]: of each order the n-grams written, wanted and common."""
    import numpy as np

    written, wanted, hits = (sums[..., part::3] for part in range(3))
    there = (written > 0) & (wanted > 0)
    orders = np.maximum(there.sum(axis=-1), 1)
    precision, recall = (
        np.divide(hits, of, out=np.zeros_like(hits), where=there).sum(axis=-1) / orders for of in (written, wanted)
    )
    factor = _BETA**2
    both = factor * precision + recall
    found: np.ndarray = np.where(both > 0, (1 + factor) * precision * recall / np.where(both > 0, both, 1.0), 0.0)
    return found


def rouge(text: str, target: str) -> tuple[float, float, float]:
    """ROUGE-1, -2 and -L of one text, F1."""
    written, wanted = (_WORD.findall(one.lower()) for one in (text, target))
    counted = [
        [Counter(zip(*(words[place:] for place in range(size)), strict=False)) for words in (written, wanted)]
        for size in (1, 2)
    ]
    shared = [((ours & theirs).total(), ours.total(), theirs.total()) for ours, theirs in counted]
    first, second, longest = (
        _f1(*counts) for counts in (*shared, (_common(written, wanted), len(written), len(wanted)))
    )
    return first, second, longest


def _f1(hits: int, written: int, wanted: int) -> float:
    return 2 * hits / (written + wanted) if hits else 0.0


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence, a bit a word of the other one.

    Hyyrö 2004, "Bit-Parallel LCS-length Computation Revisited", figure 3: sources that are copied may be long articles.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(other):
        places[word] = places.get(word, 0) | 1 << place
    every = (1 << len(other)) - 1
    open_places = every
    for word in one:
        matched = open_places & places.get(word, 0)
        open_places = (open_places + matched | open_places - matched) & every
    return len(other) - open_places.bit_count()

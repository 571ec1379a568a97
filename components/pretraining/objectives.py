"""What a pre-training learns, as a task: metrics on held-out documents and how they come from what is counted."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from components.tasks.base import Task
from components.tasks.metrics import Metric, ratio

LOSS = Metric("mlm_loss", "mean cross entropy of hidden tokens, in nats", higher_is_better=False, upper_bound=None)
ACCURACY = Metric("mlm_accuracy", "of the hidden tokens, the share that is the most probable one")
PERPLEXITY = Metric(
    "perplexity", "e to the power of mlm_loss", higher_is_better=False, lower_bound=1.0, upper_bound=None
)
NEXT = Metric("nsp_accuracy", "of the pairs of texts, the share told rightly: does the second one follow the first")

PRETRAINED_FILE = "pretrained.json"
"""Beside a model that was pre-trained: of what, and which parts began with random values."""

UNIGRAM, REFERENCE = "unigram", "reference"
"""What a model is measured beside: telling tokens by how often they stand in train; the base model that it went on
from."""


class MaskedTokens(Task):
    """Hidden tokens alone.

    Predictions are sums of each row, float32[n, 5]: cross entropy, number and hits of its hidden tokens, loss and hit
    of its next sentence.
    """

    name: ClassVar[str] = "pretraining"
    has_label_names: ClassVar[bool] = False
    metrics: ClassVar[tuple[Metric, ...]] = (LOSS, ACCURACY, PERPLEXITY)

    def loss_weight(self, targets: np.ndarray) -> int:
        """A part's loss is what it adds to the whole batch's; one without rows adds nothing."""
        return min(1, len(targets))

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Of all rows."""
        losses, hidden, hits, _, _ = predictions.astype(np.float64).sum(axis=0)
        loss = ratio(losses, hidden)
        # Of a loss that is too large for that there is no perplexity to speak of.
        return {LOSS.name: loss, ACCURACY.name: ratio(hits, hidden), PERPLEXITY.name: math.exp(min(loss, 700.0))}


class MaskedTokensAndNextSentences(MaskedTokens):
    """Both objectives."""

    metrics: ClassVar[tuple[Metric, ...]] = (*MaskedTokens.metrics, NEXT)

    def compute_metrics(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
        """Of all rows."""
        hits = ratio(float(predictions[:, 4].astype(np.float64).sum()), len(predictions))
        return super().compute_metrics(targets, predictions) | {NEXT.name: hits}


def task(next_sentence: bool) -> MaskedTokens:
    """What is learned, with next sentences or without."""
    return MaskedTokensAndNextSentences() if next_sentence else MaskedTokens()

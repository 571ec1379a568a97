"""Which labels are likely wrong, by what was predicted for rows that the predicting model had not learned from.

How many there are follows from confident learning (Northcutt, Jiang & Chuang 2021, arXiv:1911.00068), as cleanlab has
it: how often a row is predicted to be of another class at least as surely as that class's own rows are on average.
Which ones, and in what order, from the probability of the label they have: measured by bench/label_errors.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_SPREADS = 3.0
"""Of numbers: from how many times the usual deviation on a label is suspected."""

_OF_NORMAL = 1.4826
"""What a median absolute deviation is multiplied by to be a standard deviation, where errors are normal."""


class Found(NamedTuple):
    """The suspected ones, worst first."""

    places: np.ndarray
    """int64[m], of the values that were judged."""
    quality: np.ndarray
    """float64[m]: how likely the label is, 0 to 1; of numbers how far it is off, in the labels' unit."""


def of_classes(targets: np.ndarray, probabilities: np.ndarray, judged: np.ndarray) -> Found:
    """Suspected classes.

    Args:
        targets: int[n], the class of each row.
        probabilities: float[n, k].
        judged: bool[n]: those that may be suspected.
    """
    from cleanlab.filter import find_label_issues

    places = np.flatnonzero(judged)
    labels, predicted = targets[places].astype(np.int64), np.asarray(probabilities[places], np.float64)
    if len(np.unique(labels)) < 2:
        # With one class there is nothing that it could be taken for.
        return Found(np.zeros(0, np.int64), np.zeros(0))
    predicted /= predicted.sum(axis=1, keepdims=True)
    count = int(find_label_issues(labels, predicted, filter_by="low_self_confidence", n_jobs=1).sum())
    quality = predicted[np.arange(len(labels)), labels]
    worst = np.argsort(quality, kind="stable")[:count]
    # Of many classes the given one may be the most probable, and improbable.
    worst = worst[predicted[worst].argmax(axis=1) != labels[worst]]
    return Found(places[worst], quality[worst])


def of_labels(targets: np.ndarray, scores: np.ndarray, judged: np.ndarray) -> Found:
    """Suspected decisions where a row has any number of labels, each label by itself.

    Args:
        targets: int[n, k], 1 for the labels of a row.
        scores: float[n, k].
        judged: bool[n, k].

    Returns:
        Places in the flat array, row * k + label.
    """
    count = targets.shape[1]
    places, quality = [np.zeros(0, np.int64)], [np.zeros(0)]
    for label, (column, score, known) in enumerate(zip(targets.T, scores.T, judged.T, strict=True)):
        found = of_classes(column, np.stack([1 - score, score], axis=1), known)
        places.append(found.places * count + label)
        quality.append(found.quality)
    every, of_each = np.concatenate(places), np.concatenate(quality)
    worst = np.lexsort((every, of_each))
    return Found(every[worst], of_each[worst])


def of_numbers(targets: np.ndarray, predicted: np.ndarray) -> Found:
    """Suspected numbers: those whose residual is far from the others'.

    There is no confident learning of numbers: a label is suspected whose residual is `_SPREADS` times the usual
    deviation away from their median.

    Args:
        targets: float[n].
        predicted: float[n].
    """
    residuals = targets - predicted
    off = np.abs(residuals - np.median(residuals))
    usual = _OF_NORMAL * np.median(off)
    places = np.flatnonzero(off > _SPREADS * usual)
    worst = places[np.argsort(-off[places], kind="stable")]
    return Found(worst, off[worst])

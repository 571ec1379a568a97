"""How sure a model may be, and from where on it decides: found on dev, and measured there on rows that did not choose.

One rule holds for all that is found here: what is told of it comes from cross-fitting. Dev is dealt to `FOLDS` parts;
what is told of the rows of one is of the temperature, the thresholds or the bound that the rows of the others gave.
What the model gets is found on all of dev.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from components.verdict.calibration_error import bins_of

FOLDS = 5

_LEAST = 1e-30
"""For the logarithm of a probability that float32 has as 0."""

_SPREAD = 0.5
"""Standard deviation of the logarithm of the temperature before a row was seen, its mean 0: some hundred rows outweigh
it, but of a few rows that are all right none makes a model certain."""

_HIGHEST = 4.0
"""Of that logarithm, up or down: a temperature of 0.02 or 55."""

_PULL = 0.5
"""What a threshold loses of F1, over the label's rows, for each squared unit of logit away from where it was: of ten
rows 0.05, of a hundred 0.005, so that a rare label's threshold does not go after single rows."""

_GRID = np.append(np.round(np.arange(0.999, 0.0, -0.001), 3), 0.0)
"""Bounds on the probability that are tried, strict ones first."""

_STARTS = (0.0, 0.2)
"""The shares of rows that a sequence of them begins with, at least. With both some bound is found more often than with
either: of 600 generated rows, 74% of which are right, with an error of 0.1, in 89 of 100 samples."""

NOTHING = 2.0
"""A bound that no probability reaches."""

Found = TypeVar("Found")


def folds(groups: np.ndarray) -> np.ndarray:
    """Which part each row is in, int[rows].

    Args:
        groups: int[rows] from 0: rows of one group go together, as words of one sentence do.
    """
    return groups % FOLDS


def cross_fitted(
    fit: Callable[[np.ndarray], Found], give: Callable[[Found, np.ndarray], np.ndarray], parts: np.ndarray
) -> np.ndarray:
    """What each row is given by what the other parts' rows found.

    Args:
        fit: which rows, bool[rows] -> what they find.
        give: that, and which rows -> what these are given, [those rows, ...].
        parts: int[rows].
    """
    pieces = [(parts == part, give(fit(parts != part), parts == part)) for part in np.unique(parts)]
    made = np.zeros((len(parts), *pieces[0][1].shape[1:]), pieces[0][1].dtype)
    for which, values in pieces:
        made[which] = values
    return made


# Probabilities of classes.


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits / temperature), float64[n, k], of what softmax(logits) is: the most probable class stays it."""
    scaled = np.log(np.maximum(probabilities.astype(np.float64), _LEAST)) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    made: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return made


def log_loss(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Mean cross-entropy in nats."""
    own = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(own, _LEAST)).mean())


def temperature(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """The temperature of the least loss (Guo et al. 2017, section 4.2), drawn towards 1 by as much as one row weighs.

    Args:
        probabilities: float[n, k], softmax of the logits.
        targets: int[n], ids of the classes; without rows the temperature is 1.
    """
    from scipy import optimize

    if not len(targets):
        return 1.0

    def cost(logarithm: float) -> float:
        own = log_loss(tempered(probabilities, float(np.exp(logarithm))), targets)
        return own + (logarithm / _SPREAD) ** 2 / (2 * len(targets))

    found = optimize.minimize_scalar(cost, bounds=(-_HIGHEST, _HIGHEST), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def reliability(probabilities: np.ndarray, targets: np.ndarray) -> list[dict[str, float]]:
    """By bins of the most probable class's probability: `rows`, their mean `confidence` and `accuracy`."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    places = bins_of(confidence)
    found = []
    for place in np.unique(places):
        of_bin = places == place
        means = {"confidence": float(confidence[of_bin].mean()), "accuracy": float(right[of_bin].mean())}
        found.append({"rows": int(of_bin.sum()), **means})
    return found


def calibration_error(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """The expected calibration error (ECE) by bins: how far confidence is from accuracy, in the mean."""
    bins = reliability(probabilities, targets)
    off = sum(one["rows"] * abs(one["confidence"] - one["accuracy"]) for one in bins)
    return float(off / max(1, len(targets)))


# Thresholds of labels.


def threshold(scores: np.ndarray, actual: np.ndarray, usual: float) -> float:
    """The score from which on a label is best given: the highest F1 on these rows, drawn towards the usual threshold.

    Args:
        scores: float[n], 0 to 1.
        actual: bool[n].
        usual: the threshold otherwise; a label without rows keeps it.
    """
    positives = int(actual.sum())
    if not positives:
        return usual
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order].astype(np.float64)
    hits, given = np.cumsum(actual[order]), np.arange(1, len(scores) + 1)
    # Between a score and the next lower one; equal scores cannot be parted.
    below = np.append(ranked[1:], 0.0)
    between = (ranked + below) / 2
    f1 = 2 * hits / (given + positives)
    # Where it is, the usual threshold is one of them.
    at_usual = int((ranked >= usual).sum())
    f1_usual = 2 * (hits[at_usual - 1] if at_usual else 0) / (at_usual + positives)
    values = np.append(f1[ranked > below], f1_usual)
    places = np.append(between[ranked > below], usual)
    far = _logit(places) - _logit(np.array(usual))
    return float(places[np.argmax(values - _PULL * far**2 / positives)])


def _logit(share: np.ndarray) -> np.ndarray:
    clipped = np.clip(share, 1e-6, 1 - 1e-6)
    made: np.ndarray = np.log(clipped / (1 - clipped))
    return made


def thresholds(scores: np.ndarray, actual: np.ndarray, usual: float) -> np.ndarray:
    """`threshold` of each label, float64[k]: the median of those that the rows without one part each find.

    Args:
        scores: float[n, k].
        actual: bool[n, k].
        usual: of all labels otherwise.
    """
    parts = folds(np.arange(len(scores)))
    found = [
        [threshold(of_label[parts != part], own[parts != part], usual) for part in np.unique(parts)]
        for of_label, own in zip(scores.T, actual.T, strict=True)
    ]
    return np.array([float(np.median(one)) for one in found])


# Answering only what is sure enough.


@dataclass(frozen=True, slots=True)
class Abstention:
    """From where on rows are answered, and how these fare."""

    answered_from: float
    """The least probability of the most probable class; `NOTHING` where no bound holds."""
    coverage: float
    """The share of rows that are answered, by cross-fitting."""
    errors: int
    """Of the answered rows, by cross-fitting."""
    answered: int
    of: int
    """All rows."""
    bound: float
    """What the share of errors is at most, at the confidence (Clopper & Pearson 1934), by these counts."""


def most_errors(errors: np.ndarray, answered: np.ndarray, confidence: float) -> np.ndarray:
    """The upper ends of one-sided Clopper-Pearson intervals of shares; 1 without rows."""
    from scipy import stats

    known = errors < answered
    ends = stats.beta.ppf(confidence, errors + 1, np.where(known, answered - errors, 1))
    made: np.ndarray = np.where(known, ends, 1.0)
    return made


def answered_from(confidences: np.ndarray, right: np.ndarray, error: float, confidence: float) -> float:
    """The lowest bound on the probability such that answered rows err at most so often, at a confidence.

    Bounds of a grid that no row chose are tested one after the other, strict ones first, until one fails: the last that
    passed holds at this confidence however many were tested (fixed sequence testing; Angelopoulos et al. 2021, arXiv
    2110.01052, section 2.3). A sequence that begins with few rows may fail by chance at once, so there are two, which
    share what is left to chance; where they begin follows from how many rows are answered alone.

    Args:
        confidences: float[n], the most probable class's probability.
        right: bool[n], whether it is the row's.
        error: the share of errors that is allowed, between 0 and 1.
        confidence: of that.
    """
    order = np.argsort(confidences)
    ranked, wrong = confidences[order], np.append(np.cumsum(~right[order][::-1])[::-1], 0)
    first = np.searchsorted(ranked, _GRID, side="left")
    answered, errors = len(ranked) - first, wrong[first]
    each = 1 - (1 - confidence) / len(_STARTS)
    passed = most_errors(errors, answered, each) <= error
    # Twice as many rows as would show it without an error.
    enough = 2 * np.log(1 - each) / np.log(1 - error)
    found = NOTHING
    for share in _STARTS:
        begins = answered >= max(enough, share * len(ranked))
        place = int(np.argmax(begins)) if begins.any() else len(passed)
        ends = place + int(np.argmin(np.append(passed[place:], False)))
        found = min([found, *_GRID[place:ends].tolist()])
    return found


def abstention(
    probabilities: np.ndarray, targets: np.ndarray, parts: np.ndarray, error: float, confidence: float
) -> Abstention:
    """Of probabilities that are cross-fitted already.

    Args:
        probabilities: float[n, k].
        targets: int[n].
        parts: int[n], of `folds`.
        error: the share of errors among the answered rows that is allowed.
        confidence: of that.
    """
    confidences, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets

    def fit(which: np.ndarray) -> float:
        return answered_from(confidences[which], right[which], error, confidence)

    answers = cross_fitted(fit, lambda bound, which: confidences[which] >= bound, parts)
    answered, errors = int(answers.sum()), int((answers & ~right).sum())
    every = np.ones(len(targets), bool)
    bound = float(most_errors(np.array(errors), np.array(answered), confidence))
    return Abstention(fit(every), answered / max(1, len(targets)), errors, answered, len(targets), bound)


def class_figures(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """`loss`, `ece` and the bins behind it."""
    return {
        "loss": log_loss(probabilities, targets),
        "ece": calibration_error(probabilities, targets),
        "reliability": reliability(probabilities, targets),
    }

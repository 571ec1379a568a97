"""What heads that have not seen a row predict for it: one head a fold, over states that an encoder gave once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from components.common.errors import InputError
from components.common.progress import progress

FOLDS = 5

_STRENGTHS = (0.001, 0.01, 0.1, 1.0)
"""What scikit-learn calls C, of which the one with the least held-out loss is taken."""

_MOST_FITTED = 50_000
"""States that a head is fitted to; of more it is fitted to a sample."""

_STEPS = 300
"""Of the solver, at most."""

_ROWS = 1 << 16
"""That a head predicts together."""


class HeldOut(NamedTuple):
    """What was predicted."""

    values: np.ndarray
    """Probabilities float64[n, k], scores float64[n, k] or numbers float64[n]."""
    judged: np.ndarray
    """bool of `values`, of classes bool[n]: whether the head that predicted it had seen its label on other rows."""


def folds(strata: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each row, int64[n].

    Args:
        strata: int[n], of which each fold gets about the same share.
        groups: int[n]; rows of one group are in one fold, so that no head has seen the text that it judges.
        seed: of the draw.

    Raises:
        InputError: there are fewer groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if (different := len(np.unique(groups))) < FOLDS:
        problem = f"train has {different} different text{'s' * (different != 1)}, at least {FOLDS} are needed"
        raise InputError("label-errors", problem, "Add rows, or name another split by --split")
    found = np.zeros(len(strata), np.int64)
    # scikit-learn 1.5 shuffles the groups' counts and not the groups: they are numbered by chance instead.
    numbers = np.random.default_rng(seed).permutation(different)[np.unique(groups, return_inverse=True)[1]]
    if np.unique(strata, return_counts=True)[1].max() < FOLDS:
        # It refuses strata that are all too small for each fold to get a row of them.
        strata = np.zeros_like(strata)
    dealt = StratifiedGroupKFold(FOLDS)
    with warnings.catch_warnings():
        # A class may have fewer rows than there are folds.
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, held) in enumerate(dealt.split(np.zeros(len(strata)), strata, numbers)):
            found[held] = number
    return found


def of_classes(states: np.ndarray, targets: np.ndarray, classes: int, fold: np.ndarray, seed: int) -> HeldOut:
    """Probabilities of classes, by logistic regression.

    Args:
        states: float32[n, hidden].
        targets: int[n], the classes.
        classes: how many there are.
        fold: int[n].
        seed: of the sample that heads are fitted to.
    """
    found = [np.zeros((len(targets), classes)) for _ in _STRENGTHS]
    judged = np.zeros(len(targets), bool)
    losses = np.zeros(len(_STRENGTHS))
    for fitted, held in _parts(fold, seed):
        known = np.unique(targets[fitted])
        seen = held[np.isin(targets[held], known)]
        judged[seen] = True
        heads = _heads(states, fitted, targets[fitted])
        for number, head in enumerate(heads):
            for some in _pieces(held):
                of_known = np.ones((len(some), 1)) if head is None else head.predict_proba(_scaled(states[some]))
                found[number][np.ix_(some, known)] = of_known
            given = found[number][seen, targets[seen]]
            losses[number] -= np.log(np.maximum(given, np.finfo(float).tiny)).sum()
    return HeldOut(found[int(losses.argmin())], judged)


def of_labels(states: np.ndarray, targets: np.ndarray, fold: np.ndarray, seed: int) -> HeldOut:
    """Scores of any number of labels a row, each by itself; `targets` int[n, k] are 1 for the labels of a row."""
    found = [of_classes(states, column, 2, fold, seed) for column in targets.T]
    return HeldOut(
        *(np.stack(parts, axis=1) for parts in zip(*((f.values[:, 1], f.judged) for f in found), strict=True))
    )


def of_numbers(states: np.ndarray, targets: np.ndarray, fold: np.ndarray, seed: int) -> HeldOut:
    """Numbers, by ridge regression, whose strength is chosen by leaving out one row after the other of those fitted."""
    from sklearn.linear_model import RidgeCV

    found = np.zeros(len(targets))
    for fitted, held in _parts(fold, seed):
        head = RidgeCV(alphas=[1 / strength for strength in _STRENGTHS]).fit(_scaled(states[fitted]), targets[fitted])
        for some in _pieces(held):
            found[some] = head.predict(_scaled(states[some]))
    return HeldOut(found, np.ones(len(targets), bool))


def _heads(states: np.ndarray, fitted: np.ndarray, targets: np.ndarray) -> Iterator[Any]:
    """A head of each strength; None where there is one class alone."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(targets)) < 2:
        yield from [None] * len(_STRENGTHS)
        return
    inputs = _scaled(states[fitted])
    head = LogisticRegression(max_iter=_STEPS, warm_start=True)
    for strength in _STRENGTHS:
        with warnings.catch_warnings():
            # A head that is nearly fitted judges nearly as well.
            warnings.simplefilter("ignore", ConvergenceWarning)
            yield head.set_params(C=strength).fit(inputs, targets)


def _parts(fold: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of each fold, the places that a head is fitted to, and those that it judges."""
    draws = np.random.default_rng(seed)
    with progress(FOLDS) as bar:
        for number in range(FOLDS):
            fitted, held = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            if len(fitted) > _MOST_FITTED:
                fitted = np.sort(draws.choice(fitted, _MOST_FITTED, replace=False))
            yield fitted, held
            bar.advance(1, f"{number + 1} of {FOLDS} folds")


def _pieces(places: np.ndarray) -> Sequence[np.ndarray]:
    return np.array_split(places, len(places) // _ROWS + 1)


def _scaled(states: np.ndarray) -> np.ndarray:
    """Of equal length, their numbers about 1: one strength means the same for every encoder."""
    lengths = np.linalg.norm(states, axis=1, keepdims=True)
    scaled: np.ndarray = states / np.maximum(lengths, np.finfo(np.float32).tiny) * np.sqrt(states.shape[1])
    return scaled.astype(np.float64)

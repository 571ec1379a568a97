"""What is explained of an answer: by which sum of logits the model preferred it to the row's label."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from components.tasks import Task
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.multilabel import Multilabel
from components.tasks.regression import Regression
from components.tasks.tagging import Tagging


@singledispatch
def contrast(task: Task, predictions: np.ndarray, target: np.ndarray) -> np.ndarray | None:
    """Factors of a row's logits, of their shape; the sum is what words are weighed by. None: the task has none such.

    An answer is explained beside what it was given in place of, which a reader wants to know (Yin & Neubig 2022,
    Interpreting Language Models with Contrastive Explanations).

    Args:
        task: whose answer it is.
        predictions: for the row, as `Task.predictions` has them; of tags float[words, tags].
        target: the row's label, as `Task.to_target` has it; of tags int[words].
    """
    return None


@contrast.register
def _(task: Classification, predictions: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The class that was answered less the row's: the sum is the logarithm of the ratio of their probabilities."""
    factors = np.zeros(len(predictions), np.float32)
    factors[predictions.argmax()] += 1
    factors[int(target)] -= 1
    if not factors.any():
        # A right answer, beside the next best.
        factors[predictions.argmax()], factors[np.argsort(predictions)[-2]] = 1, -1
    return factors


@contrast.register
def _(task: Multilabel, predictions: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The labels that were given wrongly less those that are missing: logarithms of odds."""
    given = (predictions >= np.asarray(task.threshold)).astype(np.float32)
    factors = given - np.asarray(target, np.float32)
    return factors if factors.any() else 2 * given - 1


@contrast.register
def _(task: Tagging, predictions: np.ndarray, target: np.ndarray) -> np.ndarray | None:
    """Of the word whose tag surprises most: its answered tag less its true one. None: all seen are right."""
    places = np.arange(len(predictions))
    answered, true = predictions.argmax(axis=1), np.asarray(target)[: len(predictions)]
    wrong = answered != true
    if not wrong.any():
        return None
    word = int(np.where(wrong, -predictions[places, true], -np.inf).argmax())
    factors = np.zeros(predictions.shape, np.float32)
    factors[word, answered[word]], factors[word, true[word]] = 1, -1
    return factors


@contrast.register
def _(task: Regression, predictions: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The number itself, in the labels' unit."""
    return np.array([task.deviation], np.float32)


@contrast.register
def _(task: Embedding, predictions: np.ndarray, target: np.ndarray) -> None:
    """No sum of logits: the answer is the cosine of two vectors."""

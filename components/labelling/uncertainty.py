"""How little a model's answer to a row is to be relied on, by its predictions for it; and that answer as a label."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from components.tasks import Task
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.multilabel import Multilabel
from components.tasks.regression import Regression
from components.tasks.tagging import Tagging

_LEAST = 1e-7
"""What a probability counts for at least, as in the losses of training."""


@singledispatch
def uncertainty(task: Task, predictions: np.ndarray) -> float | None:
    """0 or more, the greater the less sure; None: predictions are numbers, which say nothing of it.

    Args:
        task: whose predictions they are.
        predictions: of one row, as `Task.predictions` has them; of tags float[words, tags].
    """
    return None


@uncertainty.register
def _(task: Classification, predictions: np.ndarray) -> float:
    """1 less the margin of the most probable class over the next (Scheffer et al. 2001; Settles 2009, section 3.1)."""
    next_best, best = sorted(map(float, predictions))[-2:]
    return 1 - (best - next_best)


@uncertainty.register
def _(task: Multilabel, predictions: np.ndarray) -> float:
    """1 less the smallest margin over the labels (Brinker 2006, On Active Learning in Multi-label Classification).

    A label's margin is how far its score is from its threshold, as a share of how far it could be on that side.
    """
    threshold = np.broadcast_to(np.asarray(task.threshold, float), predictions.shape)
    room = np.where(predictions >= threshold, 1 - threshold, threshold)
    return float(1 - (np.abs(predictions - threshold) / np.maximum(room, _LEAST)).min())


@uncertainty.register
def _(task: Tagging, predictions: np.ndarray) -> float:
    """The mean surprise of the words' most probable tags, nats; 0 where the model saw no word.

    That is MNLP with its sign turned (Shen et al. 2018, Deep Active Learning for Named Entity Recognition, section
    4.1): a sum would prefer long sentences.
    """
    return float(-np.log(np.maximum(predictions.max(axis=1), _LEAST)).mean()) if len(predictions) else 0.0


@singledispatch
def answer_field(task: Task, predictions: np.ndarray) -> str:
    """The answer to one row as the label's field of a row has it; arguments as for `uncertainty`."""
    answers = task.answers(predictions[np.newaxis])
    return "" if answers is None else task.label_fields(answers)[0]


@answer_field.register
def _(task: Regression, predictions: np.ndarray) -> str:
    return f"{float(predictions[0]):.4g}"


@answer_field.register
def _(task: Embedding, predictions: np.ndarray) -> str:
    """The cosine of both texts, on the scale of the labels."""
    return f"{task.score_of(*np.split(predictions, 2)):.4g}"


@answer_field.register
def _(task: Tagging, predictions: np.ndarray) -> str:
    """The tags of the words that the model saw."""
    return " ".join(task.tags[index] for index in predictions.argmax(axis=1)) if len(predictions) else ""

"""A pushed model, asked: needs tensorflow and tensorflow-text, and nothing of TFX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

# Registers the tokenizer's ops, which the model's graph holds.
import tensorflow_text  # noqa: F401

from components import task
from components.errors import InputError
from components.versions import resolve

_WINDOW = 4096
"""Texts that are sorted by length together."""
_BATCH = 64


class Prediction(NamedTuple):
    """What the model says of one text."""

    label: str
    probabilities: np.ndarray
    """float32[labels], in the order of `Predictor.labels`."""


class Predictor:
    """A pushed classifier.

    Args:
        path: a version's directory, or a serving directory, whose newest version is taken.

    Raises:
        InputError: no SavedModel there, or one that does not answer to raw text.
    """

    def __init__(self, path: Path) -> None:
        self.path = resolve(path)
        try:
            self._model = tf.saved_model.load(str(self.path))
            self._answer = self._model.signatures[task.TEXT_SIGNATURE]
            empty = self._answer(text=tf.constant([""]))
            self.labels = [name.decode() for name in empty["class_names"].numpy()[0]]
        except (OSError, KeyError, TypeError, ValueError, tf.errors.OpError) as error:
            reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
            problem = f"not a model this pipeline pushed ({type(error).__name__}: {reason})"
            raise InputError(str(self.path), problem, "Give the path a run printed at its end") from None

    def predict(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """One prediction a text, in order; reads ahead a few thousand texts at most."""
        source = iter(texts)
        while window := list(islice(source, _WINDOW)):
            yield from self._window(window)

    def _window(self, texts: Sequence[str]) -> list[Prediction]:
        # Texts of similar length share a batch, so that little of it is padding.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        found: dict[int, Prediction] = {}
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            answer = self._answer(text=tf.constant([texts[row].encode() for row in rows]))
            labels, probabilities = answer["label"].numpy(), answer["probabilities"].numpy()
            for row, label, values in zip(rows, labels, probabilities, strict=True):
                found[row] = Prediction(label.decode(), values)
        return [found[row] for row in range(len(texts))]

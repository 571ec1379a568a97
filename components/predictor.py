"""A pushed model, asked: needs tensorflow and tensorflow-text, and nothing of TFX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
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
_TOKENIZED = 1024
"""Texts in a call of the tokenizer."""
_AT_A_TIME = 2
"""Calls on the way: faster than several threads in each op, which wait for one another at its end."""


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
        InputError: no SavedModel there, or one that does not answer to texts and to tokens.
    """

    def __init__(self, path: Path) -> None:
        self.path = resolve(path)
        try:
            self._model = tf.saved_model.load(str(self.path))
            signatures = self._model.signatures
            if task.TEXT_SIGNATURE in signatures and task.TOKENIZER_SIGNATURE not in signatures:
                problem = f"has no signature {task.TOKENIZER_SIGNATURE!r}: another program or an older version made it"
                raise InputError(str(self.path), problem, "Run the pipeline again, and give the path it prints")
            self._tokenize = signatures[task.TOKENIZER_SIGNATURE]
            self._answer = signatures[task.TOKEN_SIGNATURE]
            empty = self._answer(token_ids=self._tokenize(text=tf.constant([""]))["token_ids"])
            self.labels = [name.decode() for name in empty["class_names"].numpy()[0]]
        except (OSError, KeyError, TypeError, ValueError, tf.errors.OpError) as error:
            reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
            problem = f"not a model this pipeline pushed ({type(error).__name__}: {reason})"
            raise InputError(str(self.path), problem, "Give the path a run printed at its end") from None

    def predict(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """One prediction a text, in order; reads ahead some thousands of texts at most."""
        source = iter(texts)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            while window := list(islice(source, _WINDOW)):
                yield from self._window(window, pool)

    def _window(self, texts: Sequence[str], pool: ThreadPoolExecutor) -> Iterator[Prediction]:
        parts = [texts[start : start + _TOKENIZED] for start in range(0, len(texts), _TOKENIZED)]
        rows = list(chain.from_iterable(pool.map(self._token_rows, parts)))
        # Texts of similar length share a batch, so that little of it is padding.
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        batches = []
        while order:
            size = max(1, task.TOKENS_AT_A_TIME // len(rows[order[-1]]))
            batches.append(order[-size:])
            del order[-size:]
        answers = pool.map(self._answers, ([rows[row] for row in batch] for batch in batches))
        found = dict(zip(chain.from_iterable(batches), chain.from_iterable(answers), strict=True))
        return (found[row] for row in range(len(texts)))

    def _token_rows(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The token ids of each text, int32[length]."""
        tokens = self._tokenize(text=tf.constant([text.encode() for text in texts]))
        return [ids[:n] for ids, n in zip(tokens["token_ids"].numpy(), tokens["lengths"].numpy(), strict=True)]

    def _answers(self, rows: Sequence[np.ndarray]) -> list[Prediction]:
        ids = np.zeros((len(rows), max(map(len, rows))), np.int32)
        for padded, row in zip(ids, rows, strict=True):
            padded[: len(row)] = row
        answer = self._answer(token_ids=tf.constant(ids))
        labels, probabilities = answer["label"].numpy(), answer["probabilities"].numpy()
        return [Prediction(label.decode(), values) for label, values in zip(labels, probabilities, strict=True)]

"""What a model makes of a run's rows: the states that its head would see, and what a trained model predicts."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import keras
import numpy as np
import tensorflow as tf

from components.common import feature_names
from components.common.errors import InputError
from components.common.progress import progress
from components.export.card import read_card
from components.export.card_task import task_of
from components.export.formats.texts import ragged
from components.model.task_model import TaskModel
from components.settings.model import Model
from components.settings.training import Training
from components.tasks import Task
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import Tokenizer
from components.training.dataset import Rows
from components.training.initial_model import blank_model, build_model, warm_start

_ROWS = 2048
"""Rows whose texts are tokenized together."""


class Computed(NamedTuple):
    """One vector a row, or of tags one a word that the model sees."""

    values: np.ndarray
    """float32[n, width], in a file."""
    rows: np.ndarray
    """int64[n]: the row of each, ascending."""
    words: np.ndarray
    """int64[n]: the word in its row; 0 where a row has one label."""


class Encoder:
    """A model with the tokenizer in front of it.

    Args:
        model: with its weights.
        tokenizer: of its base model.
        settings: of the run's model.
    """

    def __init__(self, model: TaskModel, tokenizer: Tokenizer, settings: Model) -> None:
        self._model, self._task = model, model.task
        self._features = tf.function(
            ragged(self._task, tokenizer, settings.most_tokens),
            input_signature=[tf.TensorSpec([None], tf.string) for _ in self._task.texts],
            autograph=False,
        )

    @classmethod
    def of_base(cls, base: Path, settings: Model, task: Task) -> Self:
        """A base model as it is. Its states are pooled by their mean, whatever the run does: a pooler tells less.

        Args:
            base: directory of the base model, or in Google's form also a path prefix.
            settings: of the run's model.
            task: the run's, with its labels.

        Raises:
            InputError: weights are missing, or are not those of such a model.
        """
        settings = dataclasses.replace(settings, pooling="mean")
        model = build_model(base, settings, Training(precision="float32"), task)
        return cls(model, _tokenizer(base, settings), settings)

    @classmethod
    def of_run(cls, base: Path, settings: Model, trained: Path) -> Self:
        """The model that a run made of a base model; `trained` is its SavedModel. Else as `of_base`."""
        # Models whose card does not say were pooled so.
        settings = dataclasses.replace(settings, pooling=read_card(trained).get("model", {}).get("pooling", "cls"))
        model = blank_model(base, settings, Training(precision="float32"), task_of(trained))
        warm_start(trained, model)
        return cls(model, _tokenizer(base, settings), settings)

    def states(self, texts: Sequence[tuple[str, ...]], scratch: Path) -> Computed:
        """What the head sees of each row, or of each word.

        Args:
            texts: of the rows.
            scratch: directory for what is computed.

        Raises:
            InputError: there is no room for it.
        """
        head = self._model.dense

        def seen(token_ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
            return self._model(token_ids, mask)

        # The same way through windows and poolings as the logits take.
        self._model.dense = keras.layers.Identity(dtype="float32")
        try:
            return self._computed(seen, self._model.encoder.config.hidden_size, texts, scratch)
        finally:
            self._model.dense = head

    def predictions(self, texts: Sequence[tuple[str, ...]], scratch: Path) -> Computed:
        """What `Task.predictions` makes of each row's logits, or of each word's; arguments and errors as `states`."""

        def predict(token_ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
            return self._task.predictions(self._model(token_ids, mask))

        units = self._task.head_units
        assert units is not None  # noqa: S101
        return self._computed(predict, units, texts, scratch)

    def _computed(
        self, function: Callable[..., tf.Tensor], width: int, texts: Sequence[tuple[str, ...]], scratch: Path
    ) -> Computed:
        compute = tf.function(
            function,
            input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.bool)],
            autograph=False,
        )
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            rows, begins = self._token_rows(texts, Path(folder, "tokens"))
            counts = np.array([len(places) for places in begins], np.int64) if begins else np.ones(len(texts), np.int64)
            ends = np.cumsum(counts)
            values = _array(scratch, (int(counts.sum()), width))
            with progress(len(texts)) as bar:
                for batch in rows.by_length():
                    found = compute(batch.inputs, batch.padding_mask).numpy()
                    for row, of_row in zip(batch.rows, found, strict=True):
                        values[ends[row] - counts[row] : ends[row]] = of_row[begins[row]] if begins else of_row
                    bar.advance(len(batch.rows), f"{bar.rate(bar.done):.0f} rows/s")
        of_words = [np.arange(count) for count in counts] if begins else [np.zeros(len(texts), np.int64)]
        return Computed(values, np.repeat(np.arange(len(texts)), counts), np.concatenate(of_words))

    def _token_rows(self, texts: Sequence[tuple[str, ...]], path: Path) -> tuple[Rows, list[np.ndarray]]:
        """The rows' token ids, in a file; of tags, by row, the places of the tokens that begin a word."""
        lengths, begins = list[np.ndarray](), list[np.ndarray]()
        with path.open("wb") as file:
            for start in range(0, len(texts), _ROWS):
                columns = zip(*texts[start : start + _ROWS], strict=True)
                found = self._features(*(tf.constant([text.encode() for text in column]) for column in columns))
                ids = found[feature_names.TOKEN_IDS]
                ids.values.numpy().astype(np.int32).tofile(file)
                lengths.append(ids.row_lengths().numpy().astype(np.int32))
                if self._task.per_token:
                    ends = np.cumsum(lengths[-1])[:-1]
                    words = found[feature_names.WORD_IDS].values.numpy()
                    begins += [np.flatnonzero(of_row >= 0) for of_row in np.split(words, ends)]
        nothing = np.zeros(len(texts), np.int32)
        every_length = np.concatenate(lengths)
        return Rows(path, every_length, nothing, padding_id=self._model.padding_id), begins


def _tokenizer(base: Path, settings: Model) -> Tokenizer:
    return read_tokenizer(base, parses_control_tokens=settings.parses_control_tokens)


def _array(scratch: Path, shape: tuple[int, int]) -> np.ndarray:
    """float32 of this shape in a new file.

    Raises:
        InputError: the disk has no room for it.
    """
    needed, free = 4 * shape[0] * shape[1], shutil.disk_usage(scratch).free
    if needed > free:
        problem = f"what the model makes of the rows takes {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        raise InputError(str(scratch), problem, "Free some, or name one split by --split")
    if not needed:
        # A memory map of nothing is refused.
        return np.zeros(shape, np.float32)
    return np.memmap(tempfile.TemporaryFile(dir=scratch), np.float32, "w+", shape=shape)

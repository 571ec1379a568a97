"""What exported weights give in a model that is built from Python, beside the exported graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from components.export.calibrated import temperature_of
from components.export.card import ASSETS, read_card
from components.export.card_task import model_settings, task_of
from components.export.of_task.generation import Writer, Written
from components.settings.training import Training
from components.statistics.filled import filled_up
from components.tasks.generation import task as generation
from components.tokenization.plain import PlainWordPiece
from components.tokenization.spacing import Spacing
from components.tokenization.tokenizer_files import read_tokenizer
from components.training.initial_model import blank_model, warm_start, writer_of


class Float32Pass:
    """A model of an export's weights, in float32.

    Args:
        saved_model: of this pipeline.
        base_model: that it was trained from, for the encoder's shape.

    Raises:
        InputError: the export's weights are damaged, or not those that its card names.
    """

    def __init__(self, saved_model: Path, base_model: Path) -> None:
        settings, self._task = model_settings(read_card(saved_model), str(base_model)), task_of(saved_model)
        self._model = blank_model(base_model, settings, Training(precision="float32"), self._task)
        warm_start(saved_model, self._model)
        self._writer: Writer | None = None
        if self._task.writes:
            spacing = Spacing.read(saved_model / ASSETS)
            tokenizer = read_tokenizer(base_model)
            self._writer, self._cut = writer_of(self._model, settings, tokenizer, spacing), PlainWordPiece(tokenizer)
        self._temperature = temperature_of(saved_model)

    def predictions(self, rows: Sequence[np.ndarray], led_by: Sequence[str] | None = None) -> np.ndarray:
        """What the weights give.

        Args:
            rows: their token ids, int[length] each.
            led_by: where texts are written, one of each row which is written if nothing but rounding speaks for
                another one.

        Returns:
            `Task.predictions`, float32[rows, ...] or [rows, length, ...].
        """
        ids = filled_up(rows, self._model.padding_id, np.int32)
        mask = filled_up([np.ones(len(row), bool) for row in rows], False, bool)
        if self._writer is not None:
            led = None
            if led_by is not None:
                # Behind [CLS]; [SEP] is a text's end.
                texts = [np.array(self._cut([text])[1:], np.int32) for text in led_by]
                led = tf.constant(filled_up(texts, self._model.padding_id, np.int32))
            return _of_texts(self._writer(tf.constant(ids), tf.constant(mask), led))
        logits = self._model(tf.constant(ids), tf.constant(mask))
        if self._task.has_temperature:
            logits /= self._temperature
        found: np.ndarray = tf.cast(self._task.predictions(logits), tf.float32).numpy()
        return found


def _of_texts(written: Written) -> np.ndarray:
    """Texts as predictions, without what an evaluation knows of their targets."""
    texts, scores = [text.decode() for text in written["text"].numpy()], written["score"].numpy()
    return generation.encoded(
        texts, before=lambda place: (0.0, 0.0, float(written["cut"][place]), float(scores[place]))
    )

"""What a pushed model is made of, as other forms of it have to state it: read from its files, without running it."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from components.common.errors import InputError
from components.export.card import ASSETS, read_card, temperature
from components.export.card_task import model_settings, task_of
from components.model.config import BertConfig
from components.pretrained import base_model
from components.settings.model import Model
from components.tasks import Task
from components.tasks.regression import Regression
from components.tokenization.tokenizer_files import VOCABULARY
from components.tokenization.vocabulary import Tokenizer, TokenizerSettings, read_vocabulary

ENCODER = "bert/"
"""How the paths of the encoder's variables begin."""

_AGAIN = "Train and push it again"


@dataclasses.dataclass(frozen=True)
class Pushed:
    """A version."""

    path: Path
    card: dict[str, Any]
    task: Task
    settings: Model
    """How texts are cut and pooled."""
    config: BertConfig
    """The encoder's shape."""
    tokenizer: Tokenizer

    @classmethod
    def read(cls, path: Path, base: Path | None = None) -> Pushed:
        """Reads a version's files but for the weights.

        Args:
            path: the version's directory.
            base: the base model that it was trained from, for a version whose card does not state its shape.

        Raises:
            InputError: they do not say what another form needs to state.
        """
        card, task = read_card(path), task_of(path)
        vocabulary = path / ASSETS / VOCABULARY
        if not {"tokenizer", "model"} <= set(card) or not vocabulary.is_file():
            problem = "was pushed before versions said how they cut texts into tokens"
            raise InputError(str(path), problem, _AGAIN)
        words = tuple(read_vocabulary(vocabulary))
        try:
            settings = model_settings(card)
            tokenizer = Tokenizer(vocabulary=words, settings=TokenizerSettings(**card["tokenizer"]["settings"]))
        except (LookupError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(str(path), f"its card states no model of ours ({reason})", _AGAIN) from None
        return cls(path, card, task, settings, _shape(path, card, base), tokenizer)

    @property
    def name(self) -> str:
        """Of the pipeline that made it."""
        return str(self.card.get("name", self.path.name))

    @property
    def takes_mean(self) -> bool:
        """Whether the head, or the vector, is of the mean of all tokens."""
        return self.settings.pooling == "mean" and not self.task.has_token_head

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """Float32, by the variables' paths: `bert/layer_0/inner/kernel`, `classifier/bias`.

        Raises:
            InputError: the files are gone or damaged.
        """
        # With TensorFlow, which whoever only looks does without.
        from components.export import saved_weights

        return saved_weights.values(self.path)

    @property
    def encoder(self) -> dict[str, np.ndarray]:
        """The encoder's weights, by their paths within it."""
        return {path.removeprefix(ENCODER): value for path, value in self.weights.items() if path.startswith(ENCODER)}

    @property
    def head(self) -> tuple[np.ndarray, np.ndarray]:
        """Weight float32[units, hidden] and bias float32[units] of the last layer, as PyTorch has them.

        What becomes of its outputs without a look at the others is in it: a number is in the labels' unit, and logits
        are divided by the temperature of a calibration.
        """
        weight, bias = self.weights["classifier/kernel"].T.astype(np.float64), self.weights["classifier/bias"]
        scale, shift = 1 / temperature(self.card), 0.0
        if isinstance(self.task, Regression):
            scale, shift = self.task.deviation, self.task.mean
        return np.ascontiguousarray(weight * scale, np.float32), np.asarray(bias * scale + shift, np.float32)


def _shape(path: Path, card: dict[str, Any], base: Path | None) -> BertConfig:
    try:
        if "encoder" in card:
            return BertConfig(**card["encoder"])
    except (TypeError, ValueError) as error:
        raise InputError(str(path), f"its card states no encoder of ours ({error})", _AGAIN) from None
    if base is None:
        problem = "was pushed before a version's card stated the shape of its encoder"
        raise InputError(
            str(path),
            problem,
            f"Give --base, the base model that it was trained from, or {_AGAIN[0].lower()}{_AGAIN[1:]}",
        )
    return base_model.read_config(base)

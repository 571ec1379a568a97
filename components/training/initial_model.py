"""The model that a fine-tuning begins with: a base model's weights, or a pushed model's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.common.cpu import resolved_precision
from components.common.errors import InputError
from components.export import saved_weights
from components.export.card import read_card, weights_sha256
from components.export.card_task import task_of
from components.export.of_task.generation import Writer
from components.model.bert import build_encoder
from components.model.forms import Forms
from components.model.task_model import TaskModel
from components.model.writing.decoder import GenerationModel
from components.pretrained import base_model as base_models
from components.pretrained import encoder_weights, head_weights, pooling
from components.settings.model import Model
from components.settings.training import Training
from components.tasks import Task
from components.tokenization.spacing import Detokenizer, Spacing
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import Tokenizer
from components.training import recipe

_AGAIN = "word_rows"
"""Of a model that was pushed before: the vocabulary's table, which stood in its files a second time."""


class _Stored(keras.DTypePolicy):
    """Layers compute in float32, and what they cast on reading, tables and kernels, is of another type.

    Args:
        stored: that type.
    """

    def __init__(self, stored: str) -> None:
        super().__init__("float32")
        self._stored = stored

    @property
    def variable_dtype(self) -> str:
        """Of variables that say nothing else."""
        return self._stored


@contextlib.contextmanager
def computing_in(precision: str, stored: str = "float32") -> Iterator[None]:
    """Layers that are built within compute in this precision, as `training.precision` has it; variables are float32.

    With another type for what is `stored`, as `push.precision` has it, they compute in float32.
    """
    before, precision = keras.config.dtype_policy(), resolved_precision(precision)
    within = "float32" if precision == "float32" else f"mixed_{precision}"
    keras.config.set_dtype_policy(within if stored == "float32" else _Stored(stored))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def build_model(
    base_model: Path, settings: Model, training: Training, task: Task, forms: Forms | None = None
) -> TaskModel | GenerationModel:
    """The model with the base model's weights, before any training; float32 variables with any precision.

    Args:
        base_model: directory, or in Google's form also a path prefix.
        settings: pooling, and what becomes of long texts; `auto` is chosen as without a pushed model.
        training: dropout, precision and seed.
        task: what is learned.
        forms: how it is computed; None: as this process's device is faster with.

    Raises:
        InputError: config or weights are missing, of another architecture or of another shape.
    """
    model = blank_model(base_model, settings, training, task, forms)
    encoder_weights.load_weights(model.encoder, base_model)
    if isinstance(model, GenerationModel) and head_weights.has_masked_language_model(base_model):
        head_weights.load_masked_language_model(model.tokens, base_model, model.encoder.config)
    return model


def blank_model(
    base_model: Path,
    settings: Model,
    training: Training,
    task: Task,
    forms: Forms | None = None,
    stored: str = "float32",
) -> TaskModel | GenerationModel:
    """The same, to be filled with other weights than the base model's: its encoder has zeros.

    With another type for what is `stored` it computes in float32, and its tables and kernels are of that type.

    Raises:
        InputError: the config is missing, or of another architecture.
    """
    with computing_in(training.precision, stored):
        encoder = build_encoder(
            base_models.read_config(base_model),
            hidden_dropout=training.dropout,
            attention_dropout=training.dropout,
            seed=training.seed,
            forms=forms,
            blank=True,
        )
        if task.writes:
            tokenizer = read_tokenizer(base_model)
            return GenerationModel(encoder, task, settings.generation, tokenizer=tokenizer, seed=training.seed)
    if settings.pooling == "auto" and task.pools:
        chosen = recipe.pooling(task, pooling.read(base_model))
        _, settings = recipe.applied([chosen], training, settings)
    return TaskModel(
        encoder,
        task,
        settings,
        tokenizer=read_tokenizer(base_model),
        dropout=encoder.config.hidden_dropout_prob,
        seed=training.seed,
    )


def writer_of(model: TaskModel | GenerationModel, settings: Model, tokenizer: Tokenizer, spacing: Spacing) -> Writer:
    """What makes texts of a model that writes.

    Args:
        model: that writes.
        settings: how.
        tokenizer: of the base model.
        spacing: of train's targets.
    """
    assert isinstance(model, GenerationModel)  # noqa: S101
    return Writer(model, settings.generation, Detokenizer(tokenizer, spacing, model.encoder.config.vocab_size))


def _in_words(task: Task) -> str:
    labels = ", ".join(task.labels) or "numbers" * task.numeric
    return f"{task.name} of {labels}" if labels else task.name


def warm_start(pushed: Path, model: TaskModel | GenerationModel) -> str:
    """Gives the model a pushed model's weights; returns their sha256.

    Raises:
        InputError: it knows other classes, or its weights have other shapes or are no numbers.
    """
    described = read_card(pushed)
    remedy = 'Set training.init_from = "base"'
    theirs = task_of(pushed)
    if (theirs.name, theirs.labels) != (model.task.name, model.task.labels):
        known, ours = (_in_words(each) for each in (theirs, model.task))
        raise InputError("training.init_from", f"the pushed model knows {known}, the data has {ours}", remedy)
    with saved_weights.readable(pushed):
        weights = tf.train.load_checkpoint(str(pushed / "variables" / "variables"))
        shapes = weights.get_variable_to_shape_map()
    for name, shape in shapes.items():
        # `model/encoder/blocks/0/inner/kernel/.ATTRIBUTES/...`: the attributes that lead to a variable. Of
        # dropout's state nothing is taken: it draws as `training.seed` says.
        path = name.partition("/.ATTRIBUTES")[0].split("/")
        if path[0] != "model" or "seed" in name or path[-1] == _AGAIN:
            continue
        variable: Any = model
        try:
            for part in path[1:]:
                variable = variable[int(part)] if part.isdecimal() else getattr(variable, part)
        except (AttributeError, IndexError):
            variable = None
        if variable is None or tuple(variable.shape) != tuple(shape):
            problem = f"the pushed model has {'.'.join(path[1:])} of shape {shape}, this run's has none like it"
            raise InputError("training.init_from", problem, remedy)
        with saved_weights.readable(pushed):
            value = weights.get_tensor(name)
        if not np.isfinite(value).all():
            problem = f"the pushed model's weights {'.'.join(path[1:])} are not all finite"
            raise InputError("training.init_from", problem, remedy)
        variable.assign(np.asarray(value, np.float32))
    if weights_sha256(model) != described["weights_sha256"]:
        raise InputError("training.init_from", "the pushed model has not all of the weights of this run's", remedy)
    return str(described["weights_sha256"])

"""Pushed models of every task, made without a pipeline: a toy checkpoint, a last layer, and the signatures."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from components import tasks
from components.export import saved_model
from components.export.card import ASSETS
from components.export.formats import texts
from components.model.task_model import TaskModel
from components.model.writing.decoder import GenerationModel
from components.settings.model import Model
from components.settings.serialization import load
from components.settings.training import Training
from components.tasks import Task
from components.tokenization.joins import Joins
from components.tokenization.spacing import Spacing
from components.tokenization.tokenizer_files import VOCABULARY, read_tokenizer
from components.tokenization.vocabulary import Tokenizer, write_vocabulary
from components.training.fine_tuning import described, with_weights
from components.training.initial_model import blank_model, build_model, writer_of
from tests.toys import write_toy_checkpoint

LABELS = ("bad", "good", "mixed")

TASKS: dict[str, Task] = {
    "classification": tasks.BUILT_IN["classification"](LABELS),
    "multilabel": tasks.BUILT_IN["multilabel"](LABELS),
    "pair": tasks.BUILT_IN["pair"](LABELS),
    "similarity": dataclasses.replace(tasks.BUILT_IN["similarity"](), mean=2.0, deviation=1.5),  # type: ignore[call-arg]
    "regression": dataclasses.replace(tasks.BUILT_IN["regression"](), mean=-3.0, deviation=7.0),  # type: ignore[call-arg]
    "tagging": tasks.BUILT_IN["tagging"](("ART", "MOOD")),
    "word_tags": tasks.BUILT_IN["word_tags"](("ADJ", "DET", "NOUN")),
    "embedding": tasks.BUILT_IN["embedding"](),
    "answering": tasks.BUILT_IN["answering"](),
    "generation": tasks.BUILT_IN["generation"](target_length=6),  # type: ignore[call-arg]
}

JOINS = Joins.learned([["the", "film", "'s"], ["good", "!"]])


def write(
    folder: Path, task: Task, base: Path | None = None, card: Any = None, stored: str = "float32", **settings: Any
) -> Path:
    """A version of a task, of a toy checkpoint or of another base model.

    Args:
        folder: where the checkpoint and the version go.
        task: its task, fitted.
        base: the base model; None: a toy.
        card: what its card says besides.
        stored: what its larger weights are stored as.
        settings: of `[model]`.

    Returns:
        The version's directory.
    """
    base = base or write_toy_checkpoint(folder / "base")
    model_settings = load(Model, json.dumps({"base": "toy", "max_length": 16, "pooling": "cls", **settings}))
    tokenizer = read_tokenizer(base, parses_control_tokens=model_settings.parses_control_tokens)
    model = build_model(base, model_settings, Training(dropout=0.0, seed=3), task)
    if model.dense is not None:
        # Far from where it begins, so that answers differ.
        draws = np.random.default_rng(0)
        model.dense.kernel.assign(draws.normal(0, 1, model.dense.kernel.shape))
        model.dense.bias.assign(draws.normal(0, 1, model.dense.bias.shape))
    if stored != "float32":
        rounded = blank_model(base, model_settings, Training(dropout=0.0), task, stored=stored)
        model = with_weights(model, rounded)
    version = folder / "serving" / "1"
    save(version, model, model_settings, tokenizer, {"name": "toy", **(card or {})})
    return version


def save(
    version: Path, model: TaskModel | GenerationModel, settings: Model, tokenizer: Tokenizer, card: dict[str, Any]
) -> None:
    """Writes a model as a version, with what its card says besides."""
    task = model.task
    joins = JOINS if task.per_token else None
    spacing = Spacing.learned(["the film is good, not bad!"])
    writer = writer_of(model, settings, tokenizer, spacing) if task.writes else None
    transform = _of_examples(texts.transform(task, tokenizer, settings.most_tokens), task)
    raw = {**texts.raw_spec(task), "label": _label(task)}
    made = saved_model.exported(model, transform, raw, joins, settings.most_words, writer)
    reads = {"predict_text": list(made.text_names), "header": True, "quoting": "none", "columns": None}
    about = described(model.encoder.config, settings, tokenizer, joins)
    given = {name: value for name, value in card.items() if name != "weights_sha256"}
    made.write(version, {"input": reads, **about, **given})
    if joins is not None:
        joins.write(version / ASSETS)
    if task.writes:
        spacing.write(version / ASSETS)
    write_vocabulary(version / ASSETS / VOCABULARY, tokenizer.vocabulary)


def _label(task: Task) -> Any:
    import tensorflow as tf

    return tf.io.FixedLenFeature([], tf.float32 if task.numeric else tf.string)


def _of_examples(transform: Any, task: Task) -> Any:
    """With a target and a length, which the signatures for an evaluation return."""
    import tensorflow as tf

    from components.common import feature_names

    def transformed(raw: dict[str, Any]) -> dict[str, Any]:
        found = transform(raw)
        nothing = tf.zeros([found[feature_names.TOKEN_IDS].dense_shape[0]], tf.float32)
        more: dict[str, Any] = {}
        if task.finds_span:
            more = {feature_names.ANSWER_TEXTS: tf.sparse.from_dense(tf.cast(nothing[:, tf.newaxis], tf.int64))}
        target = tf.ones_like(nothing)[:, tf.newaxis] if task.writes else nothing
        return {**found, **more, feature_names.TARGET: target, feature_names.LENGTH_BUCKET: nothing}

    return transformed


def files(directory: Path) -> dict[str, str]:
    """Every file below a directory, and its hash."""
    found = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

"""Trainer's work: transformed examples and a base model to an exported model."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from components import tasks
from components.common.cpu import resolved_precision
from components.common.errors import InputError
from components.drift import profile
from components.export import saved_model
from components.export.card import ASSETS, identity, read_card
from components.export.of_task.generation import Writer
from components.leakage import learned
from components.model.config import BertConfig
from components.model.forms import Forms, forms_for, machine_kind
from components.model.task_model import TaskModel
from components.model.writing.decoder import GenerationModel
from components.pretrained import content, pooling
from components.rows import data_hash
from components.settings.model import Model
from components.settings.serialization import load
from components.settings.training import Training
from components.tasks import Task
from components.tokenization.joins import Joins
from components.tokenization.spacing import Spacing
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import Tokenizer
from components.training import loop, recipe
from components.training.checkpoints import Checkpoints
from components.training.class_weights import class_weights
from components.training.dataset import Rows
from components.training.history import HISTORY_FILE
from components.training.initial_model import blank_model, build_model, warm_start, writer_of
from components.training.replicas import Replicas

_NOT_OF_KEY = ("checkpoint_minutes", "checkpoint_steps", "devices", "init_from", "worker_minutes")
"""Settings with which a training may go on that began with others of them; what weights it began from counts itself."""


_PLACES = ("base", "vocabulary")
"""Keys of a model's settings that say where it lies."""


def train(fn_args: Any, replicas: Replicas) -> None:
    """Fine-tunes and, if this process is the chief, exports; others write nothing but temporary files.

    Args:
        fn_args: TFX's FnArgs; `custom_config` holds `model` and `training` as JSON, `base_model`, a directory, and its
            files' `base_model_sha256`, if that is known; `stored`, what larger weights are to be, if not float32.
            Its own `base_model` is the pushed model that `init_from` names, None where there is none.
        replicas: who trains together.

    Raises:
        InputError: a base model that cannot be loaded, or is another than `base_model_sha256` says; a pushed one of
            another kind; class weights for unknown labels; no room for what is frozen; weights too large for `stored`.
    """
    config = fn_args.custom_config
    training, model_settings = load(Training, config["training"]), load(Model, config["model"])
    transform = tft.TFTransformOutput(fn_args.transform_output)
    task = tasks.read(fn_args.transform_output)
    tokenizer = read_tokenizer(Path(config["base_model"]), parses_control_tokens=model_settings.parses_control_tokens)
    logs = Path(fn_args.model_run_dir)
    if replicas.is_chief:
        logs.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(training.seed)
    # Within the run's root: the system's temporary directory may be memory.
    with tempfile.TemporaryDirectory(dir=logs if replicas.is_chief else None) as scratch:
        spec = transform.transformed_feature_spec()
        train, dev = (
            Rows.of_examples(files, spec, task, Path(scratch, name), tokenizer.padding_id)
            for name, files in (("train", fn_args.train_files), ("dev", fn_args.eval_files))
        )
        pushed = read_card(Path(fn_args.base_model)) if fn_args.base_model else None
        task = _warm_started(task.fitted(model_settings, train.targets), pushed)
        base = pooling.read(Path(config["base_model"]))
        chosen = list(recipe.choices(training, model_settings, task, len(train), base, pushed))
        training, model_settings = recipe.applied(chosen, training, model_settings)
        # The chief's: what workers exchange is of one form.
        forms = forms_for(replicas.broadcast(machine_kind()))
        model, *others = replicas.copies(lambda: _initial_model(config, model_settings, training, task, forms))
        initial = None
        for copy in (model, *others) if fn_args.base_model else ():
            initial = warm_start(Path(fn_args.base_model), copy)
        weights = class_weights(training, train, task)
        if not replicas.is_chief:
            loop.fit(model, train, dev, training, weights, Path(scratch), Path(scratch), None, replicas, others)
            return
        # Beside the runs' directories: each attempt gets another one of its own.
        key = checkpoint_key(config, initial, train, dev, forms)
        kept = Checkpoints(logs.parents[1] / "checkpoints", key, training)
        history = loop.fit(model, train, dev, training, weights, logs, Path(scratch), kept, replicas, others)
        looks = _profile(train, task, tokenizer)
    history.key, history.words_cut, history.chosen = key, train.words_cut, [choice.as_dict() for choice in chosen]
    history.guessed_loss = _guessed_loss(training, task, train, dev)
    history.write(logs / HISTORY_FILE)
    model = _served(model, config, model_settings, training, history.precision)
    joins = Joins.read(fn_args.transform_output) if task.per_token else None
    spacing = Spacing.read(fn_args.transform_output) if task.writes else None
    card = _card(fn_args, described(model.encoder.config, model_settings, tokenizer, joins), initial)
    writer = writer_of(model, model_settings, tokenizer, spacing) if spacing is not None else None
    directory = _export(model, transform, joins or spacing, model_settings, fn_args.serving_model_dir, card, writer)
    looks.write(directory, tokenizer)
    learned.write(directory, Path(fn_args.transform_output), Path(fn_args.base_model) if initial else None)


def _warm_started(task: Task, pushed: dict[str, Any] | None) -> Task:
    theirs = tasks.from_card(pushed) if pushed else task
    return task.warm_started_from(theirs) if pushed and theirs.name == task.name else task


def _initial_model(
    config: dict[str, Any], settings: Model, training: Training, task: Task, forms: Forms
) -> TaskModel | GenerationModel:
    model = build_model(Path(config["base_model"]), settings, training, task, forms)
    if known := config.get("base_model_sha256"):
        # Before the first checkpoint, which is kept under it.
        content.check(Path(config["base_model"]), known)
    return model


def _guessed_loss(training: Training, task: Task, train: Rows, dev: Rows) -> float | None:
    """Not with weights: a model that has learned need not have a smaller loss without them than the labels' shares."""
    return task.guessing_loss(train.targets, dev.targets) if training.class_weights == "none" else None


def _served(
    trained: TaskModel | GenerationModel, config: dict[str, Any], settings: Model, training: Training, precision: str
) -> TaskModel | GenerationModel:
    """The model as it is exported, so that whatever is found out of it from now on is found out of what is served.

    It computes in float32, on whatever CPU there is, and its larger weights are what `stored` says.

    Args:
        trained: the model.
        config: of the node.
        settings: with which the model was built.
        training: likewise.
        precision: what the training computed in.
    """
    stored = config.get("stored", "float32")
    if (precision, stored) == ("float32", "float32"):
        return trained
    training = dataclasses.replace(training, precision="float32")
    base = Path(config["base_model"])
    return with_weights(trained, blank_model(base, settings, training, trained.task, trained.forms, stored))


def with_weights(
    trained: TaskModel | GenerationModel, model: TaskModel | GenerationModel
) -> TaskModel | GenerationModel:
    """The second model with the weights of the first, each rounded to the type of its variable.

    Raises:
        InputError: one of them is larger than that type has numbers.
    """
    for variable, value in zip(model.variables, trained.variables, strict=True):
        variable.assign(tf.cast(value.value, variable.dtype))
        if variable.dtype == "float16" and not np.isfinite(variable.numpy()).all():
            problem = f'the trained model has weights beyond 65,504, the largest of "float16" ({variable.path})'
            raise InputError("push.precision", problem, 'Give "bfloat16", whose range is that of float32')
    return model


def _export(
    model: TaskModel | GenerationModel,
    transform: tft.TFTransformOutput,
    of_words: Joins | Spacing | None,
    settings: Model,
    place: str,
    card: dict[str, Any],
    writer: Writer | None,
) -> Path:
    layer, raw_spec, directory = transform.transform_features_layer(), transform.raw_feature_spec(), Path(place)
    joins = of_words if isinstance(of_words, Joins) else None
    saved_model.exported(model, layer, raw_spec, joins, settings.most_words, writer).write(directory, card)
    if of_words is not None:
        of_words.write(directory / ASSETS)
    return directory


def _card(fn_args: Any, described: dict[str, Any], initial: str | None) -> dict[str, Any]:
    """What the model's card says besides what the model itself knows."""
    learned_from = {
        "data_sha256": data_hash.read(fn_args.transform_output),
        "initial_weights": initial,
        "initial_identity": identity(read_card(Path(fn_args.base_model))) if initial else None,
    }
    config = fn_args.custom_config
    as_stored = {"stored": config["stored"]} if "stored" in config else {}
    return {**config.get("card", {}), **described, **as_stored, **learned_from}


def described(encoder: BertConfig, settings: Model, tokenizer: Tokenizer, joins: Joins | None) -> dict[str, Any]:
    """What a model's card says of how it reads texts.

    Args:
        encoder: its shape.
        settings: of the model.
        tokenizer: what makes its token ids.
        joins: of a tagger, what train's words say of those of raw text.
    """
    cut = {
        "settings": dataclasses.asdict(tokenizer.settings),
        "max_tokens": settings.most_tokens,
        "padding_id": tokenizer.padding_id,
        "vocabulary_sha256": hashlib.sha256("\n".join(tokenizer.vocabulary).encode()).hexdigest(),
    }
    # How texts are cut and pooled is in the graph; here it tells two models of equal weights apart.
    reads = {name: value for name, value in dataclasses.asdict(settings).items() if name != "base"}
    # Likewise the encoder's shape, which other forms of the model state; of dropout nothing is left.
    shape = {name: value for name, value in dataclasses.asdict(encoder).items() if not name.endswith("_prob")}
    # How many kinds of gaps between basic words the signatures know, to cut raw text as train is cut.
    of_words = {} if joins is None else {"joins": len(joins)}
    return {"tokenizer": cut, "model": reads, "encoder": shape, **of_words}


def _profile(rows: Rows, task: Task, tokenizer: Tokenizer) -> profile.Learned:
    """What the rows look like, or as many of them as a profile is made of."""
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), profile.SAMPLE)).astype(np.int64)
    batches = [rows.batch(part) for part in np.array_split(chosen, len(chosen) // 1024 + 1)]
    ids = np.concatenate([batch.inputs[batch.padding_mask] for batch in batches])
    shares = None if rows.per_token else task.drift_values(task.label_fields(rows.targets[chosen]))
    return profile.Learned.of_tokens(ids, rows.lengths[chosen], task, shares, tokenizer)


def checkpoint_key(config: dict[str, Any], initial: str | None, train: Rows, dev: Rows, forms: Forms) -> str:
    """Equal for trainings that give equal weights, because everything is equal that they depend on.

    Equal but for rounding, and with dropout but for the masks, where the number of replicas differs.
    """
    training = {name: value for name, value in json.loads(config["training"]).items() if name not in _NOT_OF_KEY}
    training["precision"] = resolved_precision(training["precision"])
    # Where the base model lies does not matter, its hashes stand beside.
    settings = {name: value for name, value in config.items() if name not in ("base_model", "card", "stored")}
    settings["model"] = {name: value for name, value in json.loads(config["model"]).items() if name not in _PLACES}
    depends_on = [
        {**settings, "training": training},
        initial,
        train.sha256(),
        dev.sha256(),
        dataclasses.asdict(forms),
    ]
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()

"""Trainer's entry point: transformed examples and a base model to an exported model.

TFX loads `run_fn` by its import path and reloads this module when it does: no state lives here.
"""

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

# Registers the ops of the transform graph: this node may run in a process of its own.
import tensorflow_text  # noqa: F401
import tensorflow_transform as tft

from components import checkpoints, finetune, origin, profile, replicas, signatures, supervisor, tasks, versions
from components.batching import Rows
from components.bert import build_encoder
from components.classifier import Classifier
from components.errors import InputError
from components.precision import chosen
from components.replicas import Replicas
from components.resume import Checkpoints
from components.settings import Model, Training
from components.settings_io import load
from components.signatures import weights_sha256
from components.tasks import Task
from components.vocabulary import SEPARATOR, START, read_settings, read_vocabulary

HISTORY_FILE = "history.json"
DEV_ANSWERS_FILE = "dev_answers.npy"
"""Within the model run: the answers on dev by the model in memory, in the order of the examples."""


_ORDER = (
    "train_files",
    "eval_files",
    "transform_output",
    "base_model",
    "custom_config",
    "model_run_dir",
    "serving_model_dir",
)
"""What `train` reads of TFX's FnArgs."""
_NOT_OF_KEY = ("checkpoint_minutes", "checkpoint_steps", "devices", "worker_minutes")
"""Settings with which a training may go on that began with others of them."""


def run_fn(fn_args: Any) -> None:
    """Fine-tunes and exports: in this process, or as the chief of several.

    Args:
        fn_args: as for `train`.

    Raises:
        InputError: as for `train`; or TF_CONFIG does not make this process the chief of a cluster.
        WorkerError: one of several workers did not come, or has ended.
    """
    training = load(Training, fn_args.custom_config["training"])
    if training.devices == "multiworker":
        supervisor.lead({name: getattr(fn_args, name) for name in _ORDER}, training.worker_minutes)
    else:
        train(fn_args, replicas.of_machine(training.devices))


def train(fn_args: Any, group: Replicas) -> None:
    """Fine-tunes and, if this process is the chief, exports; others write nothing but temporary files.

    Args:
        fn_args: TFX's FnArgs; `custom_config` holds `model` and `training` as JSON, and `base_model`, a directory.
            Its own `base_model` is the pushed model that `init_from` asks for, None where there is none.
        group: who learns together.

    Raises:
        InputError: a base model that cannot be loaded, or a pushed one of another kind; class weights for unknown
            labels; no room for what is frozen.
    """
    config = fn_args.custom_config
    training, model_settings = load(Training, config["training"]), load(Model, config["model"])
    transform = tft.TFTransformOutput(fn_args.transform_output)
    task = tasks.read(fn_args.transform_output)
    base_model = Path(config["base_model"])
    logs = Path(fn_args.model_run_dir)
    if group.is_chief:
        logs.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(training.seed)
    # Within the run's root: the system's temporary directory may be memory.
    with tempfile.TemporaryDirectory(dir=logs if group.is_chief else None) as scratch:
        spec = transform.transformed_feature_spec()
        train = Rows.of_examples(fn_args.train_files, spec, task, Path(scratch, "train"))
        dev = Rows.of_examples(fn_args.eval_files, spec, task, Path(scratch, "dev"))
        task = task.trained(model_settings, train.targets)
        if fn_args.base_model and (pushed := tasks.of_card(versions.card(Path(fn_args.base_model)))).name == task.name:
            task = task.gone_on_from(pushed)
        model, *others = group.copies(lambda: build_model(base_model, model_settings, training, task))
        initial = None
        for copy in (model, *others) if fn_args.base_model else ():
            initial = _go_on_from(Path(fn_args.base_model), copy)
        weights = _class_weights(training, train, task)
        if not group.is_chief:
            finetune.fit(model, train, dev, training, weights, Path(scratch), Path(scratch), None, group, others)
            return
        # Beside the runs' directories: each attempt gets another one of its own.
        key = _key(config, initial, train, dev)
        kept = Checkpoints(logs.parents[1] / "checkpoints", key, training)
        fitted = finetune.fit(model, train, dev, training, weights, logs, Path(scratch), kept, group, others)
        history, answers = fitted
        learned = _profile(train, task, read_vocabulary(base_model / checkpoints.VOCABULARY))
    history.key, history.words_cut = key, train.words_cut
    np.save(logs / DEV_ANSWERS_FILE, answers)
    history.write(logs / HISTORY_FILE)
    if history.precision != "float32":
        # Served in float32, on whatever CPU there is.
        in_float32 = dataclasses.replace(training, precision="float32")
        trained, model = model, build_model(base_model, model_settings, in_float32, task)
        for variable, value in zip(model.variables, trained.variables, strict=True):
            variable.assign(value)
    served = signatures.exported(model, transform.transform_features_layer(), transform.raw_feature_spec())
    tokenizer = {"settings": dataclasses.asdict(read_settings(base_model)), "max_length": model_settings.most_tokens}
    learned_from = {"data_sha256": origin.read(fn_args.transform_output), "initial_weights": initial}
    card = {**config.get("card", {}), "tokenizer": tokenizer, **learned_from}
    served.write(Path(fn_args.serving_model_dir), card)
    profile.write(Path(fn_args.serving_model_dir), learned, base_model / checkpoints.VOCABULARY)


def build_model(base_model: Path, settings: Model, training: Training, task: Task) -> Classifier:
    """The model with the base model's weights, before any training; float32 variables with any precision.

    Raises:
        InputError: config or weights are missing, of another architecture or of another shape.
    """
    config, precision = checkpoints.read_config(base_model), chosen(training.precision)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        encoder = build_encoder(
            config, hidden_dropout=training.dropout, attention_dropout=training.dropout, seed=training.seed
        )
    finally:
        keras.config.set_dtype_policy(before)
    checkpoints.load_weights(encoder, base_model)
    dropout = config.hidden_dropout_prob if training.dropout is None else training.dropout
    vocabulary = read_vocabulary(base_model / checkpoints.VOCABULARY)
    ends = vocabulary.index(START), vocabulary.index(SEPARATOR)
    return Classifier(encoder, task, settings, ends=ends, dropout=dropout, seed=training.seed)


def _go_on_from(pushed: Path, model: Classifier) -> str:
    """Gives the model a pushed model's weights; returns their sha256.

    Raises:
        InputError: it knows other classes, or its weights have other shapes.
    """
    described = versions.card(pushed)
    remedy = 'Set training.init_from = "base"'
    theirs = tasks.of_card(described)
    if (theirs.name, theirs.labels) != (model.task.name, model.task.labels):
        known, ours = (f"{each.name} of {', '.join(each.labels) or 'numbers'}" for each in (theirs, model.task))
        raise InputError("training.init_from", f"the pushed model knows {known}, the data has {ours}", remedy)
    weights = tf.train.load_checkpoint(str(pushed / "variables" / "variables"))
    for name, shape in weights.get_variable_to_shape_map().items():
        # `model/encoder/blocks/0/inner/kernel/.ATTRIBUTES/...`: the attributes that lead to a variable. Of
        # dropout's state nothing is taken: it draws as `training.seed` says.
        path = name.partition("/.ATTRIBUTES")[0].split("/")
        if path[0] != "model" or "seed" in name:
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
        variable.assign(weights.get_tensor(name))
    if weights_sha256(model) != described["weights_sha256"]:
        raise InputError("training.init_from", "the pushed model has not all of the weights of this run's", remedy)
    return str(described["weights_sha256"])


def _profile(rows: Rows, task: Task, vocabulary: list[str]) -> Any:
    """What the rows look like, or as many of them as a profile is made of."""
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), profile.SAMPLE)).astype(np.int64)
    batches = [rows.batch(part) for part in np.array_split(chosen, len(chosen) // 1024 + 1)]
    ids = np.concatenate([batch.inputs[batch.padding_mask] for batch in batches])
    shares = None if rows.per_token else task.shares(task.fields(rows.targets[chosen]))
    return profile.of_tokens(ids, rows.lengths[chosen], shares, vocabulary)


def _key(config: dict[str, Any], initial: str | None, train: Rows, dev: Rows) -> str:
    """Equal for trainings that give equal weights, because everything is equal that they depend on.

    Equal but for rounding, and with dropout but for the masks, where the number of replicas differs.
    """
    training = {name: value for name, value in json.loads(config["training"]).items() if name not in _NOT_OF_KEY}
    told = json.dumps([{**config, "training": training}, initial, train.sha256(), dev.sha256()], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _class_weights(training: Training, train: Rows, task: Task) -> np.ndarray:
    """float32[labels]."""
    labels = task.labels
    if training.class_weights == "none":
        return np.ones(len(labels), np.float32)
    if training.class_weights == "balanced":
        return finetune.balanced(train.targets, len(labels))
    unknown = sorted(set(training.class_weights) - set(labels))
    if unknown:
        problem = f"weights for unknown labels: {', '.join(unknown)}"
        raise InputError("training.class_weights", problem, f"The labels are {', '.join(labels)}")
    return np.array([training.class_weights.get(label, 1.0) for label in labels], np.float32)

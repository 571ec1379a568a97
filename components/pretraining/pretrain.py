"""Pretrainer's work: Examples of documents and a base model, or a vocabulary, to a model with the heads of BERT."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import keras

from components.common.literal_paths.patterns import matching
from components.export import pretrained_directory
from components.model.forms import Forms, forms_for, machine_kind
from components.model.freezing import freeze
from components.model.pretraining_model import PretrainingModel
from components.pretrained import content, encoder_weights, head_weights
from components.pretraining import examples, initial_model, measuring
from components.pretraining.examples import Split
from components.pretraining.objectives import PRETRAINED_FILE
from components.rows import data_hash
from components.settings.kinds.pretraining import PretrainedModel, Pretraining
from components.settings.serialization import load
from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import Tokenizer
from components.training import loop
from components.training.checkpoints import Checkpoints
from components.training.fine_tuning import checkpoint_key
from components.training.history import HISTORY_FILE
from components.training.replicas import Replicas


def train(fn_args: Any, replicas: Replicas) -> None:
    """Pre-trains and exports.

    Args:
        fn_args: TFX's FnArgs; `custom_config` holds `model` and `training` as JSON; `base_model`, a directory, that of
            the base model or of the vocabulary, and its files' `base_model_sha256`; `name`, of the pipeline.
        replicas: who trains together, all in this process.

    Raises:
        InputError: a base model or vocabulary that cannot be loaded, or is another than `base_model_sha256` says; too
            few documents.
    """
    config = fn_args.custom_config
    settings, training = load(PretrainedModel, config["model"]), load(Pretraining, config["training"])
    base = Path(config["base_model"])
    tokenizer = read_tokenizer(base)
    logs = Path(fn_args.model_run_dir)
    logs.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(training.seed)
    forms = forms_for(machine_kind())
    begun = replicas.copies(lambda: _initial_model(settings, training, base, tokenizer, forms))
    # Before the first checkpoint, which is kept under it.
    content.check(base, json.loads(config["base_model_sha256"]))
    model = begun[0].model
    # Within the run's root: the system's temporary directory may be memory.
    with tempfile.TemporaryDirectory(dir=logs) as scratch:
        given = (tokenizer, training, settings.max_length, model.encoder.config.vocab_size, Path(scratch))
        train, dev = (
            examples.examples(name, [path for pattern in patterns for path in matching(pattern)], *given)
            for name, patterns in (("train", fn_args.train_files), ("dev", fn_args.eval_files))
        )
        as_fine_tuned = training.as_training
        freeze(model, as_fine_tuned)
        key = checkpoint_key(config, None, train.rows, dev.rows, forms)
        history = loop.fit_part(
            measuring.trained_whole(model),
            [one.model for one in begun],
            train.rows,
            dev.rows,
            as_fine_tuned,
            measuring.PretrainingLoss(model.task),
            model.task.primary_metric,
            logs,
            # Beside the runs' directories: each attempt gets another one of its own.
            Checkpoints(logs.parents[1] / "checkpoints", key, as_fine_tuned),
            replicas,
        )
        about = _about(train, dev, begun[0].random)
    history.key = key
    history.guessed_loss = about["unigram_loss"] + (math.log(2) if training.next_sentence else 0.0)
    history.write(logs / HISTORY_FILE)
    directory = Path(fn_args.serving_model_dir)
    # Beside Split-train/.
    data_sha256 = data_hash.read(Path(fn_args.train_files[0]).parents[1])
    _write(directory, model, base, name=config["name"], data_sha256=data_sha256)
    (directory.parent / PRETRAINED_FILE).write_text(json.dumps(about, indent=1), encoding="utf-8")


def _initial_model(
    settings: PretrainedModel, training: Pretraining, base: Path, tokenizer: Tokenizer, forms: Forms
) -> initial_model.Begun:
    if settings.base is None:
        return initial_model.Begun(initial_model.new_model(settings, training, tokenizer, forms), ())
    return initial_model.read_model(base, training, tokenizer, forms)


def _about(train: Split, dev: Split, random: tuple[str, ...]) -> dict[str, Any]:
    maskable = dev.rows.masking.maskable
    return {
        "examples": {"train": len(train.rows), "dev": len(dev.rows)},
        "tokens": {"train": len(train.tokens), "dev": len(dev.tokens)},
        "tokens_per_example": float(train.rows.lengths.mean()),
        "unigram_loss": examples.unigram_loss(train.tokens, dev.rows.hidden_tokens(), maskable),
        "random": list(random),
    }


def _write(directory: Path, model: PretrainingModel, base: Path, **about: Any) -> None:
    """In float32, as the variables are with any precision."""
    encoder = encoder_weights.stored(model.encoder)
    heads = head_weights.stored(model.tokens, model.next_sentence)
    pretrained_directory.write(directory, encoder, heads, model.encoder.config, base, **about)

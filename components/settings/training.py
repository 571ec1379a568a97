"""`[training]`: how a model is fine-tuned."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from components.settings.fields import (
    MOST,
    ConflictError,
    Count,
    Minutes,
    PathText,
    Rate,
    Share,
    label_keys,
    metric_name,
    settings,
)


def check_steps(epochs: int | None, steps: int | None, batch_size: int, micro_batch: int | None) -> None:
    """Refuses keys of `[training]`, of any kind of run, that exclude each other.

    Raises:
        ConflictError: there are both epochs and steps, or the part of a batch is no smaller than the batch.
    """
    if epochs is not None and steps is not None:
        problem = f"`training.epochs` is {epochs} and `training.steps` is {steps}, only one can be given"
        raise ConflictError("steps", problem, "Delete the one or the other")
    if micro_batch is not None and micro_batch >= batch_size:
        problem = f"`training.micro_batch` is {micro_batch}, it should be less than `batch_size`, {batch_size}"
        remedy = "Give a smaller number, or delete it: the batch goes through the model at once"
        raise ConflictError("micro_batch", problem, remedy)


@settings
class Training:
    """How the model is fine-tuned."""

    strategy: Literal["full", "freeze_layers", "head", "gradual"] = "full"
    """Which weights learn. `full`: all of them. `head`: the classifier alone, with the pooler where pooling is `cls`.
    `freeze_layers`: all but the embeddings and the first layers. `gradual`: the head alone at first, and with each
    stage one layer more from the top, the embeddings last (Howard & Ruder 2018, section 3.3). What is frozen runs
    without dropout, once over every row, and its output is kept on disk; in every step where texts are seen in windows,
    or where a task encodes its two texts apart. Example: `strategy = "head"`"""
    unfreeze_epochs: Annotated[float, Field(gt=0, le=MOST)] | None = None
    """With `strategy = "gradual"`: how many epochs a stage lasts; default: 1.
    Example: `unfreeze_epochs = 0.5` with `strategy = "gradual"`"""
    freeze_layers: Count | None = None
    """With `strategy = "freeze_layers"`, and required there: how many of the first encoder layers keep their weights.
    Example: `freeze_layers = 3` with `strategy = "freeze_layers"`"""
    init_from: PathText = "base"
    """The weights that training starts from. `base`: those of `model.base`. `pushed` (a warm start): those of the
    newest pushed model that learned from other data, or the base model's where there is none. Otherwise the directory
    of a pushed version.
    Example: `init_from = "pushed"`"""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 5e-5
    """The peak learning rate, reached at the end of warm-up. Example: `learning_rate = 2e-5`"""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The learning rate of each layer is that of the layer above it times this (discriminative fine-tuning, Howard &
    Ruder 2018). 1 is the same rate for all. Example: `layer_decay = 0.95`"""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    """Rows in a training batch, of all devices together. Example: `batch_size = 16`"""
    micro_batch: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Rows of a batch that go through the model at a time on each device, where memory does not hold all of them:
    their gradients are added up (gradient accumulation), and one step is made with the sum, which is the gradient of
    the whole batch. Default: all at once. Example: `micro_batch = 8` with `batch_size = 128`"""
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Passes over train; default, unless `steps` is given: as many as make 400 steps, at least 2 and at most 20. With
    the default `batch_size` these are 2 from 6,369 rows on. `check` shows how many. Example: `epochs = 3`"""
    steps: Count | None = None
    """Optimiser steps, instead of `epochs`. Example: `steps = 500`"""
    warmup: Share = 0.1
    """Share of all steps over which the learning rate rises linearly; it then falls linearly to 0.
    Example: `warmup = 0.06`"""
    weight_decay: Share = 0.01
    """Decoupled weight decay (AdamW, Loshchilov & Hutter 2019), per step and unit of learning rate; none on biases and
    LayerNorm. Example: `weight_decay = 0.0`"""
    clip_norm: Annotated[float, Field(gt=0, le=1e15)] = 1.0
    """A gradient whose global L2 norm is larger is scaled down to this norm. Example: `clip_norm = 0.5`"""
    dropout: Rate | None = None
    """Dropout rate of hidden states, attention and the classifier's input; default: as in the base model's
    `config.json`.
    Example: `dropout = 0.2`"""
    precision: Literal["float32", "bfloat16", "auto"] = "auto"
    """Precision of the matrix products in training. `auto`: bfloat16 on a CPU with AMX, else float32; which it was
    is recorded, and `reproduce` holds to it. The pushed model computes in float32 in any case.
    Example: `precision = "float32"`"""
    label_smoothing: Rate = 0.0
    """Share of the probability that the loss spreads evenly over all classes. Not for tasks whose labels are numbers.
    Example: `label_smoothing = 0.1`"""
    class_weights: Annotated[
        Literal["none", "balanced"] | dict[str, Annotated[float, Field(gt=0, le=1e6)]], BeforeValidator(label_keys)
    ] = "none"
    """What each class weighs in the loss. `balanced`: rows of train / (classes x rows of the class); for `tagging`
    the same of tags and their words; for `multilabel`, where a label weighs in the rows that have it, the square root
    of rows without it / rows with it. A table gives a weight by label name, for `tagging` by tag (`O`, `B-PER`), 1 for
    those not named. Not for tasks whose labels are numbers. See docs/training.md.
    Example: `class_weights = "balanced"`"""
    evaluations_per_epoch: Annotated[int, Field(ge=1, le=100)] = 1
    """How often an epoch the model is measured on dev. The checkpoint with the best `metric`, among equals with the
    smallest loss, becomes the model. Example: `evaluations_per_epoch = 4`"""
    metric: Annotated[str, BeforeValidator(metric_name)] | None = None
    """The metric on dev that chooses the checkpoint, and that `early_stopping` waits for: one of the task's, or of one
    label as `METRIC/LABEL`, see docs/metrics.md. Default: the first one of the task. Example: `metric = "macro_f1"`"""
    early_stopping: Count | None = None
    """Stop after this many evaluations without a better one; default: never.
    Example: `early_stopping = 3`"""
    checkpoint_minutes: Minutes = 5.0
    """How often the state of the training goes to disk; a killed run resumes from there.
    Example: `checkpoint_minutes = 15`"""
    checkpoint_steps: Count | None = None
    """Also write that state every so many steps; default: by time alone.
    Example: `checkpoint_steps = 1000`"""
    devices: Literal["auto", "mirrored", "multiworker"] = "auto"
    """What training runs on. `auto`: the GPUs that TensorFlow sees, each with a copy of the model, or else the CPU.
    `mirrored`: the same, and an error where there is only one device. `multiworker`: the processes that TF_CONFIG
    lists, see docs/training.md. Example: `devices = "mirrored"`"""
    worker_minutes: Minutes = 10.0
    """With `devices = "multiworker"`: how many minutes the chief waits for the other workers.
    Example: `worker_minutes = 30` with `devices = "multiworker"`"""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    """Seed of the head's initial values, of the order of the rows and of dropout. Example: `seed = 7`"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_steps(self.epochs, self.steps, self.batch_size, self.micro_batch)
        if self.strategy == "freeze_layers" and self.freeze_layers is None:
            problem = '`training.strategy` is "freeze_layers", but `training.freeze_layers` is missing'
            raise ConflictError("strategy", problem, "Add freeze_layers = N, the number of layers to keep as they are")
        if self.strategy != "gradual" and self.unfreeze_epochs is not None:
            problem = f'`training.unfreeze_epochs` is given, but `training.strategy` is "{self.strategy}"'
            raise ConflictError("unfreeze_epochs", problem, 'Set strategy = "gradual", or delete unfreeze_epochs')
        if self.strategy != "freeze_layers" and self.freeze_layers is not None:
            problem = f'`training.freeze_layers` is {self.freeze_layers}, but `training.strategy` is "{self.strategy}"'
            raise ConflictError("freeze_layers", problem, 'Set strategy = "freeze_layers", or delete freeze_layers')
        return self

"""`[training]`: how a model is fine-tuned."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.settings.fields import ConflictError, Rate, Share, settings

DEFAULT_EPOCHS = 2
"""Passes over train where neither `epochs` nor `steps` is given."""


@settings
class Training:
    """How it is fine-tuned."""

    strategy: Literal["full", "freeze_layers", "head", "gradual"] = "full"
    """`head` trains the classifier, with its pooler if it has one; `freeze_layers` all but the embeddings and the first
    layers. What is frozen runs without dropout, once over every row, and its output is kept on disk; in each step where
    texts are seen in windows, or two of them apart from each other. `gradual`
    unfreezes: the head alone at first, and with each stage one layer more from the top, the embeddings last (Howard &
    Ruder 2018, section 3.3)."""
    unfreeze_epochs: Annotated[float, Field(gt=0)] | None = None
    """With `gradual`: how long a stage lasts; None: 1."""
    freeze_layers: Annotated[int, Field(ge=1)] | None = None
    """Number of encoder layers that are kept as they are, with the strategy of that name."""
    init_from: str = "base"
    """The weights it starts from: `base`, those of `model.base`; `pushed`, those of the newest pushed model that
    learned from other data, where there is one; or the directory of a pushed version."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 5e-5
    """Peak, after warm-up."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Each layer learns this much slower than the one above it (Howard & Ruder 2018, discriminative fine-tuning)."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    """Rows in a training batch."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    """How long: passes over train (`DEFAULT_EPOCHS` without either) or optimiser steps."""
    warmup: Share = 0.1
    """Share of all steps over which the learning rate rises linearly; it then falls linearly to 0."""
    weight_decay: Share = 0.01
    """Decoupled (Loshchilov & Hutter 2019), per step and unit of learning rate; not on biases and LayerNorm."""
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    """The gradient's global L2 norm is scaled down to this."""
    dropout: Rate | None = None
    """Of hidden states, attention and the classifier's input; None: as the base model's config.json says."""
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    """Of the matrix products; `auto`: bfloat16 on a CPU with instructions for it. What is pushed is float32."""
    label_smoothing: Rate = 0.0
    class_weights: Literal["none", "balanced"] | dict[str, Annotated[float, Field(gt=0)]] = "none"
    """`balanced`: rows / (classes x rows of the class); or a weight per label name."""
    evaluations_per_epoch: Annotated[int, Field(ge=1, le=100)] = 1
    """How often dev is measured; the best checkpoint by the task's first metric, then by loss, is kept."""
    early_stopping: Annotated[int, Field(ge=1)] | None = None
    """Stop after this many evaluations without a better one; None: never."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 5.0
    checkpoint_steps: Annotated[int, Field(ge=1)] | None = None
    """How often the training's state goes to disk, so that a killed run goes on from there; by steps too if given."""
    devices: Literal["auto", "mirrored", "multiworker"] = "auto"
    """What it runs on. `auto`: the GPUs that TensorFlow sees, each with a copy of the model, or else the CPU.
    `mirrored`: the same, refused where there is only one. `multiworker`: the processes that TF_CONFIG lists, each
    started with `train-worker` but for the chief's, see docs/training.md. `batch_size` is that of all together."""
    worker_minutes: Annotated[float, Field(gt=0)] = 10.0
    """With `multiworker`: how long the chief waits for the others to come."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.epochs is not None and self.steps is not None:
            problem = f"`training.epochs` is {self.epochs} and `training.steps` is {self.steps}, only one can be given"
            raise ConflictError("steps", problem, "Delete the one or the other")
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

"""`[model]` and `[training]` of a pre-training: what is pre-trained, and how."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from components.common.json_files import shown
from components.settings.fields import ConflictError, Count, Minutes, PathText, Rate, Share, settings, several
from components.settings.training import Training, check_steps

Objective = Literal["mlm", "nsp"]

_SHARED = (
    *("learning_rate", "batch_size", "micro_batch", "steps", "warmup", "weight_decay", "clip_norm", "dropout"),
    *("precision", "evaluations_per_epoch", "early_stopping", "checkpoint_minutes", "checkpoint_steps"),
    *("devices", "seed"),
)
"""Keys of `[training]` that are those of a fine-tuning."""

_SHAPE = ("layers", "hidden", "heads", "intermediate")


@settings
class PretrainedModel:
    """The BERT that a run with `kind = "pretraining"` trains: a new one of a vocabulary, or a base model that goes
    on."""

    base: PathText | None = None
    """A pre-trained BERT to go on from, for texts of another domain: as `base` of a fine-tuning, also `run:NAME` or
    `run:NAME/VERSION` for what another pre-training has pushed. A head for masked tokens that it lacks begins with
    random values. Example: `base = "hf://google-bert/bert-base-uncased"`"""
    vocabulary: PathText | None = None
    """For a new BERT, in place of `base`: the directory of its tokenizer (`vocab.txt`, `tokenizer_config.json`), or
    `run:NAME` or `run:NAME/VERSION` for what a run with `kind = "vocabulary"` has pushed.
    Example: `vocabulary = "run:newsgroups-vocabulary"`"""
    max_length: Annotated[int, Field(ge=8, le=1_000_000)] = 128
    """Tokens of an example, [CLS] and [SEP] included. A new BERT has positions for so many and no more.
    Example: `max_length = 256`"""
    layers: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Layers of a new BERT; default: 12. Example: `layers = 4` with `vocabulary = "words"`"""
    hidden: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Width of its hidden states, a multiple of `heads`; default: 768.
    Example: `hidden = 256` with `vocabulary = "words"`, `heads = 4`"""
    heads: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Attention heads of a layer; default: `hidden` / 64.
    Example: `heads = 4` with `vocabulary = "words"`, `hidden = 256`"""
    intermediate: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Inner width of the feed-forward part; default: 4 times `hidden`.
    Example: `intermediate = 1024` with `vocabulary = "words"`"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.base is None) == (self.vocabulary is None):
            what = "neither is given" if self.base is None else "both are given"
            problem = f"`model.base` or `model.vocabulary` says what the model begins with, {what}"
            raise ConflictError(
                "vocabulary" if self.vocabulary is not None else "base",
                problem,
                "Give base to go on from a model, or vocabulary for a new one",
            )
        given = [name for name in _SHAPE if getattr(self, name) is not None]
        if self.base is not None and given:
            problem = f"`model.{given[0]}` is given, but the shape is that of `model.base`"
            raise ConflictError(given[0], problem, "Delete it, or give vocabulary in place of base for a new model")
        if self.base is None and (self.width % self.number_of_heads or self.number_of_heads > self.width):
            problem = f"`model.hidden` is {self.width}, no multiple of {self.number_of_heads} heads"
            raise ConflictError("hidden", problem, "Correct hidden or heads: BERT has heads of 64 each")
        return self

    @property
    def width(self) -> int:
        """`hidden`, resolved."""
        return 768 if self.hidden is None else self.hidden

    @property
    def number_of_heads(self) -> int:
        """`heads`, resolved."""
        return max(1, self.width // 64) if self.heads is None else self.heads


@settings
class Pretraining:
    """How a model is pre-trained on documents."""

    objectives: Annotated[tuple[Objective, ...], BeforeValidator(several)] = ("mlm", "nsp")
    """What is learned. `mlm`: hidden tokens are told from those around them. `nsp`: of two texts, whether the second
    one follows the first in a document. Without `nsp` an example is one text.
    Example: `objectives = "mlm"`"""
    masked_share: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Of an example's tokens, the share that is hidden: of these 80% become [MASK], 10% another token, 10% stay.
    Example: `masked_share = 0.2`"""
    whole_words: bool = False
    """Whether all pieces of a word are hidden, or none. Example: `whole_words = true`"""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-4
    """The peak learning rate, reached at the end of warm-up. Example: `learning_rate = 5e-4`"""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 64
    """Examples in a training batch, of all devices together. Example: `batch_size = 256`"""
    micro_batch: Annotated[int, Field(ge=1, le=4096)] | None = None
    """As `micro_batch` of a fine-tuning: examples that go through the model at a time.
    Example: `micro_batch = 32` with `batch_size = 256`"""
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Passes over the documents of train, each with other tokens hidden; default, unless `steps` is given: 1.
    Example: `epochs = 10`"""
    steps: Count | None = None
    """Optimiser steps, instead of `epochs`. Example: `steps = 10000`"""
    warmup: Share = 0.1
    """Share of all steps over which the learning rate rises linearly; it then falls linearly to 0.
    Example: `warmup = 0.05`"""
    weight_decay: Share = 0.01
    """As `weight_decay` of a fine-tuning. Example: `weight_decay = 0.1`"""
    clip_norm: Annotated[float, Field(gt=0, le=1e15)] = 1.0
    """As `clip_norm` of a fine-tuning. Example: `clip_norm = 0.5`"""
    dropout: Rate | None = None
    """Dropout rate of hidden states and attention; default: the base model's, 0.1 of a new one.
    Example: `dropout = 0.0`"""
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    """As `precision` of a fine-tuning; what bfloat16 does to a pre-training was measured on toys alone, so it is asked
    for. Example: `precision = "auto"`"""
    evaluations_per_epoch: Annotated[int, Field(ge=1, le=100)] = 1
    """How often an epoch the model is measured on held-out documents. The weights with the smallest loss of hidden
    tokens become the model. Example: `evaluations_per_epoch = 4`"""
    early_stopping: Count | None = None
    """Stop after this many evaluations without a better one; default: never. Example: `early_stopping = 3`"""
    checkpoint_minutes: Minutes = 5.0
    """As `checkpoint_minutes` of a fine-tuning. Example: `checkpoint_minutes = 15`"""
    checkpoint_steps: Count | None = None
    """As `checkpoint_steps` of a fine-tuning. Example: `checkpoint_steps = 1000`"""
    devices: Literal["auto", "mirrored"] = "auto"
    """As `devices` of a fine-tuning, but for several machines. Example: `devices = "mirrored"`"""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    """Seed of initial values, pairs, hidden tokens, the order of the examples and dropout. Example: `seed = 7`"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if "mlm" not in self.objectives or len(set(self.objectives)) < len(self.objectives):
            problem = f'`training.objectives` needs "mlm", and may have "nsp", got {shown(self.objectives)}'
            raise ConflictError("objectives", problem, 'Give ["mlm", "nsp"] or "mlm"')
        check_steps(self.epochs, self.steps, self.batch_size, self.micro_batch)
        return self

    @property
    def next_sentence(self) -> bool:
        """Whether an example has two texts."""
        return "nsp" in self.objectives

    @property
    def as_training(self) -> Training:
        """What the loop of a fine-tuning reads of it."""
        same = {name: getattr(self, name) for name in _SHARED}
        return Training(epochs=None if self.steps is not None else self.epochs or 1, **same)

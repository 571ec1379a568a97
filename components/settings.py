"""What a run is told, as frozen dataclasses that refuse a wrong value when they are born.

They live beside the components that obey them and travel to these as JSON (`settings_io`), because a node may run in
another process than the one that read the TOML. Nothing here imports TensorFlow or TFX.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from components.settings_base import (
    Column,
    Columns,
    ConflictError,
    Name,
    NotNegative,
    Rate,
    Share,
    Strings,
    settings,
    several,
    shown,
)
from components.settings_placement import Beam, Kubeflow, Schedule
from components.tasks import TASKS
from components.tasks.multilabel import SEPARATOR, Multilabel

Split = Literal["train", "dev", "test"]
SPAN = "{SPAN}"
"""In a path: the number of a delivery of data."""
FROM_TRAIN: Literal["from train"] = "from train"
Labels = Literal["from train"] | tuple[str, ...]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
_DEFAULT_SPLIT: dict[Split, int] = {"train": 80, "dev": 10, "test": 10}
DEFAULT_WINDOWS = 8
"""Windows of a long text where `max_windows` does not say."""
DEFAULT_EPOCHS = 2
"""Passes over train where neither `epochs` nor `steps` is given."""
DEFAULT_THRESHOLD = 0.5


def _a_task(name: str) -> str:
    """Refuses a task that is not registered."""
    if name not in TASKS:
        raise ConflictError("task", *unknown_task(name))
    return name


def unknown_task(name: object) -> tuple[str, str]:
    """What to say of it, and the remedy."""
    close = difflib.get_close_matches(str(name), TASKS, n=1)
    nearest = f"Did you mean {close[0]!r}? " if close else ""
    return f"`task` is {shown(name)}, there is none like it", f"{nearest}Known: {', '.join(TASKS)}"


@settings
class Data:
    """Which rows a run sees. Paths may be globs, end in .gz, and are absolute once a config is loaded."""

    task: Annotated[str, AfterValidator(_a_task)] = "classification"
    """What the rows are labelled for, one of `components.tasks.TASKS`. In TOML, `task` at the top."""
    train: Strings = ()
    dev: Strings = ()
    test: Strings = ()
    """Files of each split; test may be absent."""
    files: Strings = ()
    """Instead of the three: files whose rows are dealt to the splits by a hash of the row."""
    split: dict[Split, Annotated[int, Field(ge=1)]] = Field(default_factory=_DEFAULT_SPLIT.copy)
    """Shares of the splits, with `files`."""
    window: Annotated[int, Field(ge=1)] = 1
    """Where paths hold {SPAN}, a number, as `data/span-{SPAN}/train.tsv`: so many of the newest spans are used."""
    spans: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """These spans instead of the newest; which they were, once a config is checked."""
    header: bool = True
    """Whether the first line of each file names the columns; never with `conll`."""
    columns: Annotated[int, Field(ge=2)] | None = None
    """Number of fields in a row without a header; None: as many as the largest column number used."""
    quoting: Literal["none", "csv"] = "none"
    """`none`: a quote is a character like any other. `csv`: RFC 4180 with a tab."""
    format: Literal["tsv", "conll"] = "tsv"
    """`conll`, for tagging: a token a line, its columns between spaces or tabs, an empty line after a sentence."""
    text: Columns = ()
    label: Column | None = None
    """Column names, or numbers from 1: of a text, or of two, and of what they are labelled with. Where none are given,
    the task's: `text` and `label`, `text_a`, `text_b` and `label`, and so on."""
    labels: Labels = FROM_TRAIN
    """The classes in the order of their ids, or `from train`: those that stand in train, sorted. For tagging, the types
    of entities."""
    range: Annotated[tuple[float, ...], BeforeValidator(several)] | None = None
    """Where labels are numbers: the least and the greatest that are allowed."""
    most_words: Annotated[int, Field(ge=1)] | None = None
    """For tagging: a sentence of more words is a bad row; None: as many as `model.max_length` and windows can hold, if
    each were one token."""
    slices: Columns = ()
    """Extra columns that are carried along so that metrics can be sliced by them."""
    on_bad_row: Literal["fail", "quarantine"] = "fail"
    max_bad_share: Share = 0.01
    """With `quarantine`: a run whose share of bad rows is larger fails."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._resolve()
        named = [name for name in SPLITS if getattr(self, name)]
        if self.files and named:
            raise ConflictError(
                "files",
                f"`data.files` is given and so is a file per split ({', '.join(named)})",
                "Keep `files` to have its rows dealt to the splits by a hash, or else a file per split",
            )
        missing = " and ".join(f"`data.{name}`" for name in ("train", "dev") if name not in named)
        if not self.files and missing:
            raise ConflictError(
                "train",
                f"{missing} {'is' if named else 'are'} missing",
                "Give files for train and dev, test may be absent; or `files` to deal rows to the splits by a hash",
            )
        if self.files and not {"train", "dev"} <= set(self.split):
            problem = f"`data.split` needs a share for train and for dev, got {shown(self.split)}"
            raise ConflictError("split", problem, "Give all, say split = { train = 80, dev = 10, test = 10 }")
        if not self.files and self.split != _DEFAULT_SPLIT:
            problem = "`data.split` is given without `data.files`, whose rows it deals to the splits"
            raise ConflictError("split", problem, "Delete it, or give `files` instead of a file per split")
        if self.window > 1 and not self.spans and not any(SPAN in pattern for _, pattern in self.patterns):
            problem = f"`data.window` is {self.window}, but no path holds {SPAN}"
            raise ConflictError("window", problem, "Delete it, or give paths such as data/span-{SPAN}/train.tsv")
        self._check_columns()
        self._check_task()
        if self.labels != FROM_TRAIN:
            self._check_labels()
        return self

    def _resolve(self) -> None:
        """Gives the columns that are not given the task's names, or in CoNLL's format numbers."""
        task, conll = TASKS[self.task], self.format == "conll"
        # Frozen for everybody else.
        if conll:
            object.__setattr__(self, "header", False)
        if not self.text:
            object.__setattr__(self, "text", (1,) if conll else task.texts)
        if self.label is None:
            object.__setattr__(self, "label", 2 if conll else task.target)

    @property
    def wanted(self) -> tuple[Column, ...]:
        """Every column in use: the texts', the label's, the slices'."""
        assert self.label is not None  # noqa: S101
        return (*self.text, self.label, *self.slices)

    def _check_task(self) -> None:
        task = TASKS[self.task]
        if len(self.text) != len(task.texts):
            problem = f"`data.text` is {shown(self.text)}, the task {self.task} reads {len(task.texts)} of them"
            raise ConflictError("text", problem, f"Give {len(task.texts)}, say text = {shown(task.texts)}")
        bounds = self.range
        if bounds is not None and not (task.numeric and len(bounds) == 2 and bounds[0] < bounds[1]):
            problem = f"`data.range` is {shown(self.range)}"
            remedy = "Give the least number and the greatest" if task.numeric else f"Delete it: {self.task} has names"
            raise ConflictError("range", problem, remedy)
        if self.labels != FROM_TRAIN and not task.named:
            problem = f"`data.labels` is {shown(self.labels)}, but the labels of {self.task} are numbers"
            raise ConflictError("labels", problem, "Delete it; data.range bounds numbers")
        if self.most_words is not None and not task.per_token:
            problem = f"`data.most_words` is {self.most_words}, but the rows of {self.task} are no sentences of words"
            raise ConflictError("most_words", problem, "Delete it: texts are truncated or seen in windows")
        if self.format == "conll" and (not task.per_token or self.slices or self.quoting != "none"):
            problem = '`data.format` is "conll", which is for tagging, without slices and quoting'
            raise ConflictError("format", problem, 'Set format = "tsv", or task = "tagging"')

    def _check_columns(self) -> None:
        wanted = self.wanted
        if len(set(wanted)) < len(wanted):
            problem = f"a column can be used once, `data.text`, `label` and `slices` are {shown(wanted)}"
            raise ConflictError("label" if self.label in self.text else "slices", problem, "Give each another column")
        keys = (*["text"] * len(self.text), "label", *["slices"] * len(self.slices))
        for key, column in zip(keys, wanted, strict=True):
            if not self.header and isinstance(column, str):
                problem = f"`data.{key}` is {shown(column)}, but without a header there are no names"
                remedy = "Number the columns from 1, say text = 1 and label = 2; or set header = true"
                raise ConflictError(key, problem, remedy)
            if self.columns is not None and isinstance(column, int) and column > self.columns:
                problem = f"`data.{key}` is column {column}, `data.columns` says that there are {self.columns}"
                raise ConflictError("columns", problem, "Correct the one or the other")
        if self.header and self.columns is not None:
            problem = f"`data.columns` is {self.columns}, but it is for files without a header"
            raise ConflictError(
                "columns", problem, "Delete it, the header tells the number itself; or set header = false"
            )

    def _check_labels(self) -> None:
        least = TASKS[self.task].fewest
        if len(self.labels) < least or len(set(self.labels)) < len(self.labels):
            count = {1: "one name", 2: "two names"}[least]
            problem = f"`data.labels` needs at least {count}, each different, got {shown(self.labels)}"
            raise ConflictError("labels", problem, 'List the classes, or set labels = "from train"')
        for name in self.labels:
            if self.task == Multilabel.name and SEPARATOR in name:
                problem = f"`data.labels` holds {shown(name)}, but a {SEPARATOR} stands between labels"
                raise ConflictError("labels", problem, "Rename the label")
            if not name.strip() or set(name) & set("\t\r\n"):
                problem = f"`data.labels` holds {shown(name)}, a name cannot be empty or hold a tab or a line break"
                raise ConflictError("labels", problem, "Correct the name")

    def under(self, folder: str) -> Self:
        """The same with relative paths taken from a directory."""
        paths: dict[str, Any] = {
            name: tuple(os.path.join(folder, path) for path in getattr(self, name))  # noqa: PTH118
            for name in (*SPLITS, "files")
        }
        return dataclasses.replace(self, **paths)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are, in the order train, dev, test."""
        return tuple(name for name in SPLITS if (name in self.split if self.files else getattr(self, name)))

    @property
    def patterns(self) -> list[tuple[str | None, str]]:
        """(split, path or glob) of every input; the split is None where a hash of the row decides."""
        if self.files:
            return [(None, pattern) for pattern in self.files]
        return [(name, pattern) for name in SPLITS for pattern in getattr(self, name)]


@settings
class Validation:
    """What the data must look like."""

    schema_file: str | None = None
    """A reviewed schema (schema.pbtxt); None: one is inferred from train, which bootstraps but validates little."""
    allow_anomalies: Strings = ()
    """Exceptions, as `FEATURE:ANOMALY` or `SPLIT:FEATURE:ANOMALY`, in the words of the message that stopped a run."""


@settings
class Drift:
    """How far the rows of train (of its newest span) may be from those that the model in production learned from."""

    on_drift: Literal["fail", "warn"] = "fail"
    label: Share = 0.2
    """The most by which a class's share may move (L-infinity distance)."""
    text_length: Share = 0.1
    unknown_share: Share = 0.1
    vocabulary_coverage: Share = 0.1
    """Jensen-Shannon divergence, from 0 to 1, of tokens a text, and of the shares of its words that the tokenizer does
    not know and that the vocabulary holds whole."""


@settings
class Model:
    """The model that is fine-tuned."""

    base: str
    """A directory in Hugging Face's layout, or `hf://organisation/name`."""
    max_length: Annotated[int, Field(ge=3)] = 128
    """Tokens a text is truncated to, [CLS] and [SEP] included; of a pair of texts, both, the longer one first."""
    long_texts: Literal["truncate", "window"] = "truncate"
    """`window`: a text of more tokens is seen in overlapping windows of `max_length`, whose logits are averaged."""
    window_overlap: Annotated[int, Field(ge=0)] | None = None
    """Tokens that a window shares with the next one; None: a quarter of `max_length`."""
    max_windows: Annotated[int, Field(ge=2)] | None = None
    """A text of more windows is truncated; None: 8."""
    pooling: Literal["cls", "mean"] = "cls"
    """What the head looks at: BERT's pooler over the first token, or the mean of all tokens. For embeddings `cls` is
    the first token's state itself; where each word is labelled, each word's first token is looked at."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = DEFAULT_THRESHOLD
    """With several labels a text: the score from which on a label is given."""

    @property
    def overlap(self) -> int:
        """`window_overlap`, resolved."""
        return self.max_length // 4 if self.window_overlap is None else self.window_overlap

    @property
    def stride(self) -> int:
        """Tokens from the beginning of a window to that of the next."""
        return self.max_length - 2 - self.overlap

    @property
    def most_tokens(self) -> int:
        """Tokens of a text that are used, [CLS] and [SEP] included."""
        if self.long_texts == "truncate":
            return self.max_length
        return self.max_length + self.stride * ((self.max_windows or DEFAULT_WINDOWS) - 1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.long_texts == "truncate":
            for key in ("window_overlap", "max_windows"):
                if (value := getattr(self, key)) is not None:
                    problem = f'`model.{key}` is {value}, but `model.long_texts` is "truncate"'
                    raise ConflictError(key, problem, 'Delete it, or set long_texts = "window"')
        elif self.stride < 1:
            problem = f"`model.window_overlap` is {self.overlap}, a window of {self.max_length} has no room for more"
            raise ConflictError("window_overlap", problem, f"Give at most {self.max_length - 3}")
        return self


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


@settings
class Gate:
    """What a model must show on dev before it is pushed. The tasks name their metrics, see docs/tasks.md."""

    min: dict[str, Share] = Field(default_factory=dict)
    max: dict[str, NotNegative] = Field(default_factory=dict)
    """Absolute bounds by metric. Those with a lower bound are shares from 0 to 1, not percent."""
    max_drop: dict[str, NotNegative] = Field(default_factory=dict)
    """How much worse than the model in production a metric may be."""


@settings
class Push:
    """Where a blessed model goes: DESTINATION/NAME/VERSION, TensorFlow Serving's layout."""

    name: Name | None = None
    """The model's name for its server; None: the run's name."""
    destination: str | None = None
    """A directory; None: `serving` under the run's root."""


@settings
class Run:
    """One run, whole: what a TOML file states."""

    name: Name
    data: Data
    validation: Validation = Field(default_factory=Validation)
    drift: Drift = Field(default_factory=Drift)
    model: Model
    training: Training = Field(default_factory=Training)
    gate: Gate = Field(default_factory=Gate)
    push: Push = Field(default_factory=Push)
    schedule: Schedule = Field(default_factory=Schedule)
    beam: Beam = Field(default_factory=Beam)
    kubeflow: Kubeflow = Field(default_factory=Kubeflow)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        task = TASKS[self.data.task]
        if len(task.texts) > 1 and self.model.long_texts == "window":
            problem = f'`model.long_texts` is "window", which is for one text, and {task.name} reads two'
            raise ConflictError("model.long_texts", problem, "Delete it: long texts are truncated")
        if task.two_passes and self.training.strategy == "head":
            problem = f'`training.strategy` is "head", but {task.name} has no head to train'
            raise ConflictError("training.strategy", problem, 'Use "full" or "gradual"; `embed` takes a base model too')
        if task.numeric and self.training.label_smoothing:
            problem = f"`training.label_smoothing` is given, but the labels of {task.name} are numbers"
            raise ConflictError("training.label_smoothing", problem, "Delete it")
        if task is not Multilabel and self.model.threshold != DEFAULT_THRESHOLD:
            problem = f"`model.threshold` is {self.model.threshold}, but {task.name} has no scores to hold against it"
            raise ConflictError("model.threshold", problem, "Delete it")
        if not task.one_label and self.training.class_weights != "none":
            problem = f"`training.class_weights` is given, but the rows of {task.name} have no class each"
            raise ConflictError("training.class_weights", problem, "Delete it")
        return self

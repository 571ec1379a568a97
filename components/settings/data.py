"""`[data]`: which rows a run sees."""

from __future__ import annotations

import dataclasses
import os
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from components import tasks
from components.common.json_files import shown
from components.settings import data_rules
from components.settings.fields import Column, Columns, ConflictError, Count, Paths, Several, Share, settings, several
from components.settings.separators import QUOTING, RowQuoting, Separator
from components.tasks import TASKS, label_text, tag_schemes
from components.tasks.regression import LARGEST

Split = Literal["train", "dev", "test"]

SPAN = "{SPAN}"
"""In a path: the number of a delivery of data."""

Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]

FROM_TRAIN: Literal["from train"] = "from train"

Labels = Literal["from train"] | tuple[str, ...]

SPLITS: tuple[Split, ...] = ("train", "dev", "test")

GATE = "gate"
"""The split of the rows of dev that `Data.held_back` keeps for the gate alone."""

CONLLU_WIDTH, CONLLU_WORD, CONLLU_TAG = 10, 2, 4
"""Columns of CoNLL-U, and which of them are the word and its part of speech."""

_DEFAULT_SPLIT: dict[Split, int] = {"train": 80, "dev": 10, "test": 10}


def _a_task(name: str) -> str:
    """Refuses a task that is not registered."""
    if name not in TASKS:
        raise ConflictError("task", *tasks.unknown(name))
    return name


@settings
class Data:
    """The rows of a run: files, columns, labels. Relative paths are taken from the TOML file's directory. A path may be
    a glob, and may end in .gz."""

    table: ClassVar[str] = "data"
    """Where in a TOML file they are."""

    task: Annotated[str, AfterValidator(_a_task)] = "classification"
    """What is predicted: `classification`, `multilabel`, `pair`, `similarity`, `regression`, `tagging`, `word_tags`,
    `embedding`, `answering` or `generation`, or a task of a package of your own, see docs/tasks.md. It stands at the
    top of the file, above the tables.
    Example: `task = "multilabel"`"""
    train: Paths = ()
    """The files that the model learns from; required, unless `files` is given.
    Example: `train = ["tickets/2026-*.tsv.gz"]`"""
    dev: Paths = ()
    """The files that choose the checkpoint and that the gate looks at; required, unless `files` is given.
    Example: `dev = "tickets/dev.tsv"`"""
    test: Paths = ()
    """The files that are measured at the end and only reported; may be left out.
    Example: `test = "tickets/test.tsv"`"""
    files: Paths = ()
    """Instead of `train`, `dev` and `test`: files whose rows are dealt to the splits by a hash of their texts, so that
    equal texts are in one split. The shares are therefore about those of `split`; with fewer than some hundred rows
    give a file for each split.
    Example: `files = "tickets/all.tsv"`"""
    split: dict[Split, Count] = Field(default_factory=_DEFAULT_SPLIT.copy)
    """With `files`: the shares of the splits.
    Example: `split = { train = 90, dev = 10 }` with `files = "tickets/all.tsv"`"""
    held_back: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    """The share of the rows of dev that choose nothing, by a hash of their texts: no checkpoint, temperature or
    threshold. They are a split of their own, `gate`, and the gate looks at these alone; without it the gate looks at
    all of dev, which chose the checkpoint. It costs rows, of which `check` says what they still show.
    Example: `held_back = 0.5`"""
    group: Column | None = None
    """With `files`: a column, a name or a number from 1, whose rows of one value go into one split: the author, the
    patient, the conversation. Without it a hash of the texts decides.
    Example: `group = "customer"` with `files = "tickets/all.tsv"`"""
    window: Count = 1
    """Where paths hold `{SPAN}`, the number of a delivery: how many of the newest spans are used.
    Example: `window = 3` with `train = "span-{SPAN}/train.tsv"`"""
    spans: tuple[Annotated[int, Field(ge=0, lt=10**18)], ...] = ()
    """Where paths hold `{SPAN}`: these spans, instead of the newest.
    Example: `spans = [3, 4]` with `train = "span-{SPAN}/train.tsv"`"""
    header: bool = True
    """Whether the first line of each file names the columns; never with the formats `conll` and `conllu`.
    Example: `header = false` with `text = 1`, `label = 2`"""
    columns: Annotated[int, Field(ge=2, le=1_000_000)] | None = None
    """Without a header: the number of fields in a row; default: the largest column number in use.
    Example: `columns = 5` with `header = false`, `text = 2`, `label = 4`"""
    quoting: Literal["none", "csv"] = "none"
    """`none`: a quote is a character like any other. `csv`: fields may be quoted as in RFC 4180, with a tab for the
    comma, as pandas' `to_csv(sep="\\t")` and spreadsheets write them.
    Example: `quoting = "csv"`"""
    separator: Separator = "\t"
    """What stands between the fields of a row: a tab, a comma, a semicolon or a bar. With any but the tab fields may be
    quoted, so `quoting` is `csv`.
    Example: `separator = ","`"""
    format: Literal["tsv", "conll", "conllu"] = "tsv"
    """`tsv`: a row a line, fields between tabs or another `separator`. For the tasks `tagging` and `word_tags`:
    `conll`: a token a line, its columns between spaces or tabs, an empty line after a sentence; `conllu`: CoNLL-U,
    whose comments, multiword tokens (`1-2`) and empty nodes (`1.1`) are left out.
    Example: `format = "conll"` with `task = "tagging"`"""
    comments: Annotated[str, Field(min_length=1)] | None = None
    """With `format = "conll"`: a line in front of a sentence's first token that begins so is a comment.
    Example: `comments = "# "` with `format = "conll"`, `task = "tagging"`"""
    text: Columns = ()
    """The column of the text, a name or a number from 1; for a task with two texts a list of both. Default: the task's
    own names (`text`, or `text_a` and `text_b`, `tokens`, `question` and `context`, `source`).
    Example: `text = "body"`"""
    label: Column | None = None
    """The column of the label, a name or a number from 1; default: the task's own name (`label`, `score`, `value` or
    `tags`, `answer`, `target`), 2 with `format = "conll"`, 4 (UPOS) with `conllu`.
    Example: `label = "topic"`"""
    start: Column | None = None
    """For the task `answering`: the column of where each answer begins in its context, a name or a number from 1; in
    characters from 0, with a `|` between several. Default: an answer is where it first stands in the context.
    Example: `start = "start"` with `task = "answering"`"""
    scheme: tag_schemes.Scheme = "bio"
    """For the task `tagging`, how tags in the files mark entities: `bio` (IOB2), `iob1`, or `bioes`, which reads BILOU
    too. All are learned and answered as the same entities, see docs/tasks.md.
    Example: `scheme = "bioes"` with `task = "tagging"`"""
    allow_no_label: bool = False
    """For the task `multilabel`: whether a row may have an empty label field, for none of the labels; else such
    a row is bad.
    Example: `allow_no_label = true` with `task = "multilabel"`"""
    labels: Labels = FROM_TRAIN
    """The classes in the order of their ids, for `tagging` the types of entities; or `from train`: those that are found
    in train, sorted.
    Example: `labels = ["negative", "positive"]`"""
    range: Annotated[tuple[Number, ...], BeforeValidator(several)] | None = None
    """For tasks whose labels are numbers: the least and the greatest that are allowed; a row beyond them is bad.
    Example: `range = [0, 5]` with `task = "regression"`"""
    most_words: Count | None = None
    """For the tasks `tagging` and `word_tags`: a sentence of more words is a bad row; default: as many as `max_length`
    and windows can hold if each is one token.
    Example: `most_words = 100` with `task = "tagging"`"""
    target_length: Annotated[int, Field(ge=2, le=1_000_000)] | None = None
    """For the task `generation`: most tokens of a target, its end counted, that are learned and written; default: 64.
    With `model.max_length` of the source at most what the base model has positions for.
    Example: `target_length = 32` with `task = "generation"`"""
    long_targets: Literal["refuse", "cut"] = "refuse"
    """For the task `generation`: what becomes of a target of more tokens. `refuse`: the run stops, and `check` names
    the row. `cut`: the rest is not learned, and how many rows that is is told.
    Example: `long_targets = "cut"` with `task = "generation"`"""
    slices: Columns = ()
    """Extra columns by whose values the metrics are also reported; they are always reported by text length.
    Example: `slices = ["country"]`"""
    max_slice_values: Annotated[int, Field(ge=1, le=1000)] = 50
    """Of each column in `slices`: how many values are reported apart, those of the most rows; the rest is `(others)`.
    Example: `max_slice_values = 10` with `slices = ["country"]`"""
    slice_values: dict[str, Several] = Field(default_factory=dict)
    """By column in `slices`, in place of the values of the most rows: the values that are reported apart.
    Example: `slice_values = { country = ["DE", "FR"] }` with `slices = ["country"]`"""
    on_bad_row: Literal["fail", "quarantine"] = "fail"
    """What a row that breaks a rule does. `fail`: it stops the run with its file, line and remedy. `quarantine`: it
    goes to a file beside the artifact, and the run goes on.
    Example: `on_bad_row = "quarantine"`"""
    max_bad_share: Share = 0.01
    """With `on_bad_row = "quarantine"`: a run with a larger share of bad rows fails.
    Example: `max_bad_share = 0.001` with `on_bad_row = "quarantine"`"""

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
        if not self.files and self.group is not None:
            problem = f"`data.group` is {shown(self.group)}, but without `data.files` no rows are dealt to the splits"
            raise ConflictError("group", problem, "Delete it, or give `files` instead of a file per split")
        if self.window > 1 and not self.spans and not any(SPAN in pattern for _, pattern in self.patterns):
            problem = f"`data.window` is {self.window}, but no path holds {SPAN}"
            raise ConflictError("window", problem, "Delete it, or give paths such as data/span-{SPAN}/train.tsv")
        data_rules.check_columns(self)
        data_rules.check_task(self)
        data_rules.check_labels(self)
        return self

    def _resolve(self) -> None:
        """Gives the columns that are not given the task's names, or in CoNLL's formats numbers."""
        task = TASKS[self.task]
        conll = {"conll": (1, 2), "conllu": (CONLLU_WORD, CONLLU_TAG)}.get(self.format)
        if conll:  # the fields are frozen for everybody else
            object.__setattr__(self, "header", False)
        if self.separator != "\t":
            object.__setattr__(self, "quoting", "csv")
        if not self.text:
            object.__setattr__(self, "text", conll[:1] if conll else task.texts)
        if isinstance(self.labels, tuple):
            object.__setattr__(self, "labels", tuple(map(label_text.cleaned, self.labels)))
        if self.label is None:
            object.__setattr__(self, "label", conll[1] if conll else task.target)

    @property
    def row_quoting(self) -> RowQuoting:
        """`quoting` and `separator` as readers take them."""
        return self.quoting if self.separator == "\t" else QUOTING[self.separator]

    @property
    def wanted(self) -> tuple[Column, ...]:
        """Every column in use: the texts', the label's, the slices'."""
        assert self.label is not None  # noqa: S101
        return (*self.text, self.label, *self.slices)

    @property
    def columns_in_use(self) -> int:
        """The largest number of a column, without a header."""
        return max(int(column) for column in (*self.wanted, self.group or 1, self.start or 1))

    def under(self, folder: str) -> Self:
        """The same with relative paths taken from a directory."""
        paths: dict[str, Any] = {
            name: tuple(os.path.join(folder, path) for path in getattr(self, name))  # noqa: PTH118
            for name in (*SPLITS, "files")
        }
        return dataclasses.replace(self, **paths)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are, in the order train, dev, gate, test."""
        named = [name for name in SPLITS if (name in self.split if self.files else getattr(self, name))]
        return tuple(of for name in named for of in self.dealt(name))

    def dealt(self, split: str | None) -> tuple[str, ...]:
        """The splits that rows of a file go to.

        Args:
            split: the file's; None: it is one of `files`.
        """
        if split is None:
            return self.splits
        return (split, GATE) if split == "dev" and self.held_back else (split,)

    @property
    def gated(self) -> str:
        """The split that the gate looks at."""
        return GATE if self.held_back else "dev"

    @property
    def patterns(self) -> list[tuple[str | None, str]]:
        """(split, path or glob) of every input; the split is None where a hash decides."""
        if self.files:
            return [(None, pattern) for pattern in self.files]
        return [(name, pattern) for name in SPLITS for pattern in getattr(self, name)]

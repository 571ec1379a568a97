"""`[gate]`: what a model must show before it is pushed."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from components.settings.fields import ConflictError, Count, NotNegative, Share, metric_keys, settings

Floors = Annotated[dict[str, Share], BeforeValidator(metric_keys)]

Ceilings = Annotated[dict[str, NotNegative], BeforeValidator(metric_keys)]

DEFAULT_CONFIDENCE = 0.95


@settings
class GateSlices:
    """The bounds on dev that a model must meet in every slice by itself: in the rows of each value of the columns
    `data.slices`, and of each range of text lengths."""

    min: Floors = Field(default_factory=dict)
    """Lower bounds by metric. Example: `min = { accuracy = 0.7 }`"""
    max: Ceilings = Field(default_factory=dict)
    """Upper bounds by metric. Example: `max = { loss = 0.9 }`"""
    min_rows: Count = 30
    """A slice with fewer rows is not held to them, which the verdict says: a few rows are chance.
    Example: `min_rows = 50`"""
    features: tuple[str, ...] | None = None
    """The columns whose slices count, `text_length` for the lengths; all if left out.
    Example: `features = ["source"]`"""


@settings
class Gate:
    """The bounds on dev that a model must meet before it is pushed. At least one bound in `min` or `max` is required.
    A metric of one label is `METRIC/LABEL`, in quotes; docs/metrics.md has the metrics of each task."""

    min: Floors = Field(default_factory=dict)
    """Lower bounds by metric, for metrics that are better when higher: shares from 0 to 1, not percent.
    Example: `min = { accuracy = 0.85, macro_f1 = 0.8 }`"""
    max: Ceilings = Field(default_factory=dict)
    """Upper bounds by metric, for metrics that are better when lower. Example: `max = { loss = 0.6 }`"""
    min_over_copy: Floors = Field(default_factory=dict)
    """For the task `generation`, by metric: how much better than the sources themselves, copied in place of what is
    written. Example: `min_over_copy = { chrf = 0.05 }` with `task = "generation"`"""
    max_drop: Ceilings = Field(default_factory=dict)
    """How much worse than the model in production a metric may be, where there is one: the two numbers are compared,
    in which a difference of a few rows is chance. Example: `max_drop = { accuracy = 0.01 }`"""
    no_worse: Ceilings = Field(default_factory=dict)
    """By how much worse than the model in production a metric may truly be, where there is one: both models are
    compared row by row, and the answer is no worse, worse or undecided. `check` says how likely dev can decide.
    Example: `no_worse = { macro_f1 = 0.01 }`"""
    undecided: Literal["refuse", "push"] = "refuse"
    """What becomes of a model of which dev has too few rows to say whether it is worse by more than `no_worse` allows.
    Example: `undecided = "push"`"""
    max_flips: Share | None = None
    """On which share of the rows of dev the answer may be another than that of the model in production, right or wrong:
    clients see each. Of tasks whose answers are no numbers. Example: `max_flips = 0.1`"""
    max_ece: Share | None = None
    """How far probabilities may be from how often the model is right: the expected calibration error, in 15 bins, of
    tasks with classes or several labels. Example: `max_ece = 0.05`"""
    max_megabytes: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """Size of the exported model. Example: `max_megabytes = 500`"""
    confidence: Annotated[float, Field(ge=0.5, le=0.99)] = DEFAULT_CONFIDENCE
    """Of the intervals beside metrics, and of each answer about `no_worse`. Example: `confidence = 0.9`"""
    anchor: Annotated[int, Field(ge=1, le=10**12)] | Literal["best"] | None = None
    """A second version to compare with beside the one in production, so that ten small losses do not add up unseen: its
    number, or "best", of all that are there the one that was measured best on dev when it was pushed, by the metric
    of `anchor_no_worse` that comes first in the alphabet. Example: `anchor = "best"` with
    `anchor_no_worse = { accuracy = 0.02 }`"""
    anchor_no_worse: Ceilings = Field(default_factory=dict)
    """By how much worse than `anchor` a metric may truly be, as `no_worse` has it of the version in production.
    Example: `anchor_no_worse = { accuracy = 0.02 }` with `anchor = "best"`"""
    bounds_on: Literal["value", "interval"] = "value"
    """What is held against `min` and `max`, those of `gate.slices` too: the metric's value, or the end of its interval
    on the side of the bound, so that the true value meets it. Example: `bounds_on = "interval"`"""
    slices: GateSlices = Field(default_factory=GateSlices)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.anchor is None) != (not self.anchor_no_worse):
            given, missing = ("anchor_no_worse", "anchor") if self.anchor is None else ("anchor", "anchor_no_worse")
            example = 'anchor = "best"' if missing == "anchor" else "anchor_no_worse = { accuracy = 0.02 }"
            problem = f"`gate.{given}` is given, `gate.{missing}` is not, and each needs the other"
            raise ConflictError(given, problem, f"Add, say, {example}, or delete it")
        return self

    @property
    def anchor_metric(self) -> str:
        """By which the best version is told, whatever the order in a file, which JSON does not keep."""
        return min(self.anchor_no_worse)

    @property
    def compares(self) -> bool:
        """Whether a rule is about the model in production."""
        return bool(self.max_drop or self.no_worse) or self.max_flips is not None

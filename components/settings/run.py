"""One run, whole: frozen dataclasses that refuse a wrong value when they are made.

They travel to the nodes as JSON (`serialization`), because a node may run in another process than the one that read the
TOML. Nothing here imports TensorFlow or TFX.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from components.settings.beam import Beam
from components.settings.calibration import Calibration
from components.settings.data import Data
from components.settings.drift import Drift
from components.settings.fields import ConflictError, Name, settings
from components.settings.gate import Gate
from components.settings.generation import Generation
from components.settings.kubeflow import Kubeflow
from components.settings.model import Model
from components.settings.push import Notify, Push
from components.settings.schedule import Schedule
from components.settings.serving import Serving
from components.settings.tracking import Tracking
from components.settings.training import Training
from components.settings.validation import Validation
from components.tasks import TASKS
from components.tasks.answering.task import DEFAULT_LONGEST, DEFAULT_NULL_THRESHOLD
from components.tasks.multilabel import DEFAULT_THRESHOLD, Multilabel

_LEAST_WITH_QUESTION = 8
"""Tokens: [CLS], [SEP] twice, a question and a word or two."""

FINE_TUNING: Literal["fine-tuning"] = "fine-tuning"


@settings
class Run:
    """One run, whole: what a TOML file states."""

    SHIPPED: ClassVar[str] = "movie_reviews"
    """A config that ships, to look at."""

    name: Name
    """Name of the pipeline: of its directory under `--root`, and of its model. 1 to 63 letters, digits, _ and -.
    Example: `name = "tickets"`"""
    kind: Literal["fine-tuning"] = FINE_TUNING
    """What the run makes. `fine-tuning`: a model for a task, of labelled rows. `vocabulary`: the vocabulary of a BERT,
    of documents; its tables are `corpus` and `vocabulary` in place of `data`, `validation`, `drift`, `model`,
    `training` and `serving`, see docs/vocabulary.md. `pretraining`: a BERT, of documents; it has `corpus`, and a
    `model` and a `training` of its own, see docs/pretraining.md. It stands at the top of the file, above the tables.
    Example: `kind = "fine-tuning"`"""
    data: Data
    validation: Validation = Field(default_factory=Validation)
    drift: Drift = Field(default_factory=Drift)
    model: Model
    training: Training = Field(default_factory=Training)
    calibration: Calibration = Field(default_factory=Calibration)
    serving: Serving = Field(default_factory=Serving)
    gate: Gate = Field(default_factory=Gate)
    push: Push = Field(default_factory=Push)
    notify: Notify = Field(default_factory=Notify)
    tracking: Tracking = Field(default_factory=Tracking)
    schedule: Schedule = Field(default_factory=Schedule)
    beam: Beam = Field(default_factory=Beam)
    kubeflow: Kubeflow = Field(default_factory=Kubeflow)

    @property
    def calibrates(self) -> bool:
        """Whether the trained model is calibrated: it is to be, and its task has something to calibrate."""
        task = TASKS[self.data.task]
        return self.calibration.enabled and (task.has_temperature or bool(task.calibrated_fields))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        task = TASKS[self.data.task]
        if self.calibration.abstain and not task.single_label:
            problem = f"`calibration.abstain` is given, but {task.name} has no one class a row to be sure of"
            raise ConflictError("calibration.abstain", problem, "Delete it")
        if len(task.texts) > 1 and not task.finds_span and self.model.long_texts == "window":
            problem = f'`model.long_texts` is "window", which is for one text, and {task.name} reads two'
            raise ConflictError("model.long_texts", problem, "Delete it: long texts are truncated")
        if len(task.texts) > 1 and self.model.parses_control_tokens:
            problem = f'`model.control_tokens` is "parse", but {task.name} tells its two texts apart by [SEP]'
            raise ConflictError("model.control_tokens", problem, "Delete it")
        if task.writes and self.model.parses_control_tokens:
            problem = f'`model.control_tokens` is "parse", but a text that {task.name} learns to write ends at [SEP]'
            raise ConflictError("model.control_tokens", problem, "Delete it")
        if task.bi_encoder and self.training.strategy == "head":
            problem = f'`training.strategy` is "head", but {task.name} has no head to train'
            raise ConflictError("training.strategy", problem, 'Use "full" or "gradual"; `embed` takes a base model too')
        if task.finds_span and self.training.label_smoothing:
            problem = f"`training.label_smoothing` is given, but the labels of {task.name} are places in a text"
            raise ConflictError("training.label_smoothing", problem, "Delete it")
        if task.finds_span and self.model.max_length < _LEAST_WITH_QUESTION:
            problem = f"`model.max_length` is {self.model.max_length}, a question and a context need more"
            raise ConflictError("model.max_length", problem, f"Give at least {_LEAST_WITH_QUESTION}")
        of_answers = {"null_threshold": DEFAULT_NULL_THRESHOLD, "longest_answer": DEFAULT_LONGEST}
        for key, default in of_answers.items():
            if not task.finds_span and (value := getattr(self.model, key)) != default:
                problem = f"`model.{key}` is {value}, but {task.name} finds no answers in a text"
                raise ConflictError(f"model.{key}", problem, 'Delete it, or set task = "answering"')
        if task.numeric and self.training.label_smoothing:
            problem = f"`training.label_smoothing` is given, but the labels of {task.name} are numbers"
            raise ConflictError("training.label_smoothing", problem, "Delete it")
        if not issubclass(task, Multilabel) and self.model.threshold != DEFAULT_THRESHOLD:
            problem = f"`model.threshold` is {self.model.threshold}, but {task.name} has no scores to hold against it"
            raise ConflictError("model.threshold", problem, "Delete it")
        if not task.writes and self.model.generation != Generation():
            problem = f"`model.generation` is given, but {task.name} writes no text"
            raise ConflictError("model.generation", problem, 'Delete it, or set task = "generation"')
        if task.writes and self.model.long_texts == "window":
            problem = f'`model.long_texts` is "window", but {task.name} writes of what it sees at once'
            raise ConflictError("model.long_texts", problem, "Delete it: long sources are truncated")
        if self.training.metric is not None and (wrong := task().check_metric(self.training.metric)):
            raise ConflictError("training.metric", f"`training.metric` {wrong[0]}", wrong[1])
        if not task.weighs_labels and self.training.class_weights != "none":
            problem = f"`training.class_weights` is given, but the labels of {task.name} have no names to weigh"
            raise ConflictError("training.class_weights", problem, "Delete it")
        return self

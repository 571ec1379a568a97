"""A run that pre-trains a BERT, whole: what a TOML file with `kind = "pretraining"` states."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from components.settings.beam import Beam
from components.settings.fields import Name, settings
from components.settings.gate import Gate
from components.settings.kinds.corpus import Corpus
from components.settings.kinds.pretraining import PretrainedModel, Pretraining
from components.settings.kubeflow import Kubeflow
from components.settings.push import Notify, Push
from components.settings.schedule import Schedule
from components.settings.tracking import Tracking


@settings
class PretrainingRun:
    """One run, whole."""

    SHIPPED: ClassVar[str] = "movie_reviews_pretraining"
    """A config that ships, to look at."""

    name: Name
    """As of any run: of its directory under `--root`, and of the model.
    Example: `name = "newsgroups-bert"`"""
    kind: Literal["pretraining"]
    """What the run makes. Example: `kind = "pretraining"`"""
    corpus: Corpus
    model: PretrainedModel
    training: Pretraining = Field(default_factory=Pretraining)
    gate: Gate = Field(default_factory=Gate)
    push: Push = Field(default_factory=Push)
    notify: Notify = Field(default_factory=Notify)
    tracking: Tracking = Field(default_factory=Tracking)
    schedule: Schedule = Field(default_factory=Schedule)
    beam: Beam = Field(default_factory=Beam)
    kubeflow: Kubeflow = Field(default_factory=Kubeflow)

"""A run that learns a vocabulary, whole: what a TOML file with `kind = "vocabulary"` states."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from components.settings.beam import Beam
from components.settings.fields import Name, settings
from components.settings.gate import Gate
from components.settings.kinds.corpus import Corpus
from components.settings.kinds.vocabulary import Vocabulary
from components.settings.kubeflow import Kubeflow
from components.settings.push import Notify, Push
from components.settings.schedule import Schedule
from components.settings.tracking import Tracking


@settings
class VocabularyRun:
    """One run, whole."""

    SHIPPED: ClassVar[str] = "newsgroups_vocabulary"
    """A config that ships, to look at."""

    name: Name
    """As of any run: of its directory under `--root`, and of the vocabulary.
    Example: `name = "newsgroups-vocabulary"`"""
    kind: Literal["vocabulary"]
    """What the run makes. Example: `kind = "vocabulary"`"""
    corpus: Corpus
    vocabulary: Vocabulary = Field(default_factory=Vocabulary)
    gate: Gate = Field(default_factory=Gate)
    push: Push = Field(default_factory=Push)
    notify: Notify = Field(default_factory=Notify)
    tracking: Tracking = Field(default_factory=Tracking)
    schedule: Schedule = Field(default_factory=Schedule)
    beam: Beam = Field(default_factory=Beam)
    kubeflow: Kubeflow = Field(default_factory=Kubeflow)

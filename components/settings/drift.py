"""`[drift]`: how far new rows may be from those that the model in production learned from."""

from __future__ import annotations

from typing import Literal

from components.settings.fields import Share, settings


@settings
class Drift:
    """How far the rows of train (of its newest span) may be from the rows that the model in production learned from."""

    on_drift: Literal["fail", "warn"] = "fail"
    """Whether a run stops at drift, or says so and goes on. Example: `on_drift = "warn"`"""
    label: Share = 0.2
    """The most by which the share of any class may move (L-infinity distance). Example: `label = 0.1`"""
    label_agreement: Share = 0.25
    """The most by which the share of rows may fall whose label is the one that their words make most likely (naive
    Bayes over the rows that the model in production learned from), for tasks with one label a row: labels that were
    swapped. Example: `label_agreement = 0.3`"""
    text_length: Share = 0.07
    """Limit on the Jensen-Shannon divergence, from 0 to 1, of the number of tokens a text.
    Example: `text_length = 0.2`"""
    unknown_share: Share = 0.1
    """The same of the share of a text's words that the tokenizer does not know. Example: `unknown_share = 0.05`"""
    vocabulary_coverage: Share = 0.1
    """The same of the share of a text's words that stand whole in the vocabulary.
    Example: `vocabulary_coverage = 0.2`"""

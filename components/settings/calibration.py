"""`[calibration]`: how sure a model says it is, and from where on it decides."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from components.settings.fields import ConflictError, Share, settings

DEFAULT_CONFIDENCE = 0.99
"""With which as many new rows as dev has err at most so often in about 19 of 20 samples: the share that they show is as
uncertain as the one that dev shows, and the root of 2 times as uncertain is their difference."""


@settings
class Calibration:
    """Whether the trained model's probabilities are made to mean what they say, on dev, before it is measured. For
    classes, pairs and tags by a temperature, which changes no answer; for several labels by a threshold for each label
    in place of `model.threshold`. Other tasks have nothing to calibrate. What is told and gated of it comes from
    cross-fitting: of each row by what other rows chose."""

    enabled: bool = True
    """Whether this is done; without it the node Calibration is not in the DAG. Example: `enabled = false`"""
    abstain: dict[Literal["error", "confidence", "min_coverage"], Share] = Field(default_factory=dict)
    """For classes and pairs: the model says of each row whether it answers it (`answered`): if its probability is such
    that answered rows are wrong at most so often (`error`), with this `confidence`, by default 0.99. A model that
    answers a smaller share of dev than `min_coverage` is refused.
    Example: `abstain = { error = 0.05, min_coverage = 0.5 }`"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.abstain:
            return self
        if not self.enabled:
            problem = "`calibration.abstain` is given, but `calibration.enabled` is false"
            raise ConflictError("abstain", problem, "Delete one of them")
        if not 0 < self.abstain.get("error", 0) < 1:
            problem = "`calibration.abstain` has no `error` between 0 and 1"
            raise ConflictError("abstain", problem, "Give the share of wrong answers that is allowed: error = 0.05")
        if not 0 < self.confidence < 1:
            problem = f"the `confidence` of `calibration.abstain` is {self.confidence:g}, expected one between 0 and 1"
            raise ConflictError("abstain", problem, "Give one, say 0.99")
        return self

    @property
    def confidence(self) -> float:
        """Of `abstain`."""
        return self.abstain.get("confidence", DEFAULT_CONFIDENCE)

"""`[gate]` and `[push]`: what a model must show, and where it then goes."""

from __future__ import annotations

from pydantic import Field

from components.settings.fields import Name, NotNegative, Share, settings


@settings
class Gate:
    """The bounds on dev that a model must meet before it is pushed. At least one bound in `min` or `max` is required.
    A metric of one label is `METRIC/LABEL`, in quotes; docs/metrics.md has the metrics of each task."""

    min: dict[str, Share] = Field(default_factory=dict)
    """Lower bounds by metric, for metrics that are better when higher: shares from 0 to 1, not percent.
    Example: `min = { accuracy = 0.85, macro_f1 = 0.8 }`"""
    max: dict[str, NotNegative] = Field(default_factory=dict)
    """Upper bounds by metric, for metrics that are better when lower. Example: `max = { loss = 0.6 }`"""
    max_drop: dict[str, NotNegative] = Field(default_factory=dict)
    """How much worse than the model in production a metric may be, where there is one.
    Example: `max_drop = { accuracy = 0.01 }`"""


@settings
class Push:
    """Where a model that passed the gate goes: DESTINATION/NAME/VERSION, the layout of TensorFlow Serving."""

    name: Name | None = None
    """The model's name for its server; the run's name where it is left out. Example: `name = "sentiment"`"""
    destination: str | None = None
    """A directory; ROOT/NAME/serving where it is left out. Example: `destination = "/srv/models"`"""

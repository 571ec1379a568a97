"""`[gate]` and `[push]`: what a model must show, and where it then goes."""

from __future__ import annotations

from pydantic import Field

from components.settings.fields import Name, NotNegative, Share, settings


@settings
class Gate:
    """What a model must show on dev before it is pushed. The metrics of each task: docs/metrics.md."""

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

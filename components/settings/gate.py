"""`[gate]`: what a model must show before it is pushed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from components.settings.fields import NotNegative, Share, metric_keys, settings


@settings
class Gate:
    """The bounds on dev that a model must meet before it is pushed. At least one bound in `min` or `max` is required.
    A metric of one label is `METRIC/LABEL`, in quotes; docs/metrics.md has the metrics of each task."""

    min: Annotated[dict[str, Share], BeforeValidator(metric_keys)] = Field(default_factory=dict)
    """Lower bounds by metric, for metrics that are better when higher: shares from 0 to 1, not percent.
    Example: `min = { accuracy = 0.85, macro_f1 = 0.8 }`"""
    max: Annotated[dict[str, NotNegative], BeforeValidator(metric_keys)] = Field(default_factory=dict)
    """Upper bounds by metric, for metrics that are better when lower. Example: `max = { loss = 0.6 }`"""
    max_drop: Annotated[dict[str, NotNegative], BeforeValidator(metric_keys)] = Field(default_factory=dict)
    """How much worse than the model in production a metric may be, where there is one.
    Example: `max_drop = { accuracy = 0.01 }`"""

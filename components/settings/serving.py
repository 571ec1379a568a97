"""`[serving]`: what a model must do in a client's hands before it is pushed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.settings.fields import Count, settings

Limit = Annotated[float, Field(gt=0, le=1e9)]


@settings
class Serving:
    """What a model must do in a client's hands before it is pushed: a process of its own, with TensorFlow alone, loads
    it and sends it rows of dev. Its token ids must be Transform's, its answers those that the exported weights give to
    these ids, within 0.00001."""

    validate: bool = True
    """Whether this is tried; without it the node ServingValidator is not in the DAG.
    Example: `validate = false`"""
    rows: Count = 256
    """How many rows of dev are sent at most, from all over it. Example: `rows = 1000`"""
    max_load_seconds: Limit | None = None
    """The longest that loading and a first answer may take. Example: `max_load_seconds = 20`"""
    max_latency_ms: Limit | None = None
    """The longest that a request of one row may take: the median of some, sent one after the other.
    Example: `max_latency_ms = 50`"""
    max_memory_mb: Limit | None = None
    """The most memory that the process may have had at once, in millions of bytes, TensorFlow's own included. With one
    of the three limits the model is tried in every run, for a machine is not always as fast: nothing comes from cache.
    What is over its limit is tried twice more, and the median of the three counts.
    Example: `max_memory_mb = 2000`"""

    @property
    def limits(self) -> bool:
        """Whether anything that is measured is limited."""
        return any(one is not None for one in (self.max_load_seconds, self.max_latency_ms, self.max_memory_mb))

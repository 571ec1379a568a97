"""`[schedule]`: when and how a scheduler starts a run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.settings.fields import Hours, Name, settings

_PART = r"(\*|[0-9]{1,2}(-[0-9]{1,2})?|[A-Za-z]{3}(-[A-Za-z]{3})?)(/[0-9]{1,2})?"

CRON = rf"^(@(hourly|daily|weekly|monthly|yearly)|{_PART}(,{_PART})*( {_PART}(,{_PART})*){{4}})$"


@settings
class Schedule:
    """When and how a scheduler runs the pipeline; read by `export --runner airflow`, ignored by `run`."""

    cron: Annotated[str, Field(pattern=CRON)] | None = None
    """When it runs, in UTC: five fields of cron, or @hourly, @daily, @weekly, @monthly, @yearly; default: only
    when it is triggered.
    Example: `cron = "0 3 * * *"`"""
    pool: Name = "default_pool"
    """The Airflow pool whose slots the nodes take; pipelines that share a pool of one slot never run side by side.
    Example: `pool = "training"`"""
    node_hours: Hours = 24.0
    """A node that takes longer is stopped, and has failed. Example: `node_hours = 6`"""
    run_hours: Hours | None = None
    """A run that takes longer is stopped, and has failed; default: never. Example: `run_hours = 48`"""
    retries: Annotated[int, Field(ge=0, le=100)] = 1
    """How often a node that failed is tried again. Example: `retries = 3`"""
    retry_minutes: Annotated[float, Field(ge=0, le=525_600)] = 5.0
    """Minutes before it is tried again. Example: `retry_minutes = 15`"""
    on_refusal: Literal["succeed", "fail"] = "succeed"
    """The state of a scheduled run whose model the gate refused. Example: `on_refusal = "fail"`"""

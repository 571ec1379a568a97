"""`[schedule]`: when and how a scheduler starts a run."""

from __future__ import annotations

import zoneinfo
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.common.json_files import shown
from components.common.suggest import did_you_mean
from components.settings.fields import ConflictError, Hours, Name, settings

_PART = r"(\*|[0-9]{1,2}(-[0-9]{1,2})?|[A-Za-z]{3}(-[A-Za-z]{3})?)(/[0-9]{1,2})?"

_UTC = "UTC"

CRON = rf"^(@(hourly|daily|weekly|monthly|yearly)|{_PART}(,{_PART})*( {_PART}(,{_PART})*){{4}})$"


@settings
class Schedule:
    """When and how a scheduler runs the pipeline; read by `export --runner airflow`, ignored by `run`."""

    cron: Annotated[str, Field(pattern=CRON)] | None = None
    """When it runs, in the time of `timezone`: five fields of cron, or @hourly, @daily, @weekly, @monthly, @yearly;
    default: only when it is triggered.
    Example: `cron = "0 3 * * *"`"""
    timezone: str = _UTC
    """The time zone of `cron`, by its name in the IANA database; its summer time counts.
    Example: `timezone = "Europe/Berlin"`"""
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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        # Where there is no database, nobody can tell.
        if self.timezone != _UTC and (known := zoneinfo.available_timezones()) and self.timezone not in known:
            problem = f"`schedule.timezone` is {shown(self.timezone)}, which is no time zone"
            remedy = f"{did_you_mean(self.timezone, sorted(known), shown)}Give a name such as Europe/Berlin"
            raise ConflictError("timezone", problem, remedy)
        return self

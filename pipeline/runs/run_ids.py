"""The ids of runs: the time in UTC, and each larger than those before it, whatever the clock has been set to."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Iterable
from pathlib import Path

_FORM = "%Y%m%d-%H%M%S"

_ID = re.compile(r"(\d{8}-\d{6})(?:-(\d+))?")
"""Older versions had local time, and counted the runs of one second: `20261123-093618-2`."""


def new_id(runs: Path, now: datetime.datetime) -> str:
    """The id of a run that begins; the caller holds the pipeline's lock.

    Args:
        runs: directory of the pipeline's runs, ROOT/NAME/runs. The id is larger than those of the root's other
            pipelines too, since `show` asks for the newest run of all.
        now: in UTC.
    """
    moment = now
    for path in runs.parents[1].glob("*/runs/*"):
        if known := _ID.fullmatch(path.name):
            # Such a name need not be a time.
            with contextlib.suppress(ValueError, OverflowError):
                taken = datetime.datetime.strptime(known[1], _FORM).replace(tzinfo=datetime.UTC)
                moment = max(moment, taken + datetime.timedelta(seconds=1))
    return moment.strftime(_FORM)


def in_order(directories: Iterable[Path]) -> list[Path]:
    """Directories of runs, ROOT/NAME/runs/ID, oldest first. Those that somebody has renamed stand before all others."""
    return sorted(directories, key=_key)


def _key(directory: Path) -> tuple[str, int, str, str]:
    known = _ID.fullmatch(directory.name)
    moment, count = (known[1], int(known[2] or 1)) if known else ("", 0)
    return moment, count, directory.name, str(directory)

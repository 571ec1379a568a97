"""`[notify]`: a command is told how a run ended. What becomes of the command is said, and changes nothing else."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.common import json_text
from components.common.errors import InputError
from components.common.streams import printable
from components.settings.push import Notify
from pipeline.config import load
from pipeline.runners import outside_command
from pipeline.runs.record import RunRecord


@contextlib.contextmanager
def afterwards(settings: Notify, name: str, config: Path, begun: list[RunRecord]) -> Iterator[None]:
    """Around a run: what stands in the list is told at its end; without, a mistake is.

    Args:
        settings: the run's.
        name: of the pipeline.
        config: the run's TOML file.
        begun: of its record, once there is one.
    """
    try:
        yield
    except InputError as error:
        if not begun:
            tell(settings, not_begun(name, config, str(error)))
        raise
    finally:
        for record in begun:
            tell(settings, record.document())


@contextlib.contextmanager
def of_checks(config: Path) -> Iterator[None]:
    """Around the checks before a run: tells a mistake that they find, if the TOML file itself can be read."""
    try:
        yield
    except InputError as error:
        with contextlib.suppress(InputError):
            run = load.load_any(config)
            tell(run.notify, not_begun(run.name, config, str(error)))
        raise


def not_begun(name: str, config: Path, error: str) -> dict[str, Any]:
    """What there is to tell of a run that has no record: the fields of one that it has."""
    return {
        "id": None,
        "name": name,
        "config": str(config.resolve()),
        "state": "failed",
        "pushed": None,
        "error": error,
    }


def tell(settings: Notify, run: dict[str, Any]) -> None:
    """Starts the command, if it wants to hear of the run's state, and waits for it.

    It gets the run as JSON on its standard input, and runs in the directory of the TOML file.

    Args:
        settings: the run's.
        run: its record, or `not_begun`.
    """
    if not settings.words or run["state"] not in settings.on:
        return
    folder = Path(run["config"]).parent
    try:
        given = json_text.dumps(run, indent=1)
        where = folder if folder.is_dir() else None
        problem = outside_command.finish(settings.words, given, settings.seconds, "notify.seconds", where).problem
    except (OSError, ValueError) as error:
        problem = outside_command.why(error)
    except KeyboardInterrupt:
        problem = "was interrupted"
    if problem:
        said = f"! notify: {settings.words[0]} {problem}; the run is {run['state']} all the same"
        # Standard error may be on a disk that is full.
        with contextlib.suppress(OSError):
            print(printable(said), file=sys.stderr, flush=True)

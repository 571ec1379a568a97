"""The directory a model server reads: DIRECTORY/VERSION/saved_model.pb, and nothing half-written ever among it."""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

from components.errors import InputError

CARD_FILE = "assets.extra/model.json"
"""Within a SavedModel: what the model is. TensorFlow Serving ignores assets.extra."""
_GRAPH_FILE = "saved_model.pb"


def versions(directory: Path) -> list[int]:
    """The complete versions in a serving directory, oldest first."""
    if not directory.is_dir():
        return []
    found = (path for path in directory.iterdir() if path.name.isdecimal() and (path / _GRAPH_FILE).is_file())
    return sorted(int(path.name) for path in found)


def card(model: Path) -> dict[str, Any]:
    """What a SavedModel of ours says of itself: `weights_sha256`, `labels`, `metrics` ... ; empty for another's."""
    place = model / CARD_FILE
    try:
        return dict(json.loads(place.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        reason = f"cannot be read as a JSON object ({error})"
        raise InputError(str(place), reason, "Remove this version and push the model again") from None


def production(directory: Path, other_than: str | None = None) -> int | None:
    """The version in production: the newest.

    Args:
        directory: a serving directory.
        other_than: the weights' sha256 of a candidate. Versions pushed from it do not count, so a model that is
            evaluated again after its push is measured against what it replaced and not against itself.
    """
    for version in reversed(versions(directory)):
        if other_than is None or card(directory / str(version)).get("weights_sha256") != other_than:
            return version
    return None


def publish(model: Path, directory: Path) -> int:
    """Copies a SavedModel into a serving directory under a new version number, the time in seconds.

    The copy is written aside, forced to disk and renamed: a server sees all of it or nothing.
    """
    directory.mkdir(parents=True, exist_ok=True)
    newest = versions(directory)[-1:]
    version = max(int(time.time()), *(number + 1 for number in newest)) if newest else int(time.time())
    aside = directory / f".{version}-{uuid.uuid4().hex}"
    try:
        shutil.copytree(model, aside)
        for path in (aside, *aside.rglob("*")):
            _force_to_disk(path)
        aside.rename(directory / str(version))
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    _force_to_disk(directory)
    return version


def resolve(path: Path) -> Path:
    """The SavedModel a user means: a version's directory, or the newest version of a serving directory.

    Raises:
        InputError: no SavedModel there.
    """
    remedy = "Give a pushed model: the path a run printed at its end, `show` prints it again"
    if not path.is_dir():
        problem = "a file, not a directory" if path.exists() else "no such directory"
        raise InputError(str(path), problem, remedy)
    if (path / _GRAPH_FILE).is_file():
        return path
    newest = versions(path)
    if not newest:
        raise InputError(str(path), f"no {_GRAPH_FILE} in it and no version with one below it", remedy)
    return path / str(newest[-1])


def _force_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

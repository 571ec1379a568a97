"""Which versions of a serving directory nothing needs, and their removal."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from pathlib import Path

from components.common import atomic_files, locks, stored_paths
from components.export.card import identity, read_card
from components.serving.versions import CARDS, DAMAGED, is_version, production, versions

_ASIDE = re.compile(r"\.[0-9]+-[0-9a-f]{32}")
"""The name of a copy that has not got its own yet."""


def needed(directory: Path, newest: int) -> dict[int, str]:
    """The versions that a removal of older ones leaves, and why each.

    Args:
        directory: a serving directory.
        newest: so many stay in any case.
    """
    there = versions(directory)
    if not there:
        return {}
    served = read_card(directory / str(there[-1]))
    others = {
        "what a rollback goes back to": production(directory, but=identity(served)),
        "the newest that learned from other data": production(directory, but_of_data=served.get("data_sha256", "")),
        "the newest that was not withdrawn": production(directory),
        "in production": there[-1],
    }
    kept = {version: "a link, which leads elsewhere" for version in there if (directory / str(version)).is_symlink()}
    kept |= dict.fromkeys(there[-newest:], f"of the newest {newest}")
    return dict(sorted((kept | {version: why for why, version in others.items() if version is not None}).items()))


def remove(directory: Path, some: Iterable[int]) -> None:
    """Removes versions, each in one step: a server sees all of one or nothing, and a kill leaves none that is half."""
    with locks.locked(directory):
        for version in some:
            # Else what is put aside beside a version that is gone would be put back as one.
            stored_paths.remove(directory, directory / f"{DAMAGED}{version}")
            aside = directory / f".{version}-{uuid.uuid4().hex}"
            (directory / str(version)).rename(aside)
            atomic_files.force_to_disk(directory)
            stored_paths.remove(directory, aside)
            stored_paths.remove(directory, directory / CARDS / str(version))


def discard_unfinished(directory: Path) -> None:
    """Removes what a push that was killed left, and puts back what was aside to be replaced."""
    if not directory.is_dir():
        return
    with locks.locked(directory):
        for aside in directory.glob(".[0-9]*-*"):
            if _ASIDE.fullmatch(aside.name):
                stored_paths.remove(directory, aside)
        for damaged in directory.glob(f"{DAMAGED}*"):
            version = directory / damaged.name.removeprefix(DAMAGED)
            if is_version(version.name) and not version.exists():
                damaged.rename(version)

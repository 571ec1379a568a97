"""Which versions of a serving directory nothing needs, and their removal."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path

from components.common import atomic_files, locks, stored_paths
from components.export.card import identity, read_card
from components.serving.versions import CARDS, DAMAGED, production, versions


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

"""Which version a candidate is compared with beside the one in production."""

from __future__ import annotations

from pathlib import Path

from components.export.card import identity, read_card
from components.serving import versions


def best(directory: Path, metric: str, *, higher: bool, but: str) -> int | None:
    """The version that was measured best on dev when it was pushed, of those that were not withdrawn; the newest of
    equals. None where no card says how it was measured.

    Args:
        directory: a serving directory.
        metric: by which.
        higher: whether it is better when higher.
        but: `card.identity` of a model whose versions do not count.
    """
    out, found = versions.withdrawn(directory), []
    for version in versions.versions(directory):
        described = read_card(directory / str(version))
        value = described.get("measured", {}).get(metric)
        if value is not None and not versions.is_one_of(out, described) and identity(described) != but:
            found.append((value if higher else -value, version))
    return max(found)[1] if found else None

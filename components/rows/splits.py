"""Which split a row belongs to, where no file says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.common.text_hash import text_hash
from components.settings.data import SPLITS, Split


def split_of(texts: Sequence[str], group: str | None, shares: Mapping[Split, int]) -> str:
    """The split a row belongs to: by its group, or else by its texts alone, so equal texts always go the same way.

    The hash modulo the sum of the shares, which follow each other as train, dev, test. Two texts go the same way in
    either order, and their label and other columns have no part in it.

    Args:
        texts: of the row.
        group: the value of the group's column; None: each text is a group of its own.
        shares: of the splits.
    """
    key = text_hash(texts, ordered=False) if group is None else text_hash([group])
    place = key % sum(shares.values())
    for split in SPLITS:
        share = shares.get(split, 0)
        if place < share:
            return split
        place -= share
    raise AssertionError("a remainder is less than the sum")

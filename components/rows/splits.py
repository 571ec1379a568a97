"""Which split a row belongs to, where no file says so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from components.settings.data import SPLITS, Split


def split_of(fields: Sequence[str], shares: Mapping[Split, int]) -> str:
    """The split a row belongs to: a hash of its fields, so equal rows always go the same way.

    blake2b, 8 bytes, big endian, modulo the sum of the shares, which follow each other as train, dev, test.
    """
    digest = hashlib.blake2b("\t".join(fields).encode(errors="surrogateescape"), digest_size=8).digest()
    place = int.from_bytes(digest, "big") % sum(shares.values())
    for split in SPLITS:
        share = shares.get(split, 0)
        if place < share:
            return split
        place -= share
    raise AssertionError("a remainder is less than the sum")

"""Which split a row belongs to, where no file says so, and when two rows have the same texts."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence

from components.settings.data import GATE, SPLITS, Split

HASH_BYTES = 8
"""Among a hundred million different texts some 0.0003 pairs are taken for equal."""


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


def is_held_back(texts: Sequence[str], group: str | None, share: float) -> bool:
    """Whether a row of dev is one of the gate's: by its group, or else by its texts alone, as in `split_of`, but by
    another hash, with which the one that dealt the row to dev has nothing to do.

    Args:
        texts: of the row.
        group: the value of the group's column; None: each text is a group of its own.
        share: of the rows that are.
    """
    key = text_hash([GATE, *(texts if group is None else [group])], ordered=False)
    return key < share * 256**HASH_BYTES


def text_hash(texts: Sequence[str], *, ordered: bool = True) -> int:
    """A hash of a row's texts, below 2**64; equal for texts that differ in nothing but white space and case.

    blake2b, 8 bytes, big endian, of the texts in NFC, in lower case, each run of white space one space, with a tab
    between them: what an uncased tokenizer cannot tell apart is the same text.

    Args:
        texts: of a row.
        ordered: whether (a, b) is another row than (b, a).
    """
    plain = [" ".join(unicodedata.normalize("NFC", text).lower().split()) for text in texts]
    joined = "\t".join(plain if ordered else sorted(plain))
    digest = hashlib.blake2b(joined.encode(errors="surrogateescape"), digest_size=HASH_BYTES).digest()
    return int.from_bytes(digest, "big")

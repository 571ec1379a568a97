"""A vocabulary as a perfect hash table of word pieces, for the graph; made with numpy alone.

A piece is a byte string, taken as little-endian 64-bit numbers, and its hash their sum, each times an odd number of its
own, mixed as in MurmurHash3's finaliser (Appleby 2011). So pieces of up to 8 bytes have hashes of their own, and a
longer one that is no token has a token's hash with a probability of about 2e-15. The table is "hash and displace"
(Belazzougui, Botelho and Dietzfelbinger 2009): some bits of the hash choose a displacement, which was chosen so that no
two tokens meet in a slot. A look-up is two gathers and a comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

WORD_BYTES = 8
"""Bytes in one of the numbers that a piece is taken as."""

CONTINUES = np.uint64(0xD1B54A32D192ED03)
"""Is added to the sum for a piece that goes on with a word."""

MIX_SHIFT, MIX_FACTOR = np.uint64(33), np.uint64(0xFF51AFD7ED558CCD)
"""Of MurmurHash3's 64-bit finaliser."""


@dataclass(frozen=True)
class PieceTable:
    """The look-up table of a vocabulary."""

    factors: np.ndarray
    """int64[numbers], odd: of the numbers that a piece is taken as."""
    masks: np.ndarray
    """uint64[longest + 2, numbers]: the bytes that a piece of each length has; the last row is for all longer ones."""
    displacements: np.ndarray
    """int32[groups, a power of two]: chosen by the lower half of a hash."""
    hashes: np.ndarray
    """int64[slots, a power of two]: of the piece in a slot, or 0. The slot is the upper half of the hash, displaced."""
    ids: np.ndarray
    """int64[slots]: its token id."""

    @property
    def longest(self) -> int:
        """Bytes of the longest piece."""
        return len(self.masks) - 2


def compile_pieces(pieces: Mapping[tuple[bytes, bool], int]) -> PieceTable:
    """Build the table.

    Args:
        pieces: (a piece, whether it goes on with a word) -> its token id; no piece is empty.

    Returns:
        The table. The same pieces give the same one.
    """
    longest = max(len(piece) for piece, _ in pieces)
    numbers = -(-(longest + 1) // WORD_BYTES)
    lengths = np.arange(longest + 2)[:, None] - WORD_BYTES * np.arange(numbers)
    masks = np.array([(1 << 8 * n) - 1 for n in range(WORD_BYTES + 1)], np.uint64)[lengths.clip(0, WORD_BYTES)]
    for seed in range(100):
        factors = np.random.default_rng(seed).integers(0, 1 << 63, numbers, np.uint64) * np.uint64(2) + np.uint64(1)
        hashes = _hashes(list(pieces), factors)
        if len(np.unique(hashes)) == len(hashes) and (found := _displaced(hashes)):
            displacements, slots, size = found
            table, ids = np.zeros(size, np.uint64), np.zeros(size, np.int64)
            table[slots], ids[slots] = hashes, list(pieces.values())
            return PieceTable(factors.view(np.int64), masks, displacements, table.view(np.int64), ids)
    raise AssertionError("no perfect hash found")  # in a hundred tries, each of which succeeds almost surely


def _hashes(pieces: list[tuple[bytes, bool]], factors: np.ndarray) -> np.ndarray:
    """The hash of each piece, uint64[pieces]."""
    padded = b"".join(piece.ljust(WORD_BYTES * len(factors), b"\0") for piece, _ in pieces)
    sums = (np.frombuffer(padded, "<u8").reshape(-1, len(factors)) * factors).sum(axis=1, dtype=np.uint64)
    sums += CONTINUES * np.array([continues for _, continues in pieces], np.uint64)
    mixed = (sums ^ (sums >> MIX_SHIFT)) * MIX_FACTOR
    return mixed ^ (mixed >> MIX_SHIFT)


def _displaced(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Choose displacements so that each hash has a slot of its own.

    Returns:
        The displacements, the slot of each hash and how many slots there are; None: none were found.
    """
    size = 1 << max(4, int(2 * len(hashes) - 1).bit_length())
    halves = hashes.view(np.uint32).astype(np.int64)
    group, place = halves[::2] & (size // 8 - 1), halves[1::2] & (size - 1)
    order = np.argsort(group, kind="stable")
    counts = np.bincount(group, minlength=size // 8)
    begins = np.cumsum(counts) - counts
    displacements, slots, taken = np.zeros(len(counts), np.int32), np.zeros(len(hashes), np.int64), np.zeros(size, bool)
    # From the largest group to the smallest, while there is most room.
    for one in np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]:
        members = order[begins[one] : begins[one] + counts[one]]
        if len(np.unique(place[members])) < len(members):
            return None
        for displacement in range(size):
            wanted = (place[members] + displacement) & (size - 1)
            if not taken[wanted].any():
                displacements[one], slots[members] = displacement, wanted
                taken[wanted] = True
                break
        else:
            return None
    return displacements, slots, size

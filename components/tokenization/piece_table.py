"""A vocabulary as a perfect hash table of word pieces, for the graph; made with numpy alone.

A piece is a byte string, taken as little-endian 64-bit numbers, and its hash their sum, each times an odd number of its
own, modulo 2^64. So pieces of up to 8 bytes have hashes of their own, and a longer one that is no token has a token's
hash with a probability of about 2e-15. The upper bits are the good ones (Dietzfelbinger et al. 1997) and choose a slot.
The table is "hash and displace" (Belazzougui, Botelho and Dietzfelbinger 2009): some bits choose a displacement for
which no two tokens meet in a slot. A look-up is two gathers and a comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

WORD_BYTES = 8
"""Bytes in one of the numbers that a piece is taken as."""

CONTINUES = np.uint64(0xD1B54A32D192ED03)
"""Is added to the sum for a piece that goes on with a word."""


_LOAD = 0.95
"""The share of slots that may hold a piece: the smaller the table, the more of it stays in the processor's cache."""


@dataclass(frozen=True)
class PieceTable:
    """The look-up table of a vocabulary."""

    factors: np.ndarray
    """uint64[numbers], odd: of the numbers that a piece is taken as."""
    longest: int
    """Bytes of the longest piece."""
    displacements: np.ndarray
    """int32[groups, a power of two]: chosen by the lower bits of the upper half of a hash."""
    hashes: np.ndarray
    """uint64[slots, a power of two]: of the piece in a slot, or 0. The slot is the hash's upper bits, displaced."""
    ids: np.ndarray
    """int32[slots]: its token id."""


def compile_pieces(pieces: Mapping[tuple[bytes, bool], int]) -> PieceTable:
    """Build the table.

    Args:
        pieces: (a piece, whether it goes on with a word) -> its token id; no piece is empty.

    Returns:
        The table. The same pieces give the same one.
    """
    longest = max(len(piece) for piece, _ in pieces)
    numbers = max(2, -(-longest // WORD_BYTES))
    for seed in range(100):
        factors = np.random.default_rng(seed).integers(0, 1 << 63, numbers, np.uint64) * np.uint64(2) + np.uint64(1)
        hashes = _hashes(list(pieces), factors)
        if len(np.unique(hashes)) == len(hashes) and (found := _displaced(hashes)):
            displacements, slots, size = found
            table, ids = np.zeros(size, np.uint64), np.zeros(size, np.int32)
            table[slots], ids[slots] = hashes, list(pieces.values())
            return PieceTable(factors, longest, displacements, table, ids)
    raise AssertionError("no perfect hash found")  # in a hundred tries, of which one in six succeeds


def _hashes(pieces: list[tuple[bytes, bool]], factors: np.ndarray) -> np.ndarray:
    """The hash of each piece, uint64[pieces]."""
    padded = b"".join(piece.ljust(WORD_BYTES * len(factors), b"\0") for piece, _ in pieces)
    sums = (np.frombuffer(padded, "<u8").reshape(-1, len(factors)) * factors).sum(axis=1, dtype=np.uint64)
    return sums + CONTINUES * np.array([continues for _, continues in pieces], np.uint64)


def _displaced(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Choose displacements so that each hash has a slot of its own.

    Returns:
        The displacements, the slot of each hash and how many slots there are; None: none were found.
    """
    # Few slots would leave the last groups too little choice.
    bits = max(10, int(len(hashes) / _LOAD).bit_length())
    size, upper = 1 << bits, (hashes >> np.uint64(32)).astype(np.int64)
    group, place = upper & (size // 4 - 1), upper >> (32 - bits)
    if len(np.unique(group * size + place)) < len(hashes):
        return None
    order = np.argsort(group, kind="stable")
    counts = np.bincount(group, minlength=size // 4)
    begins = np.cumsum(counts) - counts
    displacements, slots, taken = np.zeros(len(counts), np.int32), np.zeros(len(hashes), np.int64), np.zeros(size, bool)
    # From the largest group to the smallest, while there is most room.
    for one in np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]:
        members = order[begins[one] : begins[one] + counts[one]]
        if len(members) == 1:
            displacement = int(np.argmin(taken)) - place[members[0]]
        elif (displacement := _free(place[members], taken)) is None:
            return None
        displacements[one], slots[members] = displacement, (place[members] + displacement) & (size - 1)
        taken[slots[members]] = True
    return displacements, slots, size


def _free(places: np.ndarray, taken: np.ndarray) -> int | None:
    """The least displacement by which none of some places is taken."""
    at_a_time = 64
    for start in range(0, len(taken), at_a_time):
        wanted = places + np.arange(start, start + at_a_time)[:, None]
        free = ~taken[wanted & (len(taken) - 1)].any(axis=1)
        if free.any():
            return start + int(free.argmax())
    return None

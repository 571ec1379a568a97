"""The nearest known name to one that is unknown, for an error's remedy."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable


def did_you_mean(
    name: str, known: Iterable[str], quote: Callable[[str], str] = repr, *, similarity: float = 0.6
) -> str:
    """`Did you mean X? ` with the space that sets it off from the rest of a remedy; empty if no name is near.

    Args:
        name: the unknown one.
        known: the names there are.
        quote: how a name is written.
        similarity: from 0 to 1, the least that a name must have (`difflib.SequenceMatcher.ratio`).
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=similarity)
    return f"Did you mean {quote(close[0])}? " if close else ""

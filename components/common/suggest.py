"""The nearest known name to one that is unknown, for an error's remedy."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

_BEGINNING = 3
"""Characters from which on a name may be the beginning of another."""


def did_you_mean(
    name: str, known: Iterable[str], quote: Callable[[str], str] = repr, *, similarity: float = 0.6
) -> str:
    """`Did you mean X? ` with the space that sets it off from the rest of a remedy; empty if no name is near.

    Case, and which of `_`, `-`, `.` and space stands between words, make no name less near. The nearest of all is the
    only one that begins with the given name: `accuracy` for `acc`.

    Args:
        name: the unknown one.
        known: the names there are.
        quote: how a name is written.
        similarity: from 0 to 1, the least that a name must have (`difflib.SequenceMatcher.ratio`).
    """
    by_form: dict[str, str] = {}
    for one in known:
        by_form.setdefault(_form(one), one)
    begin = [one for one in by_form if len(name) >= _BEGINNING and one.startswith(_form(name))]
    close = begin if len(begin) == 1 else difflib.get_close_matches(_form(name), by_form, n=1, cutoff=similarity)
    return f"Did you mean {quote(by_form[close[0]])}? " if close else ""


def _form(name: str) -> str:
    return "".join("_" if character in "-. " else character for character in name.casefold())

"""Schemes of tags: how these mark where an entity begins and ends, and how they become BIO, in which models learn.

`O` is outside in all of them; a part and the entity's type have a hyphen between. BIO (IOB2): `B-` begins an entity,
`I-` goes on. IOB1: `B-` stands only where an entity of the same type is right before (Ramshaw & Marcus 1995). BIOES:
`E-` ends an entity, `S-` is one of a single word; BILOU calls these `L-` and `U-` (Ratinov & Roth 2009).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from components.tasks.label_text import LIST_IT

Scheme = Literal["bio", "iob1", "bioes"]

OUTSIDE = "O"
"""The tag of a word that is in no entity."""

_PARTS: dict[Scheme, str] = {"bio": "BI", "iob1": "BI", "bioes": "BIESLU"}

_EXPECTED: dict[Scheme, str] = {
    "bio": "O, B-TYPE or I-TYPE",
    "iob1": "O, B-TYPE or I-TYPE",
    "bioes": "O or one of B-, I-, E-, S- before a type",
}

_TAG = re.compile(r"O|[BIESLU]-.+", re.DOTALL)


def canonical(tag: str) -> str:
    """A tag with its part in upper case: `b-LOC` is `B-LOC`, `o` is `O`."""
    return tag[:1].upper() + tag[1:] if tag == "o" or (tag[1:2] == "-" and tag[0] in "bieslu") else tag


def is_tag(tag: str) -> bool:
    """Whether it is one in any of the schemes."""
    return _TAG.fullmatch(tag) is not None


def problem(tags: Sequence[str], scheme: Scheme, types: Sequence[str]) -> tuple[str, str] | None:
    """The first rule that the tags of a sentence break, and the remedy.

    Args:
        tags: as `canonical` leaves them.
        scheme: in which they are.
        types: of entities; empty: any.
    """
    before = OUTSIDE
    for place, tag in enumerate(tags, 1):
        part, dash, kind = tag.partition("-")
        if tag != OUTSIDE and (part not in tuple(_PARTS[scheme]) or not dash or not kind):
            return f"tag {place} is {tag[:40]!r}, expected {_EXPECTED[scheme]}", _remedy(tags, tag)
        if types and kind and kind not in types:
            known = ", ".join(types)
            return f"tag {place} is {tag[:40]!r}, the types are {known}", f"Correct it, or {LIST_IT}"
        if part in ("I", "E", "L") and scheme != "iob1" and before not in (f"B-{kind}", f"I-{kind}"):
            iob1 = '; if entities begin with I-, as in IOB1, set data.scheme = "iob1"' * (scheme == "bio")
            remedy = f"An entity begins with B-: make it B-{kind}, or correct the tag before it{iob1}"
            return f"tag {place} is {tag!r} after {before!r}, without its B-{kind}", remedy
        before = tag
    return None


def _remedy(tags: Sequence[str], tag: str) -> str:
    """What to do about a tag that is none of the scheme."""
    if is_tag(tag):
        name, reads = ("BILOU", ", which reads BILOU too") if tag[0] in "LU" else ("BIOES", "")
        return f'{tag[:2]} is of the scheme {name}: set data.scheme = "bioes"{reads}'
    if re.fullmatch(r"[BIESLU]_.+", tag):
        return f"Write {tag[0]}-{tag[2:]}, with a hyphen"
    if not any(map(is_tag, tags)) or tags.count(OUTSIDE) == sum(map(is_tag, tags)):
        return 'Correct it; if each tag is a class of its own, as parts of speech are, set task = "word_tags"'
    return "Correct it"


def to_bio(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """The tags of a sentence, without a `problem`, in BIO."""
    found: list[str] = []
    before = ""
    for tag in tags:
        part, dash, kind = tag.partition("-")
        if not dash:
            found.append(tag)
            before = ""
            continue
        begins = part in "BSU" or (scheme == "iob1" and kind != before)
        found.append(f"{'B' if begins else 'I'}-{kind}")
        before = kind
    return found


def in_characters(text: str, spans: Iterable[tuple[str, int, int]]) -> Iterator[tuple[int, int, str]]:
    """(begin, end, type), in characters of words with one space between, of (type, first word, word after the last)."""
    begins = [0]
    for word in text.split(" "):
        begins.append(begins[-1] + len(word) + 1)
    for kind, first, behind in spans:
        yield begins[first], begins[behind] - 1, kind


def empty_word(what: str, found: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with words, or what is called so, of which one is empty."""
    place = next((i for i, one in enumerate(found, 1) if not one.strip()), None)
    if place is None:
        return None
    return f"{what} {place} of {len(found)} is empty", "Separate them by one space, with none at the ends"

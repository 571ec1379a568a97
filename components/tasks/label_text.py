"""What of a label's text tells labels apart: nothing that cannot be seen."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from components.common.json_files import shown

if TYPE_CHECKING:
    import numpy as np

LIST_IT = "list it in data.labels"
"""Of the remedy for a name that is not known."""

_SPACES = (
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's categories Zs, Zl and Zp: white space but for control characters, which are refused wherever they stand."""

_JOINERS = "\u200c\u200d"
"""They belong to the spelling of Persian and of languages of India, and to emoji."""

_ALIKE = frozenset({"LATIN", "CYRILLIC", "GREEK"})
"""The first words of the names of letters that are drawn alike. Other scripts stand beside Latin, as in Japanese."""


def cleaned(label: str) -> str:
    """A label without white space around it, in Unicode's form NFC: letters with their accents are one character."""
    return unicodedata.normalize("NFC", label.strip(_SPACES))


def hidden_character(label: str) -> tuple[str, str] | None:
    """The rule that a label breaks by a character that cannot be seen, and the remedy."""
    # All but a few labels end here.
    if label.isprintable():
        return None
    for place, character in enumerate(label):
        around = label[max(0, place - 20) : place + 20]
        if character in "\t\r\n":
            remedy = "A label is one line: look for an open quote or a doubled line end"
            return f"the label {around!r} has a tab or a line break", remedy
        if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") and not _joins(label, place):
            name = f"U+{ord(character):04X}"
            return f"the label {around!r} holds {name}, which cannot be seen", "Delete that character"
    return None


def _joins(label: str, place: int) -> bool:
    """Whether a joiner stands where one may belong: between two characters beyond ASCII."""
    around = label[max(0, place - 1) : place] + label[place + 1 : place + 2]
    return label[place] in _JOINERS and len(around) == 2 and not any(one.isascii() for one in around)


def of_code_points(numbers: np.ndarray) -> str:
    """The text of code points, any number type [length]; numbers below 0 fill up and are none."""
    return numbers[numbers >= 0].astype("<u4").tobytes().decode("utf-32-le", errors="replace")


def wrong_name(name: str, separator: str | None) -> tuple[str, str] | None:
    """Why a name cannot be listed, in words that follow the list's, and the remedy.

    Args:
        name: of a label.
        separator: what stands between the labels of a row, where that may have several.
    """
    if separator and separator in name:
        return f" holds {shown(name)}, but a {separator} stands between labels", "Rename the label"
    if hidden := hidden_character(name):
        return f": {hidden[0]}", hidden[1]
    return None if name.strip() else (f" holds {shown(name)}, a name cannot be empty", "Correct the name")


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Names that differ in nothing but case, spaces, joiners or forms that Unicode calls compatible, in groups."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        seen = "".join(c for c in name if unicodedata.category(c) != "Cf" and not "\ufe00" <= c <= "\ufe0f")
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
        groups.setdefault(" ".join(folded.split()), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def mixes_scripts(name: str) -> bool:
    """Whether a word of a name has letters of two alphabets that look alike, as a Cyrillic `a` in a Latin word."""
    for word in re.findall(r"[^\W\d_]+", name):
        scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in word if not letter.isascii()}
        # ASCII's letters are Latin; of most labels nothing more has to be known.
        scripts |= {"LATIN"} if re.search("[A-Za-z]", word) else set()
        if len(scripts & _ALIKE) > 1:
            return True
    return False


def listed(names: Sequence[str]) -> list[str]:
    """Names as a message lists them: in quotes, or with escapes, those that look like something else."""
    alike = {name for group in look_alikes(names) for name in group}
    return [ascii(name) if mixes_scripts(name) else repr(name) if name in alike else name for name in names]


def look_like_several(names: Iterable[str]) -> list[str]:
    """Names that are lists of names, as it looks: one in brackets and quotes, or parts that are all in others too."""
    parts = {name: _parts(name) for name in sorted(names)}
    held_by = Counter(part for name, own in parts.items() for part in {name, *own})
    return [
        name
        for name, own in parts.items()
        if re.match(r"[\[({]\s*[\"']", name) or (len(own) > 1 and all(held_by[part] > 1 for part in own))
    ]


def _parts(name: str) -> list[str]:
    return [part.strip(" \"'") for part in re.split(r"[,;|]", name.strip("[](){}"))]

"""Words as printed text has them: which stand apart from the next by a space. The one place that says so.

Labelled sentences are words between spaces; what a client sends is running text. Where words are joined again to learn
how such a text is cut, to measure on it, or to say what it cannot give, they are joined by the rules here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

_CLOSING = re.compile(r"[,.;:!?%)\]}\u2026\u201d\u2019\u00bb\u203a\u2030\u00b0]+|''")
"""Words with no space before them."""

_OPENING = re.compile(r"[(\[{\u201e\u201a\u00ab\u2039\u00bf\u00a1$\u00a3\u20ac\u00a5]+|``")
"""Words with no space behind them."""

_CLITIC = re.compile(r"(?:['\u2019](?:s|m|d|t|re|ve|ll)|n['\u2019]t)", re.IGNORECASE)
"""English endings, which go on with the word before them."""

_PAIRED = {'"': '"', "'": "'", "\u201c": "\u201e", "\u2018": "\u201a"}
"""Quotation marks that open or close -> one that, if it is open, they close."""

_CHINESE = re.compile(
    "[\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0002fa1f]"
)
"""Ideographs, kana and their punctuation, around which there are no spaces."""


def printed(words: Sequence[str]) -> tuple[str, list[int]]:
    """The words of a sentence as printed text, and where each of them begins in it, in characters."""
    spaces = [*space_between(words), False]
    parts = [f"{word} " if space else word for word, space in zip(words, spaces, strict=False)]
    return "".join(parts), list(itertools.accumulate(map(len, parts), initial=0))[:-1]


def space_between(words: Sequence[str]) -> list[bool]:
    """Whether there is a space between each word of a sentence and the next: one value fewer than words.

    - none before what closes (`,` `.` `)` `%` and so on) and the endings `'s` and `n't`, none behind what opens;
    - straight quotation marks open and close in turn; `'` behind a plural is the possessive's;
    - none beside an ideograph, kana or their punctuation, and none at all in a sentence of single characters with one.
    """
    begins_chinese, ends_chinese = ([bool(_CHINESE.match(word[place:])) for word in words] for place in (0, -1))
    if any(begins_chinese) and all(len(word) == 1 for word in words):
        return [False] * (len(words) - 1)
    to_left, to_right = _attached(words)
    joined = zip(to_right, ends_chinese, to_left[1:], begins_chinese[1:], strict=False)
    return [not any(either) for either in joined]


def _attached(words: Sequence[str]) -> tuple[list[bool], list[bool]]:
    """Whether each word has no space before it, and none behind it."""
    to_left, to_right = [False] * len(words), [False] * len(words)
    opened: set[str] = set()
    for place, word in enumerate(words):
        if word in _PAIRED:
            opens = _PAIRED[word]
            possessive = word == "'" and place > 0 and words[place - 1].endswith(("s", "S")) and opens not in opened
            # One that nothing opens here, behind the sentence's last word, ends what an earlier sentence began.
            closes = opens in opened or possessive or (word == opens and 0 < place == len(words) - 1)
            to_left[place], to_right[place] = closes, not closes
            if word == opens and not possessive:
                opened ^= {word}
            else:
                opened.discard(opens)
        else:
            to_left[place] = bool(_CLOSING.fullmatch(word) or _CLITIC.fullmatch(word))
            to_right[place] = bool(_OPENING.fullmatch(word))
            if word in _PAIRED.values():
                opened.add(word)
    return to_left, to_right

"""Where running text is cut into words as train's are: between basic words, but for those that train joins.

A basic word is what BERT's pre-tokenizer makes of a text: a run of letters and digits, a sign, an ideograph. Train's
words are made of them, `U.S.` of four. Between two that no space parts is a gap, and what train does with most gaps of
a kind holds for raw text: of gaps alike in four basic words, two on each side; else in a sign and what is on its both
sides; else in the two around the gap. A gap unlike all of train's is a border. So `U.S.` stays whole where train has
such words, and `Germany's` is cut once.

Train's words are between spaces; `printed` says how they read as running text. The functions here are pure Python, to
learn, to check and to test by; `words` does the same in the graph.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from components.tokenization.printed import printed
from components.tokenization.unicode_table import PAGE, Kind, character_kinds

EDGE, SPACE, IDEOGRAPH, ANY = 0, 16, 17, 18
"""In place of a basic word's kind: the text's end, white space; an ideograph's kind; and whatever it may be.

A sign's kind is its character's, `Kind.SIGN` or more, and that of letters and digits the sum of the following.
"""

OF_LETTERS: dict[int, int] = {Kind.DIGIT: 1, Kind.UPPER: 2, Kind.LETTER: 4}
"""What a basic word has."""

SINGLE = 8
"""It is one character."""

_KIND_BITS = 10
"""Four kinds make one number."""

_SURE = 0.9
"""The share of train's gaps of a kind that are joined from which on none of them is a border. Two words taken for one
lose their border for good: in Chinese of whole words, whose gaps look all alike, a character is a word."""

_FEWEST, _SHARE = 2, 0.7
"""Of train's gaps alike in four basic words: how many there are, and the share of them with which one goes."""

FILE = "joins.json"


@dataclasses.dataclass(frozen=True)
class Joins:
    """Kinds of gaps, as `gap_key` gives them; sorted. What the first of a gap's keys that is here says, holds."""

    joined: tuple[int, ...] = ()
    """No border of words."""
    borders: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.joined) + len(self.borders)

    def write(self, directory: str | Path) -> None:
        """Writes them as a file of the artifact in this directory."""
        Path(directory, FILE).write_text(json.dumps(dataclasses.asdict(self)), encoding="ascii")

    @classmethod
    def read(cls, directory: str | Path) -> Self:
        """What `write` put into the artifact in this directory."""
        values = json.loads(Path(directory, FILE).read_text(encoding="ascii"))
        return cls(**{name: tuple(keys) for name, keys in values.items()})

    @classmethod
    def learned(cls, sentences: Iterable[Sequence[str]]) -> Self:
        """Learned from the words of sentences."""
        counts: dict[tuple[int, ...], Counter[bool]] = defaultdict(Counter)
        for words in sentences:
            text, begins = printed(words)
            borders = set(begins)
            for place, keys in _gaps(basic_words(text)):
                # Of its key, and of those that it is looked up by where its own is not known.
                for level in range(len(keys)):
                    counts[keys[level:]][place not in borders] += 1
        known: dict[int, bool] = {}
        for (key, *others), found in sorted(counts.items(), key=lambda item: len(item[0])):
            total, joined = found.total(), found[True] >= _SURE * found.total()
            enough = len(others) < 2 or (total >= _FEWEST and max(found.values()) >= _SHARE * total)
            if enough and joined != next((known[other] for other in others if other in known), False):
                known[key] = joined
        return cls(*(tuple(sorted(key for key in known if known[key] is joined)) for joined in (True, False)))

    def cut(self, text: str) -> list[tuple[int, int]]:
        """Where the words of a text begin and end, in characters."""
        basics, known = basic_words(text), _known(self)
        joined = {place for place, keys in _gaps(basics) if next((known[key] for key in keys if key in known), False)}
        found: list[tuple[int, int]] = []
        for basic in basics:
            begin = found.pop()[0] if basic.begin in joined else basic.begin
            found.append((begin, basic.end))
        return found

    def missed(self, words: Sequence[str]) -> list[str]:
        """Those of a sentence's words that `cut` does not give of its printed text."""
        text, begins = printed(words)
        found = set(self.cut(text))
        return [word for word, begin in zip(words, begins, strict=True) if (begin, begin + len(word)) not in found]


class Basic(NamedTuple):
    """A basic word in a text."""

    begin: int
    """Its first character."""
    end: int
    """The one behind its last."""
    kind: int
    follows: bool
    """Whether it goes on where the one before it ends, but for characters that BERT removes."""


def gap_key(outer_left: Any, left: Any, right: Any, outer_right: Any) -> Any:
    """A gap, and the kinds of the basic words around it, as one number; int, or int64 tensors."""
    number = outer_left
    for kind in (left, right, outer_right):
        number = number * (1 << _KIND_BITS) + kind
    return number


def basic_words(text: str) -> list[Basic]:
    """The basic words of a text, in order."""
    kinds = _kind_of_each()
    seen = ((place, kind) for place, c in enumerate(text) if (kind := kinds[ord(c)]) != Kind.REMOVED)
    found: list[Basic] = []
    follows = False
    for of_letters, run in itertools.groupby(seen, lambda one: one[1] in OF_LETTERS):
        for part in [list(run)] if of_letters else ([one] for one in run):
            (begin, kind), (last, _) = part[0], part[-1]
            if kind != Kind.SPACE:
                found.append(Basic(begin, last + 1, _kind([one for _, one in part]), follows))
            follows = kind != Kind.SPACE
    return found


def _kind(of_characters: Sequence[int]) -> int:
    first = of_characters[0]
    if first not in OF_LETTERS:
        return IDEOGRAPH if first == Kind.IDEOGRAPH else first
    return sum({OF_LETTERS[kind] for kind in of_characters}) + SINGLE * (len(of_characters) == 1)


def _gaps(basics: Sequence[Basic]) -> Iterator[tuple[int, tuple[int, int, int]]]:
    """Of each gap where the basic word behind it begins, and its keys, the narrowest kind of gaps first."""
    for place in range(1, len(basics)):
        if not basics[place].follows:
            continue
        left, right = basics[place - 1 : place + 1]
        before = EDGE if place == 1 else basics[place - 2].kind if left.follows else SPACE
        behind = basics[place + 1] if place + 1 < len(basics) else None
        after = EDGE if behind is None else behind.kind if behind.follows else SPACE
        around = (before, ANY) if left.kind >= Kind.SIGN else (ANY, after)
        keys = (gap_key(one, left.kind, right.kind, other) for one, other in ((before, after), around, (ANY, ANY)))
        yield right.begin, tuple(keys)


@lru_cache(maxsize=1)
def _kind_of_each() -> list[int]:
    pages, kinds = character_kinds()
    return kinds.reshape(-1, PAGE)[pages].reshape(-1).tolist()


@lru_cache(maxsize=4)
def _known(joins: Joins) -> dict[int, bool]:
    return dict.fromkeys(joins.joined, True) | dict.fromkeys(joins.borders, False)

"""Documents to the texts and pairs of texts that BERT is pre-trained on: pure functions of lengths, nothing lost.

A document is some units, one after the other: its sentences, of which a long one is several. An example is one stretch
of a document, or two, as places in the tokens of all documents laid one after the other. Each token stands in one
example as its own text; a stretch that is no next sentence shows other tokens a second time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

SHORT_SHARE = 0.1
"""Of the examples, those that are not filled up, so that short texts are seen too (`short_seq_prob` of
google-research's create_pretraining_data.py)."""

_DRAWS = 16
"""Of a unit to begin a random text with, until one fits."""


class Example(NamedTuple):
    """Places of tokens: each text from the first on, up to the second."""

    first: tuple[int, int]
    second: tuple[int, int]
    """As long as nothing where there is one text."""
    is_random: bool
    """Whether the second text is another document's."""


class Units(NamedTuple):
    """What documents are made of."""

    borders: np.ndarray
    """int64[units + 1]: where each begins among all tokens, and their number."""
    documents: np.ndarray
    """int64[documents + 1]: the number of each one's first unit, and the number of units."""

    @classmethod
    def of(cls, sentences: np.ndarray, documents: np.ndarray, longest: int) -> Units:
        """Of sentences, those that are longer cut into equal parts, or nearly.

        Args:
            sentences: int[n], the tokens of each; none is 0.
            documents: int[documents], the sentences of each.
            longest: tokens of a unit, at most.
        """
        parts = np.maximum(1, -(-sentences // longest)).astype(np.int64)
        number = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
        whole, rest = np.divmod(np.repeat(sentences, parts), np.repeat(parts, parts))
        units_before = np.concatenate([[0], np.cumsum(parts)])
        sentences_before = np.concatenate([[0], np.cumsum(documents, dtype=np.int64)])
        return cls(np.concatenate([[0], np.cumsum(whole + (number < rest))]), units_before[sentences_before])

    def tokens(self, begin: int, end: int) -> int:
        """Of the units from one on, up to another."""
        return int(self.borders[end] - self.borders[begin])

    def places(self, begin: int, end: int) -> tuple[int, int]:
        """Where their tokens are."""
        return int(self.borders[begin]), int(self.borders[end])

    def filling(self, begin: int, end: int, room: int, least: int = 1) -> int:
        """Up to which unit those from `begin` on fit into the room; `least` of them in any case, none behind `end`."""
        fits = int(np.searchsorted(self.borders, self.borders[begin] + room, side="right")) - 1
        return min(end, max(begin + least, fits))


def texts(units: Units, most: int, seed: int) -> Iterator[Example]:
    """Examples of one text: as many units of a document as fit.

    Args:
        units: of all documents, none longer than `most`.
        most: tokens of an example.
        seed: of which of them are shorter.
    """
    random = np.random.default_rng([seed, 0])
    for begin, end in _bounds(units):
        unit = begin
        while unit < end:
            behind = units.filling(unit, end, _target(random, most))
            yield Example(units.places(unit, behind), (0, 0), False)
            unit = behind


def pairs(units: Units, most: int, seed: int) -> Iterator[Example]:
    """Examples of two texts, of which the second one follows the first in half of them.

    Where it does not, it comes from another document, and what would have followed begins the next example. The last
    unit of a document has none behind it, so its second text is always another document's; which of the others have one
    makes up for that, as far as there are others.

    Args:
        units: of all documents, none longer than half of `most`.
        most: tokens of both texts together, at least 2.
        seed: of all that is drawn.

    Raises:
        ValueError: there is one document, and no other to take a random text from.
    """
    random = np.random.default_rng([seed, 1])
    bounds = _bounds(units)
    if len(bounds) < 2:
        raise ValueError("a random next sentence needs a second document")
    # Of random ones more than of others.
    ahead = 0
    for number, (begin, end) in enumerate(bounds):
        unit = begin
        while unit < end:
            target = _target(random, most)
            behind = units.filling(unit, end, target, least=2)
            if end - behind == 1 and behind - unit > 2:
                # Else a last unit would stand alone.
                behind -= 1
            is_alone = behind - unit == 1
            middle = behind if is_alone else int(random.integers(unit + 1, behind))
            is_random = is_alone or (random.random() < 0.5 if ahead == 0 else ahead < 0)
            ahead += 1 if is_random else -1
            first = units.places(unit, middle)
            if is_random:
                room = max(target, units.tokens(unit, behind)) - units.tokens(unit, middle)
                room = room if room > 0 else most - units.tokens(unit, middle)
                yield Example(first, _elsewhere(units, bounds, number, room, random), True)
                unit = middle
            else:
                yield Example(first, units.places(middle, behind), False)
                unit = behind


def _bounds(units: Units) -> list[tuple[int, int]]:
    """First unit and the one behind the last, of each document that has any."""
    numbers = units.documents.tolist()
    return [(begin, end) for begin, end in itertools.pairwise(numbers) if end > begin]


def _target(random: np.random.Generator, most: int) -> int:
    """Tokens of an example, at most."""
    return int(random.integers(2, most + 1)) if random.random() < SHORT_SHARE else most


def _elsewhere(
    units: Units, bounds: list[tuple[int, int]], number: int, room: int, random: np.random.Generator
) -> tuple[int, int]:
    """Tokens of another document than that number, from the beginning of a unit on; whole units where some fit."""
    for _ in range(_DRAWS):
        other = int(random.integers(len(bounds) - 1))
        begin, end = bounds[other + (other >= number)]
        unit = int(random.integers(begin, end))
        if units.tokens(unit, unit + 1) <= room:
            return units.places(unit, units.filling(unit, end, room))
    first = int(units.borders[unit])
    return first, first + room

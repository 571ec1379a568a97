"""Pieces to text: how words and signs are joined, as the training targets join them.

BERT's pieces keep no white space. A piece that goes on with a word is joined to it; between two basic words stands a
space, or nothing: whichever stands more often in train between two of their kinds. Kinds are words, numbers,
ideographs, and each sign by itself, so `4.5`, `it's`, `(see` and `end.` come out as train has them, and a straight
quote, which opens and closes, as its neighbours have it most. Pairs of kinds that train lacks follow `_JOINED_TO_LEFT`
and `_JOINED_TO_RIGHT`.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from components.tokenization.joins import IDEOGRAPH, OF_LETTERS, basic_words
from components.tokenization.unicode_table import Kind
from components.tokenization.vocabulary import Tokenizer

if TYPE_CHECKING:
    import tensorflow as tf

_FILE = "spacing.json"

_WORD, _NUMBER, _IDEOGRAPH = "word", "number", "ideograph"
"""Kinds of basic words that are no sign; a sign's kind is itself."""

_JOINED_TO_LEFT, _JOINED_TO_RIGHT = ".,;:!?)]}%'’”…-/", "([{'’“-/"
"""Signs that stand by what is before them, and by what is behind them, where train does not say."""


@dataclasses.dataclass(frozen=True)
class Spacing:
    """What stands between two kinds of basic words."""

    joined: tuple[tuple[str, str], ...] = ()
    """Pairs of kinds, left and right, with nothing between; sorted."""
    apart: tuple[tuple[str, str], ...] = ()
    """Those with a space."""

    def write(self, directory: str | Path) -> None:
        """Writes it as a file of the artifact in this directory."""
        Path(directory, _FILE).write_text(json.dumps(dataclasses.asdict(self)), encoding="ascii")

    @classmethod
    def read(cls, directory: str | Path) -> Self:
        """What `write` put into the artifact in this directory."""
        values = json.loads(Path(directory, _FILE).read_text(encoding="ascii"))
        return cls(**{name: tuple(map(tuple, pairs)) for name, pairs in values.items()})

    @classmethod
    def learned(cls, texts: Iterable[str]) -> Self:
        """From the targets of train."""
        counts: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
        for text in texts:
            for left, right in itertools.pairwise(basic_words(text)):
                pair = _kind(text[left.begin : left.end], left.kind), _kind(text[right.begin : right.end], right.kind)
                counts[pair][right.follows] += 1
        joined = {pair for pair, found in counts.items() if found[True] > found[False]}
        return cls(tuple(sorted(joined)), tuple(sorted(counts.keys() - joined)))

    def between(self, kinds: Sequence[str]) -> np.ndarray:
        """Whether nothing stands between two of these kinds, bool[left, right]."""
        behind, before = (
            np.array([kind in signs for kind in kinds], bool) for signs in (_JOINED_TO_LEFT, _JOINED_TO_RIGHT)
        )
        ideographs = np.array([kind == _IDEOGRAPH for kind in kinds], bool)
        joined: np.ndarray = behind | before[:, np.newaxis] | (ideographs & ideographs[:, np.newaxis])
        number = {kind: place for place, kind in enumerate(kinds)}
        for pairs, is_joined in ((self.joined, True), (self.apart, False)):
            for left, right in pairs:
                if left in number and right in number:
                    joined[number[left], number[right]] = is_joined
        return joined


class Detokenizer:
    """Token ids to text, in TensorFlow's graph, which holds the vocabulary then.

    Args:
        tokenizer: of the base model.
        spacing: of train's targets.
        size: rows of the word embeddings, which may be more than there are tokens.
    """

    def __init__(self, tokenizer: Tokenizer, spacing: Spacing, size: int) -> None:
        prefix = tokenizer.settings.continuation
        continues = [tokenizer.continues_word(number) for number in range(len(tokenizer.vocabulary))]
        pieces = [
            piece.removeprefix(prefix) if goes_on else piece
            for piece, goes_on in zip(tokenizer.vocabulary, continues, strict=True)
        ]
        kinds = [kind_of(piece) for piece in pieces]
        names = sorted(set(kinds))
        number = {name: place for place, name in enumerate(names)}
        more = size - len(pieces)
        self._pieces = [*pieces, *[""] * more]
        self._continues = np.array([*continues, *[True] * more], bool)
        self._kinds = np.array([*(number[kind] for kind in kinds), *[0] * more], np.int32)
        self._joined, self._padding = spacing.between(names), tokenizer.padding_id

    def __call__(self, token_ids: tf.Tensor) -> tf.Tensor:
        """int32[n, length], filled up with padding -> string[n]."""
        import tensorflow as tf

        there = tf.not_equal(token_ids, self._padding)
        kinds = tf.gather(tf.constant(self._kinds), token_ids)
        pairs = kinds[:, :-1] * len(self._joined) + kinds[:, 1:]
        joined = tf.gather(tf.constant(self._joined.reshape(-1)), pairs)
        joined |= tf.gather(tf.constant(self._continues), token_ids[:, 1:])
        # Nothing stands before the first one.
        joined = tf.concat([tf.ones_like(there[:, :1]), joined], axis=1)
        pieces = tf.where(there, tf.gather(tf.constant(self._pieces), token_ids), "")
        between = tf.where(joined | tf.logical_not(there), "", " ")
        return tf.strings.reduce_join(tf.strings.join([between, pieces]), axis=1)

    def plain(self, token_ids: Iterable[int]) -> str:
        """The same of one row, in Python."""
        text, before = "", None
        for token in token_ids:
            if token == self._padding:
                continue
            apart = before is not None and not (
                self._continues[token] or self._joined[self._kinds[before], self._kinds[token]]
            )
            text, before = text + " " * apart + self._pieces[token], token
        return text


def kind_of(piece: str) -> str:
    """The kind of a piece, without the mark that it goes on with a word."""
    basics = basic_words(piece)
    if not basics:
        return _WORD
    last = basics[-1]
    return _kind(piece[last.begin : last.end], last.kind)


def _kind(word: str, kind: int) -> str:
    if kind == IDEOGRAPH:
        return _IDEOGRAPH
    if kind >= Kind.SIGN:
        return word
    return _NUMBER if kind & 7 == OF_LETTERS[Kind.DIGIT] else _WORD

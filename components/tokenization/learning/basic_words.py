"""Texts to the words that WordPiece cuts into pieces, in plain Python and by the very table that the graph has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from components.tokenization.unicode_table import translation
from components.tokenization.vocabulary import TokenizerSettings


class BasicWords:
    """Cuts texts into words: normalised, between spaces, signs and, if the settings say so, ideographs alone.

    Args:
        settings: of the tokenizer that the words are for.
    """

    def __init__(self, settings: TokenizerSettings) -> None:
        self._table = translation(settings.lower_case, settings.strips_accents, settings.chinese_chars)
        self._longest = settings.longest_word

    def __call__(self, text: str) -> list[str]:
        """The words of a text in their order; those that are too long to be cut into pieces are among them."""
        # No other white space is left, and what Python takes for some besides is a character of a word here.
        return [word for word in text.translate(self._table).split(" ") if word]

    def count(self, texts: Iterable[str]) -> Counter[str]:
        """Word -> how often it stands in texts, without those that are too long."""
        # A space is one in any case, and of what stands between two of them most stands in many texts.
        chunks = Counter(chunk for text in texts for chunk in text.split(" "))
        found: Counter[str] = Counter()
        for chunk, times in chunks.items():
            for word in self(chunk):
                if len(word) <= self._longest:
                    found[word] += times
        return found

"""BERT's tokenizer in plain Python, without TensorFlow: for a look at some rows, where loading that would take longest.

It follows the reference as `wordpiece` does, but by Python's own Unicode tables: characters newer than Unicode 8 may
fall into other classes. What is trained or served never sees its ids.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from components.tokenization.unicode_table import CHINESE, characters
from components.tokenization.vocabulary import Tokenizer

_WHITE_SPACE = re.compile("[ \t\n\r]+")

_SIGNS = frozenset(string.punctuation)


class PlainWordPiece:
    """Text to token ids, of any length.

    Added tokens are cut as other text is.

    Args:
        tokenizer: of the base model.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        control = tokenizer.settings.control_tokens
        self._ids = {token: number for number, token in enumerate(tokenizer.vocabulary) if token not in control}
        self._settings, self._longest = tokenizer.settings, max(map(len, tokenizer.vocabulary))
        self._start, self._separator = tokenizer.start_id, tokenizer.separator_id
        self._unknown = tokenizer.unknown_id
        self._chinese = characters(CHINESE) if tokenizer.settings.chinese_chars else frozenset()
        # Most words stand in many rows, and most characters in many words.
        self._pieces = lru_cache(maxsize=1 << 16)(self._cut)
        self._normalised = lru_cache(maxsize=1 << 16)(self._character)

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """[CLS], the pieces of a text, [SEP]; of several texts together each ends in a [SEP]."""
        ids = [self._start]
        for text in texts:
            for chunk in _WHITE_SPACE.split(text):
                ids += self._pieces(chunk)
            ids.append(self._separator)
        return ids

    def words(self, words: Sequence[str]) -> tuple[list[int], list[bool]]:
        """The same of a text that is cut into words already, and of each token whether it begins one of them."""
        ids, begins = [self._start], [False]
        for word in words:
            pieces = self._pieces(word) or (self._unknown,)
            ids += pieces
            begins += [True, *[False] * (len(pieces) - 1)]
        return [*ids, self._separator], [*begins, False]

    def _cut(self, chunk: str) -> tuple[int, ...]:
        """The ids of what stands between two spaces, as the vocabulary has it."""
        spelled = "".join(self._normalised(character) for character in chunk)
        return tuple(piece for word in spelled.split() for piece in self._pieces_of_word(word))

    def _character(self, character: str) -> str:
        """What becomes of a character, between spaces if it is a word of its own."""
        category = unicodedata.category(character)
        if character in "\t\n\r" or category.startswith("Z"):
            return " "
        if category in ("Cc", "Cf", "Co") or character == "\ufffd":
            return ""
        alone = character in self._chinese
        if self._settings.strips_accents:
            parts = unicodedata.normalize("NFD", character)
            character = "".join(part for part in parts if unicodedata.category(part) != "Mn")
        if self._settings.lower_case:
            character = character.lower()
        alone |= category.startswith("P") or character in _SIGNS
        return f" {character} " if alone else character

    def _pieces_of_word(self, word: str) -> list[int]:
        """Longest match first; [UNK] where a part of the word is in no token."""
        pieces: list[int] = []
        start = 0
        while start < len(word) <= self._settings.longest_word:
            prefix = self._settings.continuation if start else ""
            ends = range(min(len(word), start + self._longest), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self._ids), None)
            if end is None:
                break
            pieces.append(self._ids[prefix + word[start:end]])
            start = end
        return pieces if start == len(word) else [self._unknown]

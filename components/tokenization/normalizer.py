"""Texts to words of ASCII and symbols, in the graph: BERT's normaliser and pre-tokeniser, and the added tokens."""

from __future__ import annotations

import re

import tensorflow as tf

from components.tokenization.unicode_table import MARKERS, NO_MARKER, NO_TOKEN, PAGE, compile_table, markers
from components.tokenization.vocabulary import AddedToken, TokenizerSettings

_MOST_REPEATS = 1000
"""RE2's limit."""

_WORD_CHARACTERS = r"\pL\pM\p{Nd}\p{Nl}\p{Pc}"
"""Those that `AddedToken.single_word` allows no token to stand beside."""


class Normalizer:
    """See `unicode_table`.

    Args:
        settings: the tokenizer's.
        symbols: of its vocabulary, as `symbols_of` returns them.
    """

    def __init__(self, settings: TokenizerSettings, symbols: dict[str, str]) -> None:
        self._settings = settings
        self._pages, self._row_splits, self._values = compile_table(settings, symbols)
        # Of two at one place the longer is meant.
        added = sorted(markers(settings.added_tokens), key=lambda each: -len(each[1].content))
        self._in_texts = [(each, each.content, marker) for marker, each in added if not each.normalized]
        self._in_normalised = [
            (each, self._of_ascii(each.content), symbols[marker]) for marker, each in added if each.normalized
        ]

    def is_plain(self, texts: tf.Tensor) -> tf.Tensor:
        """Whether a text, string[n], means the same as it is: printable ASCII in words that are not too long."""
        word = f"[!-~]{{0,{min(self._settings.longest_word, _MOST_REPEATS)}}}"
        plain = tf.strings.regex_full_match(texts, rf"(?:{word}[\t\n\r ])*{word}")
        if not self._settings.added_tokens:
            return plain
        any_case = "(?i)" if self._settings.lower_case else ""
        added = "|".join(_literally(each.content) for each in self._settings.added_tokens)
        return plain & ~tf.strings.regex_full_match(texts, f"(?s){any_case}.*(?:{added}).*")

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Texts, string[n], to words of ASCII and symbols between spaces."""
        if self._settings.added_tokens:
            reserved = f"[{chr(MARKERS.start)}-{chr(MARKERS.stop - 1)}]"
            texts = tf.strings.regex_replace(texts, reserved, NO_MARKER)
        for added in self._in_texts:
            texts = _replaced(texts, *added)
        characters = self._normalised(texts)
        if self._in_normalised:
            texts = tf.strings.unicode_encode(characters, "UTF-8")
            for added in self._in_normalised:
                texts = _replaced(texts, *added)
            characters = tf.strings.unicode_decode(texts, "UTF-8")
        return tf.strings.unicode_encode(self._without_long_words(characters), "UTF-8")

    def _normalised(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Texts, string[n], by the table: code points, int32[n, (characters)]."""
        # The space before each text starts its first word, and keeps words of different texts apart.
        codes = tf.strings.unicode_decode(tf.strings.join([" ", texts]), "UTF-8")
        slots = tf.gather(self._pages, codes.flat_values // PAGE) * PAGE + codes.flat_values % PAGE
        table = tf.RaggedTensor.from_row_splits(
            tf.constant(self._values), tf.constant(self._row_splits), validate=False
        )
        spelled = tf.gather(table, slots)
        row_splits = tf.gather(spelled.row_splits, tf.cast(codes.row_splits, tf.int32))
        return tf.RaggedTensor.from_row_splits(spelled.flat_values, tf.cast(row_splits, tf.int64), validate=False)

    def _without_long_words(self, characters: tf.RaggedTensor) -> tf.RaggedTensor:
        """Words that are too long, of characters of no token."""
        flat = characters.flat_values
        space = tf.equal(flat, ord(" "))
        word = tf.cumsum(tf.cast(space, tf.int32))
        long = tf.gather(tf.math.bincount(word), word) > self._settings.longest_word + 1  # the space counts
        return characters.with_flat_values(tf.where(long & ~space, ord(NO_TOKEN), flat))

    def _of_ascii(self, text: str) -> str:
        """What `_normalised` makes of a text of printable ASCII."""
        text = text.lower() if self._settings.lower_case else text
        return "".join(c if c.isalnum() or c == " " else f" {c} " for c in text)


def _literally(content: str) -> str:
    """The regular expression of RE2 for a text as it is."""
    return re.sub(r"([^\w\s])", r"\\\1", content, flags=re.ASCII) if content.isascii() else rf"\Q{content}\E"


def _replaced(texts: tf.Tensor, added: AddedToken, content: str, marker: str) -> tf.Tensor:
    """Replace an added token in texts, string[n], by its marker, a word of its own."""
    if not added.single_word:
        return tf.strings.regex_replace(texts, _literally(content), f" {marker} ")
    alone = f"(^|[^{_WORD_CHARACTERS}]){_literally(content)}($|[^{_WORD_CHARACTERS}])"
    # Twice: the sign between two of them belongs to the first alone.
    for _ in range(2):
        texts = tf.strings.regex_replace(texts, alone, rf"\1 {marker} \2")
    return texts

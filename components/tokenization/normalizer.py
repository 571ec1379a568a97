"""Texts to words of ASCII and symbols, in the graph: BERT's normaliser and pre-tokeniser, and the added tokens."""

from __future__ import annotations

import tensorflow as tf

from components.tokenization.unicode_table import MARKERS, NO_MARKER, NO_TOKEN, PAGE, compile_table, markers
from components.tokenization.vocabulary import AddedToken, TokenizerSettings

_MOST_REPEATS = 1000
"""RE2's limit."""

_MOST_CHARACTERS = (1 << 31) - 2
"""What a tensor of int32 can count."""

_AROUND = chr(MARKERS[-1])
"""Stands on both sides of an added token that was found."""

_LATER_WORD_CHARACTERS = (
    "897 1C89-1C8A 200C-200D 24B6-24E9 A7CB-A7CD A7DA-A7DC 105C0-105F3 10D40-10D65 10D69-10D6D 10D6F-10D85 10EC2-10EC4 "
    "10EFC 11380-11389 1138B 1138E 11390-113B5 113B7-113C0 113C2 113C5 113C7-113CA 113CC-113D3 113E1-113E2 116D0-116E3 "
    "11BC0-11BE0 11BF0-11BF9 11F5A 13460-143FA 16100-16139 16D40-16D6C 16D70-16D79 18CFF 1CCF0-1CCF9 1E5D0-1E5FA "
    "1F130-1F149 1F150-1F169 1F170-1F189 2EBF0-2EE5D"
)
"""Letters to the crate behind the reference, whose Unicode is 16.0, and not yet to RE2 or, as the joiners and circled
letters, not by their categories; found by asking both for every code point."""

WORD_CHARACTERS = r"\pL\pM\p{Nd}\p{Nl}\p{Pc}" + "".join(
    "-".join(rf"\x{{{end}}}" for end in part.split("-")) for part in _LATER_WORD_CHARACTERS.split()
)
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
        added = markers(settings.added_tokens)
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
        # Normalising makes spaces of all white space.
        added = "|".join(_literally(each.content).replace(" ", r"[\t\n\r ]") for each in self._settings.added_tokens)
        return plain & ~tf.strings.regex_full_match(texts, f"(?s){any_case}.*(?:{added}).*")

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Texts, string[n], to words of ASCII and symbols between spaces."""
        if self._settings.added_tokens:
            reserved = f"[{chr(MARKERS.start)}-{chr(MARKERS.stop - 1)}]"
            texts = tf.strings.regex_replace(texts, reserved, NO_MARKER)
        texts = _replaced(texts, self._in_texts)
        characters = self._normalised(texts)
        if self._in_normalised:
            texts = _replaced(tf.strings.unicode_encode(characters, "UTF-8"), self._in_normalised)
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
        longest = min(self._settings.longest_word, _MOST_CHARACTERS)
        long = tf.gather(tf.math.bincount(word), word) > longest + 1  # the space counts
        return characters.with_flat_values(tf.where(long & ~space, ord(NO_TOKEN), flat))

    def _of_ascii(self, text: str) -> str:
        """What `_normalised` makes of a text of printable ASCII."""
        text = text.lower() if self._settings.lower_case else text
        return "".join(c if c.isalnum() or c == " " else f" {c} " for c in text)


def _literally(content: str) -> str:
    """The regular expression of RE2 for a text as it is."""
    return "".join(c if not c.isascii() or c.isalnum() or c in "_ \t\r\n" else f"\\{c}" for c in content)


def _replaced(texts: tf.Tensor, added: list[tuple[AddedToken, str, str]]) -> tf.Tensor:
    """Replace added tokens in texts, string[n], by their markers, each a word of its own.

    Args:
        texts: without `_AROUND`.
        added: the tokens, what to look for, and the markers.
    """
    if not added:
        return texts
    # Leftmost first, and of those that begin together the longest: RE2 takes the first alternative that fits.
    longest_first = sorted((content for _, content, _ in added), key=lambda content: -len(content))
    alternatives = "|".join(map(_literally, longest_first))
    texts = tf.strings.regex_replace(texts, f"({alternatives})", rf"{_AROUND}\1{_AROUND}")
    for each, content, marker in sorted(added, key=lambda one: not one[0].single_word):
        found = f"{_AROUND}{_literally(content)}{_AROUND}"
        if not each.single_word:
            texts = tf.strings.regex_replace(texts, found, f" {marker} ")
            continue
        other, neighbour = f"[^{WORD_CHARACTERS}{_AROUND}]", f"[^{WORD_CHARACTERS}]"
        alone = f"(^|{other}|{neighbour}{_AROUND}){found}($|{other}|{_AROUND}{neighbour})"
        # Twice: the sign between two of them belongs to the first alone.
        for _ in range(2):
            texts = tf.strings.regex_replace(texts, alone, rf"\1 {marker} \2")
    return tf.strings.regex_replace(texts, _AROUND, "")

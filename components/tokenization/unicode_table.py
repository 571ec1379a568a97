"""What BERT's normaliser makes of each code point, as a table for the graph.

The table is made of Python's `unicodedata` and the few constants below, which say where the reference differs from it;
neither ICU's nor RE2's Unicode tables, of other versions, have a say. It holds the text that a code point becomes:

- a character of the vocabulary outside ASCII becomes a symbol, a private-use character of its own: a letter to every
  library. The reference removes private-use characters, so no text can contain a symbol.
- a character that no token holds becomes NO_TOKEN, so that its word is unknown.
- a sign or ideograph that is a word of its own comes between spaces.
"""

from __future__ import annotations

import string
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache

import numpy as np

from components.tokenization.vocabulary import AddedToken, Tokenizer, TokenizerSettings

# What the crates behind the reference know otherwise than the Unicode 14.0 of CPython 3.11, found by asking both for
# every code point: their categories are of Unicode 8, their NFD is older than 13, their lower case is of Unicode 17.
_NOT_FORMAT = "890-891 8E2 110CD 13430-13438"

_NOT_NONSPACING = (
    "7FD 898-89F 8CA-8E1 9FE AFA-AFF B55 C04 C3C D00 D3B-D3C D81 EBA 180F 1885-1886 1ABF-1ACE 1DF6-1DFB A82C A8C5 A8FF "
    "A9BD 10D24-10D27 10EAB-10EAC 10F46-10F50 10F82-10F85 11070 11073-11074 110C2 111C9 111CF 1123E 1133B 11438-1143F "
    "11442-11444 11446 1145E 1182F-11837 11839-1183A 1193B-1193C 1193E 11943 119D4-119D7 119DA-119DB 119E0 11A01-11A0A "
    "11A33-11A38 11A3B-11A3E 11A47 11A51-11A56 11A59-11A5B 11A8A-11A96 11A98-11A99 11C30-11C36 11C38-11C3D 11C3F "
    "11C92-11CA7 11CAA-11CB0 11CB2-11CB3 11CB5-11CB6 11D31-11D36 11D3A 11D3C-11D3D 11D3F-11D45 11D47 11D90-11D91 11D95 "
    "11D97 11EF3-11EF4 16F4F 16FE4 1CF00-1CF2D 1CF30-1CF46 1E000-1E006 1E008-1E018 1E01B-1E021 1E023-1E024 1E026-1E02A "
    "1E130-1E136 1E2AE 1E2EC-1E2EF 1E944-1E94A"
)

_NOT_PUNCTUATION = (
    "61D 9FD A76 C77 C84 1B7D-1B7E 2E43-2E4F 2E52-2E5D 10EAD 10F55-10F59 10F86-10F89 1144B-1144F 1145A-1145B 1145D "
    "11660-1166C 116B9 1183B 11944-11946 119E2 11A3F-11A46 11A9A-11A9C 11A9E-11AA2 11C41-11C45 11C70-11C71 11EF7-11EF8 "
    "11FFF 12FF1-12FF2 16E97-16E9A 16FE2 1E95E-1E95F"
)

_STILL_NONSPACING, _STILL_PUNCTUATION = "1734", "166D 111C9"

_NOT_DECOMPOSED = "11938"

_LATER_LOWER_CASE = {  # code points -> where their lower case begins
    "1C89": 0x1C8A,
    "A7CB": 0x264,
    "A7CC": 0xA7CD,
    "A7CE": 0xA7CF,
    "A7D2": 0xA7D3,
    "A7D4": 0xA7D5,
    "A7DA": 0xA7DB,
    "A7DC": 0x19B,
    "10D50-10D65": 0x10D70,
    "16EA0-16EB8": 0x16EBB,
}

CHINESE = "3400-4DBF 4E00-9FFF F900-FAFF 20000-2A6DF 2A700-2B81F 2B920-2CEAF 2F800-2FA1F"
"""The ranges of BERT's `_is_chinese_char`, with the reference's 2B920 where BERT has 2B820."""

_PRIVATE = "F0000-FFFFD 100000-10FFFD"  # planes 15 and 16; the rest of category Co is in plane 0

MARKERS = range(0x50000, 0x60000)
"""Code points that stand for added tokens until they are symbols: no Unicode assigns them, no text should hold one."""

NO_MARKER = chr(MARKERS.stop)
"""What stands for one in a text: a character of no token, as they are."""

_WHITE_SPACE = "9-A D 20 A0 1680 2000-200A 2028-2029 202F 205F 3000"  # B, C and 85 count as control characters


def _symbol(index: int) -> str:
    """Return one of the 71,934 private-use characters in planes 0 and 15."""
    return chr(0xE000 + index if index < 0x1900 else 0xF0000 - 0x1900 + index)


NO_TOKEN, START_SYMBOL, SEPARATOR_SYMBOL = (_symbol(index) for index in range(3))
"""Symbols of no character: for characters of no token, for [CLS] and for [SEP]."""

PAGE = 256
"""Code points in a page of the table; equal pages are stored once."""

_CODE_POINTS = 0x110000


def markers(added_tokens: Iterable[AddedToken]) -> list[tuple[str, AddedToken]]:
    """Each added token with the character that stands for it in a text."""
    return list(zip(map(chr, MARKERS), added_tokens, strict=False))


def symbols_of(tokenizer: Tokenizer) -> dict[str, str]:
    """The symbol of each character outside ASCII that a token holds, and of each marker."""
    tokens = [*tokenizer.vocabulary, *(marker for marker, _ in markers(tokenizer.settings.added_tokens))]
    alphabet = sorted({c for token in tokens for c in token if not c.isascii()})
    return {c: _symbol(index + 3) for index, c in enumerate(alphabet)}


def compile_table(settings: TokenizerSettings, symbols: dict[str, str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tabulate what becomes of each code point.

    Args:
        settings: how the base model's tokenizer normalises.
        symbols: as `symbols_of` returns them.

    Returns:
        The page of each block of 256 code points, int32[4352]; where the characters of each code point of each page
        begin in the last, int32[256 * pages + 1]; the characters, int32[...], each ASCII or a symbol.
    """
    lengths, normalised = _normalised(settings.lower_case, settings.strips_accents, settings.chinese_chars)
    spelling = np.full(_CODE_POINTS, ord(NO_TOKEN), np.int32)
    spelling[:128] = range(128)
    spelling[[ord(c) for c in symbols]] = [ord(symbol) for symbol in symbols.values()]
    page_lengths = lengths.reshape(-1, PAGE)
    page_values = np.split(spelling[normalised], np.cumsum(page_lengths.sum(axis=1))[:-1])
    keys = [(row.tobytes(), values.tobytes()) for row, values in zip(page_lengths, page_values, strict=True)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    ends = np.cumsum(np.frombuffer(b"".join(row for row, _ in numbers), np.int32), dtype=np.int32)
    values = np.frombuffer(b"".join(values for _, values in numbers), np.int32)
    return np.array([numbers[key] for key in keys], np.int32), np.insert(ends, 0, 0), values


@lru_cache(maxsize=8)
def _normalised(lower_case: bool, strip_accents: bool, chinese_chars: bool) -> tuple[np.ndarray, np.ndarray]:
    """Normalise each code point by itself and set off by spaces what the reference makes a word of its own.

    Returns:
        How many characters each code point becomes, int32[1114112]; these characters, one after the other, int32[...].
    """
    assigned = [chr(code) for code in (*range(0x32000), *range(0xE0000, 0xE1000))]  # but for _PRIVATE
    of_category: dict[str, set[str]] = defaultdict(set)
    for c in assigned:
        of_category[unicodedata.category(c)].add(c)
    removed = set().union(*(of_category[name] for name in ("Cc", "Cf", "Co"))) - characters(_NOT_FORMAT)
    removed |= {"\ufffd"} | characters(_PRIVATE)
    marks = of_category["Mn"] - characters(_NOT_NONSPACING) | characters(_STILL_NONSPACING)
    punctuation = set().union(*(of_category[f"P{kind}"] for kind in "cdefios")) - characters(_NOT_PUNCTUATION)
    punctuation |= characters(_STILL_PUNCTUATION) | set(string.punctuation)
    finished = {c: f" {c} " for c in punctuation}
    if lower_case:
        finished |= {c: lower for c in assigned if (lower := c.lower()) != c}
        for span, to in _LATER_LOWER_CASE.items():
            finished |= {c: chr(to + n) for n, c in enumerate(sorted(characters(span)))}
    changed = {}
    if strip_accents:
        decomposed = {c for c in assigned if not unicodedata.is_normalized("NFD", c)} - characters(_NOT_DECOMPOSED)
        for c in decomposed | marks:
            changed[c] = "".join(finished.get(x, x) for x in unicodedata.normalize("NFD", c) if x not in marks)
    changed = finished | changed
    changed |= {c: f" {changed.get(c, c)} " for c in (characters(CHINESE) if chinese_chars else ())}
    changed |= dict.fromkeys(removed, "") | dict.fromkeys(characters(_WHITE_SPACE), " ")

    codes = sorted(map(ord, changed))
    texts = [changed[chr(code)] for code in codes]
    lengths = np.ones(_CODE_POINTS, np.int32)
    lengths[codes] = [len(text) for text in texts]
    values = np.repeat(np.arange(_CODE_POINTS, dtype=np.int32), lengths)
    is_changed = np.zeros(_CODE_POINTS, bool)
    is_changed[codes] = True
    values[is_changed[values]] = np.frombuffer("".join(texts).encode("utf-32-le"), np.int32)
    return lengths, values


@lru_cache(maxsize=2)
def translation(lower_case: bool, strip_accents: bool, chinese_chars: bool) -> dict[int, str]:
    """The table as `str.translate` takes it: what becomes of the code points that do not stay as they are.

    What comes out is words between spaces: those of the graph, with each character in place of a symbol.
    """
    lengths, values = _normalised(lower_case, strip_accents, chinese_chars)
    ends = np.cumsum(lengths)
    firsts = values[np.minimum(ends - lengths, len(values) - 1)]
    changed = np.flatnonzero((lengths != 1) | (firsts != np.arange(_CODE_POINTS)))
    spelled = values.astype("<u4").tobytes().decode("utf-32-le", errors="surrogatepass")
    return {int(code): spelled[ends[code] - lengths[code] : ends[code]] for code in changed}


def characters(spans: str) -> frozenset[str]:
    """Return the characters in spans of code points such as "9-A D 20"."""
    ends = [[int(end, 16) for end in span.split("-")] for span in spans.split()]
    return frozenset(chr(code) for span in ends for code in range(span[0], span[-1] + 1))


class Kind(IntEnum):
    """What a code point is to BERT's pre-tokenizer; digits and upper case are told from other letters."""

    REMOVED = 0
    SPACE = 1
    IDEOGRAPH = 2
    """A word of its own."""
    DIGIT = 3
    UPPER = 4
    LETTER = 5
    """All else, marks and what is not assigned included."""
    SIGN = 32
    """The first of the signs of punctuation, each of them a kind, and a word, of its own."""


@lru_cache(maxsize=1)
def character_kinds() -> tuple[np.ndarray, np.ndarray]:
    """Tabulate the `Kind` of each code point, ideographs apart whatever a tokenizer does with them.

    Returns:
        The page of each block of 256 code points, int32[4352]; the kinds of the code points of each page,
        uint16[256 * pages].
    """
    lengths, normalised = _normalised(False, False, True)
    kinds = np.full(_CODE_POINTS, Kind.LETTER, np.uint16)
    kinds[[code for code in range(0x20000) if chr(code).isupper()]] = Kind.UPPER
    kinds[[code for code in range(0x20000) if chr(code).isdecimal()]] = Kind.DIGIT
    kinds[lengths == 0] = Kind.REMOVED
    firsts = normalised[np.minimum(np.cumsum(lengths) - lengths, len(normalised) - 1)]
    kinds[(lengths == 1) & (firsts == ord(" "))] = Kind.SPACE
    kinds[[ord(c) for c in characters(CHINESE)]] = Kind.IDEOGRAPH
    signs = (lengths > 1) & (kinds != Kind.IDEOGRAPH)
    kinds[signs] = Kind.SIGN + np.arange(np.count_nonzero(signs))
    pages, places = np.unique(kinds.reshape(-1, PAGE), axis=0, return_inverse=True)
    return places.astype(np.int32).reshape(-1), pages.reshape(-1)

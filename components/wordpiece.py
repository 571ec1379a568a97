"""Text to BERT token ids inside the TensorFlow graph, equal to BERT's reference tokenizer.

The reference is Hugging Face `tokenizers` 0.23: BertNormalizer, BertPreTokenizer, WordPiece. It treats each code point
by itself, so all of it up to the cutting into pieces is one table from code point to text, looked up in the graph. The
table is made here from Python's `unicodedata` and the few constants below; neither ICU's nor RE2's Unicode tables, of
other versions, have a say. `FastWordpieceTokenizer` then cuts a text in which

- every character of the vocabulary outside ASCII is a private-use symbol of its own, a letter to every library,
- every character that no token holds is one and the same symbol, so that its word is unknown,
- spaces set off the words, the punctuation and the ideographs,
- [CLS] and [SEP] are symbols too. No text can contain one: the reference removes private-use characters.

Rows of plain ASCII, found by one regular expression, skip the table.

Not exact: NFD puts adjoining combining marks in canonical order, and the table does not. It shows only with accents
stripped, in a word with two of the 83 marks that stripping leaves though they have a combining class (20 spacing marks,
63 marks newer than Unicode 8), in another than the canonical order, and if the vocabulary has both: a word with a mark
that it lacks is unknown in any order. The vocabulary of uncased English BERT has none of the 83.
"""

import string
import unicodedata
from collections import defaultdict
from functools import lru_cache

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from components.vocabulary import CONTINUATION, SEPARATOR, START, UNKNOWN, TokenizerSettings

LONGEST_WORD = 100
"""A word of more characters than this, counted after normalising, is unknown (`max_input_chars_per_word`)."""

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
# The ranges of BERT's `_is_chinese_char`, with the reference's 2B920 where BERT has 2B820.
_CHINESE = "3400-4DBF 4E00-9FFF F900-FAFF 20000-2A6DF 2A700-2B81F 2B920-2CEAF 2F800-2FA1F"
_PRIVATE = "F0000-FFFFD 100000-10FFFD"  # planes 15 and 16; the rest of category Co is in plane 0
_WHITE_SPACE = "9-A D 20 A0 1680 2000-200A 2028-2029 202F 205F 3000"  # B, C and 85 count as control characters


def _symbol(index: int) -> str:
    """Return one of the 71,934 private-use characters in planes 0 and 15."""
    return chr(0xE000 + index if index < 0x1900 else 0xF0000 - 0x1900 + index)


_UNREACHABLE, _NO_TOKEN, _START, _SEPARATOR = (_symbol(index) for index in range(4))
_PLAIN = rf"(?:[!-~]{{0,{LONGEST_WORD}}}[\t\n\r ])*[!-~]{{0,{LONGEST_WORD}}}"
_PAGE, _CODE_POINTS = 256, 0x110000


class WordPiece:
    """BERT's tokenizer as a function of TensorFlow ops, for `preprocessing_fn` and for serving alike.

    The ops are those of TensorFlow and tensorflow_text alone; in the graph they take 2.3 MB for a vocabulary of 30,522
    tokens. An instance holds numpy arrays only, which each call makes constants of: call it while tracing.

    Args:
        vocabulary: the tokens in the order of their ids, as `read_vocabulary` returns them.
        settings: how the base model's tokenizer normalises.
        max_length: most tokens in a row, [CLS] and [SEP] included; at least 2.
    """

    def __init__(self, vocabulary: list[str], settings: TokenizerSettings, max_length: int) -> None:
        if max_length < 2:
            raise ValueError(f"max_length must leave room for {START} and {SEPARATOR}, got {max_length}")
        self._settings, self._max_length = settings, max_length
        self._ends = vocabulary.index(START), vocabulary.index(SEPARATOR)
        self._unknown_id = vocabulary.index(UNKNOWN)
        self._model, self._pages, self._row_splits, self._values = _compiled(tuple(vocabulary), settings)

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Cut texts into token ids.

        Args:
            texts: string[n], UTF-8. Bytes that are not UTF-8 are dropped.

        Returns:
            int64[n, (tokens)], each row [CLS], at most `max_length - 2` word pieces, [SEP].
        """
        return self._truncated(self._tokens(texts))

    def pairs(self, first: tf.Tensor, second: tf.Tensor) -> tf.RaggedTensor:
        """Cut pairs of texts into token ids, the longer one of a pair truncated first.

        As `tokenizers` does it with `LongestFirst`: of texts of n and m > n pieces and room for r, both are cut to
        half of r (the odd one is the longer's) if n is more than that, else the longer to what the shorter leaves.

        Args:
            first: string[n], UTF-8.
            second: string[n], UTF-8.

        Returns:
            int64[n, (tokens)], each row [CLS], the first text's pieces, [SEP], the second's, [SEP]: at most
            `max_length` of them, which has to be at least 3.
        """
        pieces = [self._tokens(texts)[:, 1:-1] for texts in (first, second)]
        n, m = (each.row_lengths() for each in pieces)
        room = tf.constant(self._max_length - 3, tf.int64)
        short = tf.minimum(n, m)
        long = tf.maximum(short, room - short)
        halved = tf.where(short > room, short * 2, short + long) > room
        short = tf.where(halved, room // 2, short)
        long = tf.where(halved, room // 2 + room % 2, long)
        fits = n + m <= room
        kept = [tf.where(fits, n, tf.where(n > m, long, short)), tf.where(fits, m, tf.where(n > m, short, long))]
        a, b = (_cut(each, tf.minimum(most, each.row_lengths())) for each, most in zip(pieces, kept, strict=True))
        start, end = (tf.fill([tf.shape(n)[0], 1], tf.constant(i, tf.int64)) for i in self._ends)
        return tf.concat([start, a, end, b, end], axis=1)

    def words(self, words: tf.RaggedTensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Cut texts that are cut into words already.

        Args:
            words: string[n, (words)], UTF-8. One of which nothing is left by normalising is unknown.

        Returns:
            The token ids, int64[n, (tokens)], as of whole texts; and of each token the index of the word that it
            begins, int64[n, (tokens)], -1 where it begins none.
        """
        pieces = self._tokens(words.flat_values)[:, 1:-1]
        none = tf.cast(tf.equal(pieces.row_lengths(), 0), tf.int64)
        unknown = tf.fill([tf.reduce_sum(none)], tf.constant(self._unknown_id, tf.int64))
        pieces = tf.concat([pieces, tf.RaggedTensor.from_row_lengths(unknown, none)], axis=1)
        lengths = pieces.row_lengths()
        number = tf.repeat(tf.ragged.range(words.row_lengths()).flat_values, lengths)
        begins = tf.equal(tf.ragged.range(lengths).flat_values, 0)
        splits = tf.gather(pieces.row_splits, words.row_splits)
        ids = tf.RaggedTensor.from_row_splits(pieces.flat_values, splits)[:, : self._max_length - 2]
        of_words = tf.RaggedTensor.from_row_splits(tf.where(begins, number, -1), splits)[:, : self._max_length - 2]
        start, end, none = (tf.fill([words.nrows(), 1], tf.constant(i, tf.int64)) for i in (*self._ends, -1))
        return tf.concat([start, ids, end], axis=1), tf.concat([none, of_words, none], axis=1)

    def _tokens(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """string[n] -> int64[n, (tokens)], each row from [CLS] to [SEP], however long."""
        if self._settings.lower_case:
            texts = tf.strings.lower(texts)  # ASCII; the table does the rest
        rows = tf.where(~tf.strings.regex_full_match(texts, _PLAIN))
        texts = tf.tensor_scatter_nd_update(texts, rows, self._spelled_out(tf.gather_nd(texts, rows)))
        texts = tf.strings.join([f"{_START} ", texts, f" {_SEPARATOR}"])
        tokenizer = tf_text.FastWordpieceTokenizer(model_buffer=tf.constant(self._model), token_out_type=tf.int64)
        return tokenizer.tokenize(texts)

    def _spelled_out(self, texts: tf.Tensor) -> tf.Tensor:
        """Normalise texts, string[n], into words of ASCII and symbols between spaces."""
        # The space before each text starts its first word, and keeps words of different texts apart.
        codes = tf.strings.unicode_decode(tf.strings.join([" ", texts]), "UTF-8")
        slots = tf.gather(self._pages, codes.flat_values // _PAGE) * _PAGE + codes.flat_values % _PAGE
        table = tf.RaggedTensor.from_row_splits(
            tf.constant(self._values), tf.constant(self._row_splits), validate=False
        )
        spelled = tf.gather(table, slots)
        characters, row_splits = spelled.flat_values, tf.gather(spelled.row_splits, tf.cast(codes.row_splits, tf.int32))
        space = tf.equal(characters, ord(" "))
        word = tf.cumsum(tf.cast(space, tf.int32))
        long = tf.gather(tf.math.bincount(word), word) > LONGEST_WORD + 1  # the space counts
        characters = tf.where(long & ~space, ord(_NO_TOKEN), characters)
        return tf.strings.unicode_encode(
            tf.RaggedTensor.from_row_splits(characters, tf.cast(row_splits, tf.int64), validate=False), "UTF-8"
        )

    def _truncated(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """Cut rows, int64[n, (tokens)], to `max_length`; a row ends in [SEP], cut or not."""
        ids = ids[:, : self._max_length]
        last = tf.expand_dims(ids.row_limits() - 1, 1)
        separators = tf.fill(tf.shape(last)[:1], tf.constant(self._ends[1], tf.int64))
        return ids.with_flat_values(tf.tensor_scatter_nd_update(ids.flat_values, last, separators))


def _cut(rows: tf.RaggedTensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    """The first so many values of each row."""
    places = tf.ragged.range(rows.row_lengths()).flat_values
    kept = tf.boolean_mask(rows.flat_values, places < tf.repeat(lengths, rows.row_lengths()))
    return tf.RaggedTensor.from_row_lengths(kept, lengths)


@lru_cache(maxsize=1)
def _compiled(
    vocabulary: tuple[str, ...], settings: TokenizerSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The tokenizer's model, uint8[bytes], and the table's parts: seconds of work, and Transform asks for it twice."""
    alphabet = sorted({c for token in vocabulary for c in token if not c.isascii()})
    symbols = {c: _symbol(index + 4) for index, c in enumerate(alphabet)}
    tokens = [_as_symbols(token, index, symbols) for index, token in enumerate(vocabulary)]
    tokens[vocabulary.index(START)], tokens[vocabulary.index(SEPARATOR)] = _START, _SEPARATOR
    with tf.init_scope():  # as bytes: the list that the tokenizer would make of them takes seconds to trace
        model = tf_text.FastWordpieceTokenizer(
            tokens, max_bytes_per_word=4 * LONGEST_WORD, unknown_token=tokens[vocabulary.index(UNKNOWN)]
        )._model.numpy()
    return model, *_table(settings, symbols)


def _as_symbols(token: str, index: int, symbols: dict[str, str]) -> str:
    """Return the token as the spelled-out text shows it, or, if no text can hold it, something as impossible."""
    body = token.removeprefix(CONTINUATION)
    suffix = body != token
    inside = all(not c.isascii() or c.isalnum() for c in body)
    alone = len(body) == 1 and body.isascii() and body.isprintable() and body != " " and not suffix
    if not body or not (inside or alone):
        return f"{_UNREACHABLE}{index}"
    return CONTINUATION * suffix + "".join(symbols.get(c, c) for c in body)


def _table(settings: TokenizerSettings, symbols: dict[str, str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tabulate what becomes of each code point.

    Returns:
        The page of each block of 256 code points, int32[4352]; where the characters of each code point of each page
        begin in the last, int32[256 * pages + 1]; the characters, int32[...], each ASCII or a symbol.
    """
    lengths, normalised = _normalised(settings.lower_case, settings.strips_accents, settings.chinese_chars)
    spelling = np.full(_CODE_POINTS, ord(_NO_TOKEN), np.int32)
    spelling[:128] = range(128)
    spelling[[ord(c) for c in symbols]] = [ord(symbol) for symbol in symbols.values()]
    page_lengths = lengths.reshape(-1, _PAGE)
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
    removed = set().union(*(of_category[name] for name in ("Cc", "Cf", "Co"))) - _characters(_NOT_FORMAT)
    removed |= {"\ufffd"} | _characters(_PRIVATE)
    marks = of_category["Mn"] - _characters(_NOT_NONSPACING) | _characters(_STILL_NONSPACING)
    punctuation = set().union(*(of_category[f"P{kind}"] for kind in "cdefios")) - _characters(_NOT_PUNCTUATION)
    punctuation |= _characters(_STILL_PUNCTUATION) | set(string.punctuation)
    finished = {c: f" {c} " for c in punctuation}
    if lower_case:
        finished |= {c: lower for c in assigned if (lower := c.lower()) != c}
        for span, to in _LATER_LOWER_CASE.items():
            finished |= {c: chr(to + n) for n, c in enumerate(sorted(_characters(span)))}
    changed = {}
    if strip_accents:
        decomposed = {c for c in assigned if not unicodedata.is_normalized("NFD", c)} - _characters(_NOT_DECOMPOSED)
        for c in decomposed | marks:
            changed[c] = "".join(finished.get(x, x) for x in unicodedata.normalize("NFD", c) if x not in marks)
    changed = finished | changed
    changed |= {c: f" {changed.get(c, c)} " for c in (_characters(_CHINESE) if chinese_chars else ())}
    changed |= dict.fromkeys(removed, "") | dict.fromkeys(_characters(_WHITE_SPACE), " ")

    codes = sorted(map(ord, changed))
    texts = [changed[chr(code)] for code in codes]
    lengths = np.ones(_CODE_POINTS, np.int32)
    lengths[codes] = [len(text) for text in texts]
    values = np.repeat(np.arange(_CODE_POINTS, dtype=np.int32), lengths)
    is_changed = np.zeros(_CODE_POINTS, bool)
    is_changed[codes] = True
    values[is_changed[values]] = np.frombuffer("".join(texts).encode("utf-32-le"), np.int32)
    return lengths, values


def _characters(spans: str) -> frozenset[str]:
    """Return the characters in spans of code points such as "9-A D 20"."""
    ends = [[int(end, 16) for end in span.split("-")] for span in spans.split()]
    return frozenset(chr(code) for span in ends for code in range(span[0], span[-1] + 1))

"""Text to BERT token ids inside the TensorFlow graph, in TensorFlow's core ops, equal to BERT's reference tokenizer.

The reference is Hugging Face `tokenizers` 0.23: BertNormalizer, BertPreTokenizer, WordPiece. It treats each code point
by itself, so all of it up to the cutting into pieces is one table from code point to text, looked up in the graph: see
`unicode_table`. That leaves texts of ASCII and symbols, in which spaces set off the words and the ideographs. [CLS] and
[SEP] are symbols too, put around the text. The words of all texts are then looked up side by side, see `piece_table`,
and those that are no token are cut into pieces side by side.

Rows of plain ASCII, found by one regular expression, skip the table.

Not exact: NFD puts adjoining combining marks in canonical order, and the table does not. It shows only with accents
stripped, in a word with two of the 83 marks that stripping leaves though they have a combining class (20 spacing marks,
63 marks newer than Unicode 8), in another than the canonical order, and if the vocabulary has both: a word with a mark
that it lacks is unknown in any order. The vocabulary of uncased English BERT has none of the 83.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial

import tensorflow as tf

from components.tokenization.joins import Joins
from components.tokenization.normalizer import Normalizer
from components.tokenization.piece_lookup import PieceLookup
from components.tokenization.piece_table import PieceTable, compile_pieces
from components.tokenization.unicode_table import SEPARATOR_SYMBOL, START_SYMBOL, markers, symbols_of
from components.tokenization.vocabulary import Tokenizer
from components.tokenization.words import split


@lru_cache(maxsize=1)
def _compile(tokenizer: Tokenizer) -> tuple[PieceTable, Normalizer]:
    """Compile a vocabulary: a second of work, kept for tokenizers of another `max_length`."""
    symbols = symbols_of(tokenizer)
    pieces = {
        (START_SYMBOL.encode(), False): tokenizer.start_id,
        (SEPARATOR_SYMBOL.encode(), False): tokenizer.separator_id,
    }
    control = tokenizer.settings.control_tokens
    for token_id, token in enumerate(tokenizer.vocabulary):
        if token in control:
            continue  # text stays text, whatever the names of the control tokens are
        for body, continues in _readings(token, tokenizer.settings.continuation):
            if len(body) > tokenizer.settings.longest_word:
                continue  # no word that is cut is that long
            pieces["".join(symbols.get(c, c) for c in body).encode(), continues] = token_id
    for marker, added in markers(tokenizer.settings.added_tokens):
        pieces[symbols[marker].encode(), False] = added.token_id
    return compile_pieces(pieces), Normalizer(tokenizer.settings, symbols)


def _readings(token: str, continuation: str) -> Iterator[tuple[str, bool]]:
    """As what a word can hold a token: the characters, and whether they go on with a word. As nothing, say, [UNK]."""

    def letters(characters: str) -> bool:
        return all(not c.isascii() or c.isalnum() for c in characters)

    body = token.removeprefix(continuation)
    if token.startswith(continuation) and body and letters(body):
        yield body, True
    # A sign of ASCII is a word of its own.
    if token and (letters(token) or (len(token) == 1 and "!" <= token <= "~")):
        yield token, False


class WordPiece:
    """BERT's tokenizer as a function of TensorFlow ops, for `preprocessing_fn` and for serving alike.

    The ops are TensorFlow's own; in the graph they take 1.5 MB for a vocabulary of 30,522 tokens. An instance holds
    numpy arrays only, which each call makes constants of: call it while tracing.

    Args:
        tokenizer: of the base model.
        max_length: most tokens in a row, [CLS] and [SEP] included; at least 2.
    """

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        if max_length < 2:
            ends = f"{tokenizer.settings.start} and {tokenizer.settings.separator}"
            raise ValueError(f"max_length must leave room for {ends}, got {max_length}")
        self._settings, self._max_length = tokenizer.settings, max_length
        self.separator_id = tokenizer.separator_id
        self._ends, self._unknown_id = (tokenizer.start_id, tokenizer.separator_id), tokenizer.unknown_id
        self._table, self._normalizer = _compile(tokenizer)

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Cut texts into token ids.

        Args:
            texts: string[n], UTF-8. Bytes that are not UTF-8 are dropped.

        Returns:
            int64[n, (tokens)], each row [CLS], at most `max_length - 2` word pieces, [SEP].
        """
        bordered = tf.strings.join([f"{START_SYMBOL} ", self._spelled(texts), f" {SEPARATOR_SYMBOL}"])
        return self._truncated(self._pieces_of(bordered))

    def pieces(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Texts, string[n], to word pieces, int64[n, (tokens)]: without [CLS] and [SEP], and not truncated."""
        return self._pieces_of(self._spelled(texts))

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
        pieces = [self._pieces_of(self._spelled(texts)) for texts in (first, second)]
        kept = self._kept(*(each.row_lengths() for each in pieces))
        a, b = (_cut(each, most) for each, most in zip(pieces, kept, strict=True))
        start, end = (tf.fill([tf.shape(first)[0], 1], tf.constant(i, tf.int64)) for i in self._ends)
        return tf.concat([start, a, end, b, end], axis=1)

    def _kept(self, n: tf.Tensor, m: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Of two texts' pieces, int64[n] each, how many are kept, as `pairs` has it."""
        room = tf.constant(self._max_length - 3, tf.int64)
        short = tf.minimum(n, m)
        long = tf.maximum(short, room - short)
        halved = tf.where(short > room, short * 2, short + long) > room
        short = tf.where(halved, room // 2, short)
        long = tf.where(halved, room // 2 + room % 2, long)
        fits = n + m <= room
        kept = tf.where(fits, n, tf.where(n > m, long, short)), tf.where(fits, m, tf.where(n > m, short, long))
        return tf.minimum(n, kept[0]), tf.minimum(m, kept[1])

    def words(self, words: tf.RaggedTensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Cut texts that are cut into words already.

        Args:
            words: string[n, (words)], UTF-8. One of which nothing is left by normalising is unknown.

        Returns:
            The token ids, int64[n, (tokens)], as of whole texts; and of each token the index of the word that it
            begins, int64[n, (tokens)], -1 where it begins none.
        """
        pieces = self._pieces_of_words(words)
        lengths = pieces.row_lengths()
        number = tf.repeat(tf.ragged.range(words.row_lengths()).flat_values, lengths)
        begins = tf.equal(tf.ragged.range(lengths).flat_values, 0)
        splits = tf.gather(pieces.row_splits, words.row_splits)
        ids = tf.RaggedTensor.from_row_splits(pieces.flat_values, splits)[:, : self._max_length - 2]
        of_words = tf.RaggedTensor.from_row_splits(tf.where(begins, number, -1), splits)[:, : self._max_length - 2]
        start, end, none = (tf.fill([words.nrows(), 1], tf.constant(i, tf.int64)) for i in (*self._ends, -1))
        return tf.concat([start, ids, end], axis=1), tf.concat([none, of_words, none], axis=1)

    def contexts(self, questions: tf.Tensor, contexts: tf.Tensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Cut questions and the texts that answer them as `pairs`, with where in the text each token stands.

        Args:
            questions: string[n], UTF-8.
            contexts: string[n], UTF-8.

        Returns:
            The token ids, int64[n, (tokens)]; and int64[n, (2 * tokens)], of each token the first character of its
            word in the text and the one behind the word's last; -1 twice for a token of no such word.
        """
        found = split(contexts, Joins())
        asked, pieces = self._pieces_of(self._spelled(questions)), self._pieces_of_words(found.words)
        splits = tf.gather(pieces.row_splits, found.words.row_splits)
        of_question, kept = self._kept(asked.row_lengths(), splits[1:] - splits[:-1])
        asked = _cut(asked, of_question)

        def of_tokens(values: tf.Tensor) -> tf.RaggedTensor:
            return _cut(tf.RaggedTensor.from_row_splits(values, splits), kept)

        start, end = (tf.fill([tf.shape(contexts)[0], 1], tf.constant(i, tf.int64)) for i in self._ends)
        ids = tf.concat([start, asked, end, of_tokens(pieces.flat_values), end], axis=1)
        words = tf.stack([tf.cast(each.flat_values, tf.int64) for each in (found.begins, found.ends)], axis=1)
        places = of_tokens(tf.repeat(tf.range(tf.size(words) // 2), pieces.row_lengths()))
        before = asked.row_lengths() + 2
        none = tf.fill([2 * tf.reduce_sum(before)], tf.constant(-1, tf.int64))
        of_pairs = tf.reshape(tf.gather(words, places.flat_values), [-1])
        offsets = tf.RaggedTensor.from_row_splits(of_pairs, 2 * places.row_splits)
        around = tf.RaggedTensor.from_row_lengths(none, 2 * before)
        behind = tf.fill([tf.shape(contexts)[0], 2], tf.constant(-1, tf.int64))
        return ids, tf.concat([around, offsets, behind], axis=1)

    def _pieces_of_words(self, words: tf.RaggedTensor) -> tf.RaggedTensor:
        """The tokens of words, string[n, (words)], one row a word, at least one token each: int64[words, (tokens)]."""
        pieces = self._pieces_of(self._spelled(words.flat_values))
        none = tf.cast(tf.equal(pieces.row_lengths(), 0), tf.int64)
        unknown = tf.fill([tf.reduce_sum(none)], tf.constant(self._unknown_id, tf.int64))
        return tf.concat([pieces, tf.RaggedTensor.from_row_lengths(unknown, none)], axis=1)

    def _spelled(self, texts: tf.Tensor) -> tf.Tensor:
        """Texts, string[n], as texts of ASCII and symbols."""
        is_plain = self._normalizer.is_plain(texts)

        def normalised() -> tf.Tensor:
            rows = tf.where(~is_plain)
            return tf.tensor_scatter_nd_update(texts, rows, self._normalizer(tf.gather_nd(texts, rows)))

        return tf.cond(tf.reduce_all(is_plain), lambda: texts, normalised)

    def _pieces_of(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """The tokens of texts of ASCII and symbols, string[n], however long: int64[n, (tokens)]."""
        codes = tf.io.decode_raw(tf.strings.reduce_join(texts, separator=" "), tf.uint8)
        if self._settings.lower_case:  # of plain rows; the table has done it in the others
            codes |= tf.cast(codes - ord("A") < 26, tf.uint8) * 0x20
        letter = ((codes | 0x20) - ord("a") < 26) | (codes - ord("0") < 10) | (codes >= 0x80)
        sign = ~letter & (codes > ord(" "))
        around = tf.concat([[False], letter, [False]], axis=0)
        begins = tf.reshape(tf.where(sign | (letter & ~around[:-2])), [-1])
        ends = tf.reshape(tf.where(sign | (letter & ~around[2:])), [-1]) + 1
        lookup = PieceLookup(self._table, codes)
        first = lookup.ids(begins, ends)
        rest = tf.where(first < 0)
        number = tf.reshape(rest, [-1])
        cut = lookup.cut(tf.stack([number, tf.gather(begins, number), tf.gather(ends, number)], axis=1))
        words = tf.size(begins)
        unknown = tf.math.unsorted_segment_min(cut.ids, cut.word, words) < 0
        further = tf.reshape(tf.where((cut.place > 0) & ~tf.gather(unknown, cut.word)), [-1])
        first = tf.tensor_scatter_nd_update(first, rest, cut.ids[: tf.size(number)])
        first = tf.where(unknown, tf.constant(self._unknown_id, tf.int64), first)
        last = tf.where(unknown, tf.constant(0, tf.int64), tf.math.unsorted_segment_max(cut.place, cut.word, words))
        # A word that is one token has no piece in `cut`, and the least number there is for its last.
        before = tf.cumsum(tf.pad(tf.maximum(last, 0) + 1, [[0, 1]]), exclusive=True)
        places = [before[:-1], tf.gather(before, tf.gather(cut.word, further)) + tf.gather(cut.place, further)]
        tokens = tf.dynamic_stitch([tf.cast(each, tf.int32) for each in places], [first, tf.gather(cut.ids, further)])
        borders = tf.cumsum(tf.pad(tf.strings.length(texts) + 1, [[0, 1]]), exclusive=True)
        words_before = tf.searchsorted(begins, tf.cast(borders, tf.int64))
        return tf.RaggedTensor.from_row_splits(tokens, tf.gather(before, words_before), validate=False)

    def _truncated(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """Cut rows, int64[n, (tokens)], to `max_length`; a row ends in [SEP], cut or not."""
        ids = ids[:, : self._max_length]
        last = tf.expand_dims(ids.row_limits() - 1, 1)
        separators = tf.fill(tf.shape(last)[:1], tf.constant(self._ends[1], tf.int64))
        return ids.with_flat_values(tf.tensor_scatter_nd_update(ids.flat_values, last, separators))


class TracedWordPiece:
    """The same with each of its functions traced once, whatever graphs they are called in. Get one by `traced`."""

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        plain = WordPiece(tokenizer, max_length)
        texts, words = tf.TensorSpec([None], tf.string), tf.RaggedTensorSpec([None, None], tf.string)
        # There is no Python in it that AutoGraph would have to rewrite, which takes seconds.
        function = partial(tf.function, autograph=False)
        self._whole = function(plain, input_signature=[texts])
        self.pieces, self.separator_id = function(plain.pieces, input_signature=[texts]), plain.separator_id
        self.pairs = function(plain.pairs, input_signature=[texts, texts])
        self.words = function(plain.words, input_signature=[words])
        self.contexts = function(plain.contexts, input_signature=[texts, texts])

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """As `WordPiece`."""
        return self._whole(texts)


traced = lru_cache(maxsize=2)(TracedWordPiece)
"""`TracedWordPiece` of a tokenizer and a `max_length`, kept: Transform traces the graph around it nine times, and
statistics are made of each split by itself, of whole texts."""


def _cut(rows: tf.RaggedTensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    """Keep the first `lengths[i]` values of row i."""
    places = tf.ragged.range(rows.row_lengths()).flat_values
    kept = tf.boolean_mask(rows.flat_values, places < tf.repeat(lengths, rows.row_lengths()))
    return tf.RaggedTensor.from_row_lengths(kept, lengths)

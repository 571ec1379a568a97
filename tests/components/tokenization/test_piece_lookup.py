"""Words cut into pieces by the table, beside a plain loop over a dictionary."""

import random

import pytest
import tensorflow as tf

from components.tokenization.piece_lookup import PieceLookup
from components.tokenization.piece_table import compile_pieces

Pieces = dict[tuple[bytes, bool], int]


def in_the_graph(pieces: Pieces, words: list[bytes]) -> list[list[int]]:
    """The ids of each word's pieces; [-1] of a word that no pieces make up."""
    ends, place = [], 0
    for word in words:
        ends.append((place, place := place + len(word)))
        place += 1
    text = tf.io.decode_raw(tf.constant(b" ".join(words)), tf.uint8)
    cut = PieceLookup(compile_pieces(pieces), text).cut(
        tf.constant([(number, *word) for number, word in enumerate(ends)], tf.int64, [len(ends), 3])
    )
    found: list[list[int]] = [[] for _ in words]
    for word, token_id, place in zip(*(column.numpy().tolist() for column in cut), strict=True):
        assert place == len(found[word])
        found[word].append(token_id)
    return [[-1] if -1 in ids else ids for ids in found]


def plainly(pieces: Pieces, word: bytes) -> list[int]:
    begin, found = 0, []
    while begin < len(word):
        ends = (end for end in range(len(word), begin, -1) if (word[begin:end], begin > 0) in pieces)
        end = next(ends, None)
        if end is None:
            return [-1]
        found.append(pieces[word[begin:end], begin > 0])
        begin = end
    return found


@pytest.mark.parametrize("length", [1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 40])
def test_a_piece_of_any_length_is_found_wherever_it_stands(length: int) -> None:
    word = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"[:length]
    pieces = {(word, False): 5, (word, True): 6, (b"x", False): 7, (b"x", True): 8}
    for offset in range(9):
        words = [b"x" * offset or b"x", word, word + word, b"x" + word, word + b"x", word[:-1] + b"!"]
        assert in_the_graph(pieces, words)[1:] == [[5], [5, 6], [7, 6], [5, 8], [-1]]


def test_the_longest_piece_is_taken_and_never_given_back() -> None:
    pieces = {(b"a", False): 1, (b"ab", False): 2, (b"c", True): 3, (b"bc", True): 4}
    assert in_the_graph(pieces, [b"abc", b"abbc", b"abb", b"a", b"c"]) == [[2, 3], [2, 4], [-1], [1], [-1]]


def test_no_words_have_no_pieces() -> None:
    assert in_the_graph({(b"a", False): 1}, []) == []


@pytest.mark.parametrize("size", [1, 3, 15, 30, 60, 121, 486, 972, 1945, 31_000])
def test_pieces_of_any_number_are_found_as_a_plain_loop_finds_them(size: int) -> None:
    draws = random.Random(size)  # noqa: S311
    letters = b"etaoin"
    drawn: set[tuple[bytes, bool]] = set()
    while len(drawn) < size:
        drawn.add((bytes(draws.choices(letters, k=draws.randint(1, 12))), draws.random() < 0.5))
    pieces = {piece: number for number, piece in enumerate(sorted(drawn))}
    words = [bytes(draws.choices(letters, k=draws.randint(1, 30))) for _ in range(2000)]
    assert in_the_graph(pieces, words) == [plainly(pieces, word) for word in words]


def test_a_word_that_is_one_token_is_found_at_once() -> None:
    pieces = {(b"abcdefg", False): 3, (b"abcdefgh", False): 4, (b"abcdefghijklmno", False): 5, (b"b", True): 6}
    words = [b"abcdefg", b"abcdefgh", b"abcdefghijklmno", b"abcdefgi", b"b", b"abcdefghijklmnop"]
    text, begins = b"", []
    for word in words:
        begins.append(len(text))
        text += word
    begin = tf.constant(begins, tf.int64)
    lookup = PieceLookup(compile_pieces(pieces), tf.io.decode_raw(tf.constant(text), tf.uint8))
    assert lookup.ids(begin, begin + [len(word) for word in words]).numpy().tolist() == [3, 4, 5, -1, -1, -1]

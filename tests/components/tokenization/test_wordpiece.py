import functools
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from components.tokenization.vocabulary import TokenizerSettings
from components.tokenization.wordpiece import WordPiece
from tests.components.tokenization.reference import CASED, CONTROL, UNCASED, made_of

UNK, CLS, SEP = 1, 2, 3


@functools.cache
def tokenizer(
    words: str, settings: TokenizerSettings = UNCASED, max_length: int = 512
) -> Callable[[Sequence[str | bytes]], list[list[int]]]:
    """Return a function from texts to ids, for the control tokens (ids 0 to 4) and then the given words (from 5)."""
    wordpiece = WordPiece(made_of([*CONTROL, *words.split()], settings), max_length)
    graph = tf.function(wordpiece, input_signature=[tf.TensorSpec([None], tf.string)])
    return lambda texts: graph(tf.constant(texts, tf.string)).to_list()


def ids(words: str, text: str | bytes, settings: TokenizerSettings = UNCASED, max_length: int = 512) -> list[int]:
    return tokenizer(words, settings, max_length)([text])[0]


def test_a_word_is_cut_into_its_longest_pieces() -> None:
    words = "un ##aff ##able want ##want ##ed wa runn ##ing ,"
    assert ids(words, "UNwant\u00e9d,running") == [CLS, 5, 9, 10, 14, 12, 13, SEP]


def test_ids_are_int64() -> None:
    assert WordPiece(made_of(CONTROL, UNCASED), 8)(tf.constant(["a"])).dtype == tf.int64


def test_a_word_with_an_unknown_part_is_one_unknown_token() -> None:
    assert ids("a ##b", "ab abx xab a\u4eba") == [CLS, 5, 6, UNK, UNK, 5, UNK, SEP]


def test_upper_case_stays_when_cased() -> None:
    assert ids("a A \u00c9 e", "a A \u00c9 E", CASED) == [CLS, 5, 6, 7, UNK, SEP]


def test_accents_are_stripped_from_upper_case_when_asked() -> None:
    settings = TokenizerSettings(lower_case=False, strip_accents=True)
    assert ids("E e", "\u00c9 \u00e9 e\u0301", settings) == [CLS, 5, 6, 6, SEP]


def test_accents_stay_in_lower_case_when_asked() -> None:
    settings = TokenizerSettings(strip_accents=False)
    assert ids("\u00e9 e ##\u0301", "\u00c9 e\u0301", settings) == [CLS, 5, 6, 7, SEP]


def test_a_sigma_at_the_end_of_a_word_is_lowered_like_any_other() -> None:
    assert ids("ο ##σ ##ς", "ΟΣ") == [CLS, 5, 6, SEP]


def test_a_dotted_capital_i_is_two_characters_when_accents_stay() -> None:
    settings = TokenizerSettings(strip_accents=False)
    assert ids("i ##\u0307", "\u0130", settings) == [CLS, 5, 6, SEP]


def test_ideographs_are_words_of_their_own() -> None:
    assert ids("人 ##人 a ##a", "人人a人") == [CLS, 5, 5, 7, 5, SEP]


def test_ideographs_are_letters_when_asked() -> None:
    settings = TokenizerSettings(chinese_chars=False)
    assert ids("人 ##人 a ##a", "人人a人", settings) == [CLS, 5, 6, 8, 6, SEP]


def test_a_hangul_syllable_is_cut_into_its_letters() -> None:
    assert ids("\u1112 ##\u1161 ##\u11ab", "\ud55c") == [CLS, 5, 6, 7, SEP]


@pytest.mark.parametrize("space", ["\t", "\n", "\r", "\u00a0", "\u2003", "\u2028", "\u2029", "\u3000"])
def test_white_space_parts_words(space: str) -> None:
    assert ids("a ##b b", f"a{space}b") == [CLS, 5, 7, SEP]


@pytest.mark.parametrize("nothing", ["\0", "\v", "\f", "\x1c", "\x7f", "\x85", "\u200b", "\u200d", "\ufeff", "\ue000"])
def test_control_format_and_private_use_characters_are_nothing(nothing: str) -> None:
    assert ids("a ##b b", f"a{nothing}b{nothing}") == [CLS, 5, 6, SEP]


def test_punctuation_newer_than_the_reference_is_a_letter() -> None:
    assert ids("a \u2e41 \u2e4a ##\u2e4a", "a\u2e41 a\u2e4a") == [CLS, 5, 6, 5, 8, SEP]


def test_control_tokens_in_a_text_are_text() -> None:
    words = "[ ] sep cls mask pad unk unused1 [unused1] # ##a a"
    text = "[SEP][CLS] [MASK] [PAD]\u00a0[UNK] [unused1] ##a"
    inner = [i for word in (7, 8, 9, 10, 11, 12) for i in (5, word, 6)]
    assert ids(words, text) == [CLS, *inner, 14, 14, 16, SEP]


@pytest.mark.parametrize("letter", ["a", "é", "я", "\U00010437"])
def test_a_word_over_100_characters_is_unknown(letter: str) -> None:
    base = unicodedata.normalize("NFD", letter)[0]
    encode = tokenizer(f"{base} ##{base}")
    assert encode([letter * 100, letter * 101]) == [[CLS, 5, *[6] * 99, SEP], [CLS, UNK, SEP]]


def test_the_characters_of_a_word_are_counted_after_normalising() -> None:
    assert ids("a ##a", "a\u0301\u200d" * 100 + "," + "a" * 100) == [CLS, 5, *[6] * 99, UNK, 5, *[6] * 99, SEP]


@pytest.mark.parametrize("text", ["", " ", "\t\r\n", "\0\x01", "\u200b", "\u0301", "\ufffd", b"\xff"])
def test_a_text_without_words_is_cls_and_sep(text: str | bytes) -> None:
    assert ids("a", text) == [CLS, SEP]


def test_bytes_that_are_not_utf8_are_dropped() -> None:
    assert ids("a ##b", b"a\xffb\xe4\xba a\xed\xa0\x80b\xf0\x9f") == [CLS, 5, 6, 5, 6, SEP]


def test_no_texts_give_no_rows() -> None:
    assert tokenizer("a")([]) == []


@pytest.mark.parametrize(
    ("max_length", "expected"),
    [(2, [CLS, SEP]), (3, [CLS, 5, SEP]), (4, [CLS, 5, 6, SEP]), (5, [CLS, 5, 6, 5, SEP]), (6, [CLS, 5, 6, 5, SEP])],
)
def test_a_row_is_cut_to_max_length_and_ends_in_sep(max_length: int, expected: list[int]) -> None:
    assert tokenizer("a ##b", max_length=max_length)(["ab a", ""]) == [expected, [CLS, SEP]]


def in_graph(
    method: str, words: str, settings: TokenizerSettings, max_length: int, *texts: list[Any]
) -> tuple[list[list[int]], ...]:
    wordpiece = WordPiece(made_of([*CONTROL, *words.split()], settings), max_length)
    given = [tf.ragged.constant(each) if method == "words" else tf.constant(each) for each in texts]
    found = getattr(wordpiece, method)(*given)
    return tuple(rows.to_list() for rows in (found if isinstance(found, tuple) else (found,)))


@pytest.mark.parametrize(
    ("max_length", "expected"),
    [
        (9, [CLS, 5, 6, SEP, 7, 8, 9, SEP]),
        (7, [CLS, 5, 6, SEP, 7, 8, SEP]),
        (6, [CLS, 5, SEP, 7, 8, SEP]),
        (5, [CLS, 5, SEP, 7, SEP]),
        (4, [CLS, SEP, 7, SEP]),
    ],
)
def test_of_a_pair_the_longer_text_is_cut_first(max_length: int, expected: list[int]) -> None:
    # The lengths that `tokenizers` leaves, 2 and 3 pieces at first: 2+2, 1+2, 1+1, 0+1.
    assert in_graph("pairs", "a b c d e", UNCASED, max_length, ["a b"], ["c d e"]) == ([expected],)


def test_a_pair_of_a_cased_vocabulary() -> None:
    found = in_graph("pairs", "Bonn bonn ist ##er", CASED, 16, ["Bonn ist", ""], ["bonner BONN", "ist"])
    assert found == ([[CLS, 5, 7, SEP, 6, 8, UNK, SEP], [CLS, SEP, 7, SEP]],)


def test_a_pair_of_a_chinese_vocabulary() -> None:
    cased_chinese = TokenizerSettings(lower_case=False, chinese_chars=True)
    found = in_graph(
        "pairs", "\u6211 \u5011 NBA ##s \u3002", cased_chinese, 16, ["\u6211\u5011NBAs"], ["\u5011\u3002nba"]
    )
    assert found == ([[CLS, 5, 6, 7, 8, SEP, 6, 9, UNK, SEP]],)


def test_words_of_a_multilingual_vocabulary_know_their_first_tokens() -> None:
    words = "Z\u00fcrich \u041c\u043e\u0441 ##\u043a\u0432\u0430 \u65e5 \u672c . U"
    moscow, japan = "\u041c\u043e\u0441\u043a\u0432\u0430", "\u65e5\u672c"
    found = in_graph("words", words, CASED, 16, [["Z\u00fcrich", moscow, japan, "U."], ["\u200b", "Z\u00fcrich"]])
    ids = [[CLS, 5, 6, 7, 8, 9, 11, 10, SEP], [CLS, UNK, 5, SEP]]
    first = [[-1, 0, 1, -1, 2, -1, 3, -1, -1], [-1, 0, 1, -1]]
    assert found == (ids, first)


def test_words_beyond_max_length_are_cut_off() -> None:
    found = in_graph("words", "a b ##c", UNCASED, 5, [["a", "bc", "a", "a"]])
    assert found == ([[CLS, 5, 6, 7, SEP]], [[-1, 0, 1, -1, -1]])


def test_a_row_without_words_is_cls_and_sep() -> None:
    assert in_graph("words", "a", UNCASED, 5, [["a"], []]) == ([[CLS, 5, SEP], [CLS, SEP]], [[-1, 0, -1], [-1, -1]])


def test_max_length_must_hold_cls_and_sep() -> None:
    with pytest.raises(ValueError, match="got 1"):
        WordPiece(made_of(CONTROL, UNCASED), 1)


def test_a_row_does_not_depend_on_its_batch() -> None:
    encode = tokenizer("a ##b e 人")
    texts = ["ab", "\u00e9人", "", "a" * 101, "a\u2003ab", "\x01a"]
    assert encode(texts) == [row for text in texts for row in encode([text])]


def test_a_saved_graph_gives_the_same_ids(tmp_path: Path) -> None:
    module = tf.Module()
    wordpiece = WordPiece(made_of([*CONTROL, "a", "##b", "é", "人"], CASED), 6)
    module.ids = tf.function(
        lambda texts: wordpiece(texts).to_tensor(), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, str(tmp_path))
    texts = tf.constant(["ab é", "人人ab人人", ""])
    expected = [[CLS, 5, 6, 7, SEP, 0], [CLS, 8, 8, 5, 6, SEP], [CLS, SEP, 0, 0, 0, 0]]
    assert module.ids(texts).numpy().tolist() == expected
    assert tf.saved_model.load(str(tmp_path)).ids(texts).numpy().tolist() == expected

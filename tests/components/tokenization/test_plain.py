import json

import pytest

from components.tokenization.plain import PlainWordPiece
from components.tokenization.vocabulary import TokenizerSettings, read_vocabulary
from tests.components.tokenization.reference import CASED, UNCASED, made_of
from tests.fixtures import make_wordpiece_ids
from tests.toys import VOCABULARY


def tokens(*texts: str, settings: TokenizerSettings = UNCASED) -> str:
    return " ".join(VOCABULARY[index] for index in PlainWordPiece(made_of(VOCABULARY, settings))(texts))


@pytest.mark.parametrize(("kind", "settings"), [("uncased", UNCASED), ("cased", CASED)])
def test_its_ids_are_the_reference_s_but_for_characters_newer_than_unicode_8(
    kind: str, settings: TokenizerSettings
) -> None:
    tokenize = PlainWordPiece(made_of(read_vocabulary(make_wordpiece_ids.VOCABULARY), settings))
    lines = [json.loads(line) for line in make_wordpiece_ids.IDS.read_text(encoding="utf-8").split("\n") if line]
    different = [line["text"] for line in lines if tokenize([line["text"]]) != line[kind]]
    # Both hold punctuation that Unicode 9 and later brought, U+2E44 to U+2E4E.
    assert len(different) == 2
    assert all(any("\u2e43" <= character <= "\u2e4f" for character in text) for text in different)


def test_the_longest_piece_is_taken_first_and_a_word_with_a_foreign_character_is_unknown() -> None:
    assert tokens("Filming a bad\u00a0día!") == "[CLS] film ##ing a bad d ##i ##a ! [SEP]"
    assert tokens("filmы bad") == "[CLS] [UNK] bad [SEP]"


def test_a_word_of_over_100_characters_is_unknown() -> None:
    assert tokens("a" * 100).split() == ["[CLS]", "a", *["##a"] * 99, "[SEP]"]
    assert tokens("a" * 101) == "[CLS] [UNK] [SEP]"


def test_several_texts_end_in_a_separator_each() -> None:
    assert tokens("a film", "bad") == "[CLS] a film [SEP] bad [SEP]"


def test_given_words_have_a_token_each_at_least() -> None:
    ids, begins = PlainWordPiece(made_of(VOCABULARY, UNCASED)).words(["bad", "\u200b", "filming"])
    assert [VOCABULARY[index] for index in ids] == ["[CLS]", "bad", "[UNK]", "film", "##ing", "[SEP]"]
    assert begins == [False, True, True, True, False, False]

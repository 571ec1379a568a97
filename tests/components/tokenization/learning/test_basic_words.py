"""The words that a vocabulary is learned from are those that WordPiece cuts in the graph."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
import tensorflow as tf

from components.tokenization.learning.basic_words import BasicWords
from components.tokenization.vocabulary import SEPARATOR, START, Tokenizer, TokenizerSettings
from components.tokenization.wordpiece import WordPiece
from tests.conftest import fuzz_cases

FIXTURES = Path(__file__).parents[3] / "fixtures"

SETTINGS = [
    TokenizerSettings(),
    TokenizerSettings(lower_case=False),
    TokenizerSettings(lower_case=True, strip_accents=False),
    TokenizerSettings(lower_case=False, strip_accents=True, chinese_chars=False),
]


def in_graph(texts: list[str], words: set[str], settings: TokenizerSettings) -> list[list[str]]:
    """The tokens of texts by a vocabulary of whole words alone: those the graph sees."""
    vocabulary = (*("[PAD]", "[UNK]", START, SEPARATOR, "[MASK]"), *sorted(words))
    ids = WordPiece(Tokenizer(vocabulary=vocabulary, settings=settings), 1 << 20)(tf.constant(texts))
    return [[vocabulary[token] for token in row[1:-1]] for row in ids.to_list()]


def same(texts: list[str], settings: TokenizerSettings) -> None:
    cut = BasicWords(settings)
    expected = [[word if len(word) <= settings.longest_word else "[UNK]" for word in cut(text)] for text in texts]
    words = {word for row in expected for word in row} - {"[UNK]"}
    assert in_graph(texts, words, settings) == expected


def test_words_of_a_sentence() -> None:
    text = "Don't STOP,  the Café\u3000in 北京!\x85x\u2028y"
    assert " ".join(BasicWords(TokenizerSettings())(text)) == "don ' t stop , the cafe in 北 京 ! x y"


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_real_lines_and_odd_ones_are_cut_as_in_the_graph(settings: TokenizerSettings) -> None:
    lines = (FIXTURES / "wordpiece_ids.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [text for line in lines for text in _texts(json.loads(line))]
    assert len(texts) > 200
    same(texts, settings)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    return [text for one in value for text in _texts(one)] if isinstance(value, list) else []


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_texts_of_any_characters_are_cut_as_in_the_graph(settings: TokenizerSettings) -> None:
    draws = random.Random(1)  # noqa: S311
    ranges = [(32, 127), (0xA0, 0x250), (0x300, 0x370), (0x600, 0x900), (0x2000, 0x2070), (0x3000, 0x3100)]
    ranges.append((0, 0x110000))

    def character() -> str:
        first, end = draws.choice(ranges)
        code = draws.randrange(first, end)
        return chr(code) if not 0xD800 <= code < 0xE000 else " "

    texts = ["".join(character() for _ in range(draws.randrange(1, 40))) for _ in range(fuzz_cases(300))]
    same(texts, settings)


def test_words_are_counted_without_those_that_are_too_long() -> None:
    settings = TokenizerSettings(longest_word=3)
    found = BasicWords(settings).count(["The end, the", "END long  the", ""])
    assert found == Counter({"the": 3, "end": 2, ",": 1})

import json
import random
from pathlib import Path

import pytest
import tensorflow as tf

from components.tokenization.vocabulary import TokenizerSettings, read_vocabulary
from components.tokenization.wordpiece import WordPiece
from tests.checkout import ROOT
from tests.components.tokenization.reference import ALL_SETTINGS, CASED, CONTROL, UNCASED, made_of, reference
from tests.fixtures import make_wordpiece_ids

MORE_IDS = ROOT.parent / "shared" / "reference" / "wordpiece_ids.jsonl"

REAL_VOCABULARY = ROOT / "data" / "minilm" / "vocab.txt"


def test_the_fixture_is_what_its_script_makes_with_the_locked_reference() -> None:
    assert make_wordpiece_ids.IDS.read_text(encoding="utf-8").split("\n") == [*make_wordpiece_ids.lines(), ""]
    assert read_vocabulary(make_wordpiece_ids.VOCABULARY) == make_wordpiece_ids.vocabulary()


@pytest.mark.parametrize(("kind", "settings"), [("uncased", UNCASED), ("cased", CASED)])
def test_the_ids_of_the_fixture(kind: str, settings: TokenizerSettings) -> None:
    assert_the_same_ids(make_wordpiece_ids.IDS, kind, make_wordpiece_ids.VOCABULARY, settings)


@pytest.mark.skipif(not MORE_IDS.exists(), reason=f"an extra: no {MORE_IDS.name} beside the checkout")
@pytest.mark.skipif(not REAL_VOCABULARY.exists(), reason="data/minilm/vocab.txt is not fetched")
def test_the_ids_of_more_texts_with_a_real_vocabulary() -> None:
    assert_the_same_ids(MORE_IDS, "ids", REAL_VOCABULARY, UNCASED)


def assert_the_same_ids(file: Path, key: str, vocabulary: Path, settings: TokenizerSettings) -> None:
    """Compare with a file of JSON lines: `text` and, under a key, its ids."""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    wordpiece = WordPiece(made_of(read_vocabulary(vocabulary), settings), 100_000)
    got = tf.function(wordpiece)(tf.constant([line["text"] for line in lines])).to_list()
    assert [line["text"] for line, row in zip(lines, got, strict=True) if row != line[key]] == []


@pytest.mark.parametrize("settings", ALL_SETTINGS, ids=str)
def test_pairs_and_words_are_what_the_reference_gives(settings: TokenizerSettings) -> None:
    vocabulary = [*CONTROL, *"abcdeABC\u00e9\u6211\u0416", "##a", "##b", "##\u00e9", ".", "-"]
    draws = random.Random(1)  # noqa: S311
    letters = "abcdeABC\u00e9\u6211\u0416.-x"
    texts = [
        [
            " ".join("".join(draws.choices(letters, k=draws.randint(1, 4))) for _ in range(draws.randint(0, 7)))
            for _ in "12"
        ]
        for _ in range(300)
    ]
    first, second = (list(column) for column in zip(*texts, strict=True))
    for max_length in (4, 7, 12, 40):
        theirs = reference(vocabulary, settings, max_length)
        wordpiece = WordPiece(made_of(vocabulary, settings), max_length)
        pairs = wordpiece.pairs(tf.constant(first), tf.constant(second)).to_list()
        assert pairs == [encoded.ids for encoded in theirs.encode_batch(list(zip(first, second, strict=True)))]
        split = [text.split() for text in first if text]
        ids, word_ids = (rows.to_list() for rows in wordpiece.words(tf.ragged.constant(split)))
        for row, encoded in enumerate(theirs.encode_batch(split, is_pretokenized=True)):
            before = [None, *encoded.word_ids[:-1]]
            begun = [
                -1 if word is None or word == last else word
                for word, last in zip(encoded.word_ids, before, strict=True)
            ]
            assert (ids[row], word_ids[row]) == (encoded.ids, begun)

import functools
import json
import random
import unicodedata
from pathlib import Path

import pytest
import tensorflow as tf
from tokenizers import normalizers

from components.tokenization.vocabulary import TokenizerSettings, read_vocabulary
from components.tokenization.wordpiece import WordPiece
from tests.checkout import ROOT
from tests.components.tokenization.reference import CASED, CONTROL, UNCASED, reference
from tests.fixtures import make_wordpiece_ids

MORE_IDS = ROOT.parent / "shared" / "reference" / "wordpiece_ids.jsonl"

REAL_VOCABULARY = ROOT / "data" / "minilm" / "vocab.txt"

ALL_SETTINGS = [
    TokenizerSettings(lower_case=lower_case, strip_accents=strip_accents, chinese_chars=chinese_chars)
    for lower_case in (True, False)
    for strip_accents in (None, True, False)
    for chinese_chars in (True, False)
]


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
    wordpiece = WordPiece(read_vocabulary(vocabulary), settings, 100_000)
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
        wordpiece = WordPiece(vocabulary, settings, max_length)
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


@functools.cache
def fuzz_characters() -> list[str]:
    """Return characters of which each is of interest to some step, and their neighbours."""
    spans = [
        *[(0, 0x600), (0x890, 0x8E4), (0x900, 0x980), (0x1100, 0x1200), (0x1734, 0x1736), (0x1AB0, 0x1AD0)],
        *[(0x1C80, 0x1C90), (0x1DC0, 0x2070), (0x20A0, 0x2190), (0x2E00, 0x2E60), (0x3000, 0x3100), (0x33F8, 0x3404)],
        *[(0x4DB8, 0x4E08), (0x9FF8, 0xA008), (0xA7C0, 0xA7E0), (0xAC00, 0xAC20), (0xDFFF, 0xE010), (0xF8F8, 0xFB50)],
        *[(0xFE00, 0xFE70), (0xFEFF, 0xFF70), (0xFFF0, 0x10000), (0x10400, 0x10450), (0x10D50, 0x10D90)],
        *[(0x11930, 0x11948), (0x16EA0, 0x16ED8), (0x1D100, 0x1D180), (0x1D400, 0x1D480), (0x1F600, 0x1F640)],
        *[(0x1FFFE, 0x20010), (0x2A6D8, 0x2A708), (0x2B818, 0x2B928), (0x2CEA8, 0x2CEB8), (0x2F800, 0x2FA28)],
        *[(0xE0000, 0xE0200), (0xEFFF0, 0xF0010), (0x10FFF0, 0x110000)],
    ]
    return [chr(code) for first, end in spans for code in range(first, end) if not 0xD800 <= code < 0xE000]


def fuzz_vocabulary(seed: int) -> list[str]:
    """Return control tokens, ASCII, and half of the fuzz characters with what they decompose into and their lower case.

    Without the marks whose order the table does not mend: see the docstring of `wordpiece`.
    """
    chosen = random.Random(seed).sample(fuzz_characters(), len(fuzz_characters()) // 2)  # noqa: S311
    forms = {x for c in chosen for x in (c, c.lower()[0], *unicodedata.normalize("NFD", c))} | set("Aaz09[]#")
    nonspacing = normalizers.BertNormalizer(clean_text=False, strip_accents=True, lowercase=False)
    kept = sorted(c for c in forms if not unicodedata.combining(c) or not nonspacing.normalize_str(c))
    pairs = ["th", "##ing", "##é", "éa", "[unused0]", "don't", "##", "a b"]
    return list(dict.fromkeys([*CONTROL, *kept, *(f"##{c}" for c in kept), *pairs]))


def fuzz_texts(seed: int, count: int) -> list[str]:
    """Return texts of words and of characters that somebody may trip over."""
    rng, characters = random.Random(seed), fuzz_characters()  # noqa: S311
    words = [
        "a",
        "thing",
        "İSTANBUL",
        "ΟΔΟΣ",
        "[SEP]",
        "##ing",
        "e\u0301\u0323",
        "x" * 101,
        "é" * 100,
        "don't",
        "ǅ",
        "ﬁ",
    ]
    texts = []
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 6)):
            kind = rng.random()
            if kind < 0.3:
                parts.append(rng.choice(words))
            else:
                near = rng.randrange(len(characters))
                pool = characters[near : near + 20] if kind < 0.6 else characters
                parts.append("".join(rng.choice(pool) for _ in range(rng.randint(1, 8))))
        texts.append(rng.choice([" ", "", "\u00a0", "\n"]).join(parts))
    return texts


@pytest.mark.parametrize("settings", ALL_SETTINGS, ids=str)
def test_any_text_gives_what_the_reference_gives(settings: TokenizerSettings) -> None:
    seed = ALL_SETTINGS.index(settings)
    vocabulary = fuzz_vocabulary(seed)
    texts = [f"a{c}z {c}" for c in fuzz_characters()[seed % 2 :: 2]] + fuzz_texts(seed, 500)
    got = tf.function(WordPiece(vocabulary, settings, 64))(tf.constant([text.encode() for text in texts])).to_list()
    want = [encoding.ids for encoding in reference(vocabulary, settings, 64).encode_batch(texts)]
    assert [text for text, row, right in zip(texts, got, want, strict=True) if row != right] == []

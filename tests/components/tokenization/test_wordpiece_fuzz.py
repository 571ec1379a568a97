"""Any text gives the ids that the reference gives: a share of the cases of `make fuzz`."""

import functools
import random
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
import tensorflow as tf
from tokenizers import normalizers

from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.vocabulary import AddedToken, TokenizerSettings
from components.tokenization.wordpiece import WordPiece
from tests.components.tokenization.reference import ALL_SETTINGS, CONTROL, made_of, reference
from tests.conftest import fuzz_cases

_AT_A_TIME = 1000


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


def fuzz_texts(seed: int, count: int, more: Sequence[str] = ()) -> list[str]:
    """Return texts of words, more of them and of characters that somebody may trip over."""
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
        *more,
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
    encode = tf.function(
        WordPiece(made_of(vocabulary, settings), 64), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    theirs = reference(vocabulary, settings, 64)
    texts = [f"a{c}z {c}" for c in fuzz_characters()[seed % 2 :: 2]] + fuzz_texts(seed, fuzz_cases(500))
    for start in range(0, len(texts), _AT_A_TIME):
        part = texts[start : start + _AT_A_TIME]
        got = encode(tf.constant([text.encode() for text in part])).to_list()
        want = [encoding.ids for encoding in theirs.encode_batch(part)]
        assert [text for text, row, right in zip(part, got, want, strict=True) if row != right] == []


@pytest.mark.parametrize("lower_case", [True, False])
def test_any_text_with_added_tokens_gives_what_a_tokenizer_of_the_same_files_gives(
    lower_case: bool, tmp_path: Path
) -> None:
    vocabulary = [token for token in fuzz_vocabulary(20) if not set(token) & set("\r\n")]
    contents = ["[unused0]", "@user", "<tag>", "é+", "New York", "ab", "abc", "[MASKED]", "bcd", "@@", "é\\E.*", "you"]
    kinds = [
        (False, False),
        (True, False),
        (False, True),
        (False, False),
        (True, False),
        *[(False, False)] * 6,
        (False, True),
    ]
    new = [content for content in contents if content not in vocabulary]
    ids = {**{token: place for place, token in enumerate(vocabulary)}}
    ids |= {content: len(vocabulary) + place for place, content in enumerate(new)}
    added = tuple(
        AddedToken(content=content, token_id=ids[content], normalized=normalized, single_word=single, rstrip=single)
        for content, (normalized, single) in zip(contents, kinds, strict=True)
    )
    settings = TokenizerSettings(lower_case=lower_case, added_tokens=added)
    theirs = reference(vocabulary, settings, 64)
    theirs.save(str(tmp_path / "tokenizer.json"))
    encode = tf.function(WordPiece(read_tokenizer(tmp_path), 64), input_signature=[tf.TensorSpec([None], tf.string)])
    more = [
        *contents,
        "@USER",
        "NEW YORK",
        "new york",
        "@us\u00e9r",
        "abab",
        "xabcx",
        "abcd",
        "@@user",
        "New\tYork",
        "_you",
        "яyou",
        "youyou",
        "you you",
        "\U00050000",
        "\U00050001a",
    ]
    texts = fuzz_texts(20, fuzz_cases(1000), more * 3)
    for start in range(0, len(texts), _AT_A_TIME):
        part = texts[start : start + _AT_A_TIME]
        got = encode(tf.constant([text.encode() for text in part])).to_list()
        want = [encoding.ids for encoding in theirs.encode_batch(part)]
        assert [text for text, row, right in zip(part, got, want, strict=True) if row != right] == []

import functools
import json
import random
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from components.common.errors import InputError
from components.tokenization.vocabulary import TokenizerSettings, read_settings, read_vocabulary
from components.tokenization.wordpiece import WordPiece
from tests.checkout import ROOT
from tests.fixtures import make_wordpiece_ids

MORE_IDS = ROOT.parent / "shared" / "reference" / "wordpiece_ids.jsonl"

REAL_VOCABULARY = ROOT / "data" / "minilm" / "vocab.txt"

CONTROL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

UNK, CLS, SEP = 1, 2, 3

UNCASED, CASED = TokenizerSettings(), TokenizerSettings(lower_case=False)

ALL_SETTINGS = [
    TokenizerSettings(lower_case=lower_case, strip_accents=strip_accents, chinese_chars=chinese_chars)
    for lower_case in (True, False)
    for strip_accents in (None, True, False)
    for chinese_chars in (True, False)
]


@functools.cache
def tokenizer(
    words: str, settings: TokenizerSettings = UNCASED, max_length: int = 512
) -> Callable[[Sequence[str | bytes]], list[list[int]]]:
    """Return a function from texts to ids, for the control tokens (ids 0 to 4) and then the given words (from 5)."""
    wordpiece = WordPiece([*CONTROL, *words.split()], settings, max_length)
    graph = tf.function(wordpiece, input_signature=[tf.TensorSpec([None], tf.string)])
    return lambda texts: graph(tf.constant(texts, tf.string)).to_list()


def reference(vocabulary: list[str], settings: TokenizerSettings, max_length: int | None = None) -> Tokenizer:
    """Return the tokenizer that ours must equal."""
    tokenizer = Tokenizer(models.WordPiece({token: i for i, token in enumerate(vocabulary)}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(
        handle_chinese_chars=settings.chinese_chars,
        strip_accents=settings.strip_accents,
        lowercase=settings.lower_case,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", vocabulary.index("[SEP]")), ("[CLS]", vocabulary.index("[CLS]"))
    )
    if max_length is not None:
        tokenizer.enable_truncation(max_length)
    return tokenizer


def ids(words: str, text: str | bytes, settings: TokenizerSettings = UNCASED, max_length: int = 512) -> list[int]:
    return tokenizer(words, settings, max_length)([text])[0]


def test_a_word_is_cut_into_its_longest_pieces() -> None:
    words = "un ##aff ##able want ##want ##ed wa runn ##ing ,"
    assert ids(words, "UNwant\u00e9d,running") == [CLS, 5, 9, 10, 14, 12, 13, SEP]


def test_ids_are_int64() -> None:
    assert WordPiece(CONTROL, UNCASED, 8)(tf.constant(["a"])).dtype == tf.int64


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
    wordpiece = WordPiece([*CONTROL, *words.split()], settings, max_length)
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


def test_max_length_must_hold_cls_and_sep() -> None:
    with pytest.raises(ValueError, match="got 1"):
        WordPiece(CONTROL, UNCASED, 1)


def test_a_row_does_not_depend_on_its_batch() -> None:
    encode = tokenizer("a ##b e 人")
    texts = ["ab", "\u00e9人", "", "a" * 101, "a\u2003ab", "\x01a"]
    assert encode(texts) == [row for text in texts for row in encode([text])]


def test_a_saved_graph_gives_the_same_ids(tmp_path: Path) -> None:
    module = tf.Module()
    wordpiece = WordPiece([*CONTROL, "a", "##b", "é", "人"], CASED, 6)
    module.ids = tf.function(
        lambda texts: wordpiece(texts).to_tensor(), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, str(tmp_path))
    texts = tf.constant(["ab é", "人人ab人人", ""])
    expected = [[CLS, 5, 6, 7, SEP, 0], [CLS, 8, 8, 5, 6, SEP], [CLS, SEP, 0, 0, 0, 0]]
    assert module.ids(texts).numpy().tolist() == expected
    assert tf.saved_model.load(str(tmp_path)).ids(texts).numpy().tolist() == expected


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


def test_a_vocabulary_keeps_the_order_of_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\na\u2028\r\n\u0085\r\n".encode())
    assert read_vocabulary(path) == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a\u2028", "\u0085"]


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        (None, "vocab.txt", "expected a readable file: No such file"),
        (b"", "vocab.txt", "got an empty file"),
        (b"\n", "vocab.txt", "got an empty file"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\na\n", "vocab.txt:7", "'a' is on line 5 too"),
        (b"[PAD]\n[CLS]\na\n", "vocab.txt", r"\[UNK\], \[SEP\] not found"),
        (b"[PAD]\n[UNK]\n\xe9\n", "vocab.txt:3", "expected UTF-8, got the byte 0xe9"),
    ],
)
def test_a_broken_vocabulary_is_refused(tmp_path: Path, content: bytes | None, place: str, problem: str) -> None:
    path = tmp_path / "vocab.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=problem) as caught:
        read_vocabulary(path)
    assert caught.value.place == str(tmp_path / place)


def test_settings_without_a_file_are_those_of_an_uncased_model(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == UNCASED
    assert UNCASED.strips_accents and not CASED.strips_accents


def test_settings_are_read_from_the_tokenizer_config(tmp_path: Path) -> None:
    config = {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer.json").write_text("this file is not asked")
    assert read_settings(tmp_path) == TokenizerSettings(lower_case=False, strip_accents=True, chinese_chars=False)


def test_settings_are_read_from_a_lone_tokenizer_json(tmp_path: Path) -> None:
    reference(CONTROL, TokenizerSettings(lower_case=False, chinese_chars=False)).save(str(tmp_path / "tokenizer.json"))
    assert read_settings(tmp_path) == TokenizerSettings(lower_case=False, chinese_chars=False)


@pytest.mark.parametrize(
    ("name", "content", "place", "problem"),
    [
        ("tokenizer_config.json", b"{\n,}", ":2", "expected JSON"),
        ("tokenizer_config.json", b"\xff", ":1", "expected UTF-8"),
        ("tokenizer_config.json", b"[]", "", "expected a JSON object, got list"),
        ("tokenizer_config.json", b'{"do_lower_case": "yes"}', ": do_lower_case", 'true or false, got "yes"'),
        ("tokenizer_config.json", b'{"do_lower_case": null}', ": do_lower_case", "true or false, got null"),
        ("tokenizer_config.json", b'{"strip_accents": 1}', ": strip_accents", "true, false or null, got 1"),
        ("tokenizer_config.json", b'{"tokenize_chinese_chars": 0}', ": tokenize_chinese_chars", "got 0"),
        ("tokenizer.json", b'{"normalizer": null}', ": normalizer", '"BertNormalizer" .* got {}'),
        ("tokenizer.json", b'{"normalizer": {"type": "NFC"}}', ": normalizer", 'got {"type": "NFC"}'),
        (
            "tokenizer.json",
            b'{"normalizer": {"type": "BertNormalizer", "clean_text": false}}',
            ": normalizer",
            "with clean_text true",
        ),
        (
            "tokenizer.json",
            b'{"normalizer": {"type": "BertNormalizer", "lowercase": 2}}',
            ": lowercase",
            "true or false, got 2",
        ),
    ],
)
def test_broken_settings_are_refused(tmp_path: Path, name: str, content: bytes, place: str, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=problem) as caught:
        read_settings(tmp_path)
    assert caught.value.place == str(tmp_path / name) + place


def test_reading_loads_no_tensorflow() -> None:
    import subprocess
    import sys

    code = "import sys, components.tokenization.vocabulary; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)

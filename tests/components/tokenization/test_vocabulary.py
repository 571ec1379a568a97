import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.common.errors import InputError
from components.tokenization.vocabulary import TokenizerSettings, read_settings, read_vocabulary, token_lines
from tests.checkout import ROOT
from tests.components.tokenization.reference import CASED, CONTROL, UNCASED, reference


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("", []),
        ("\n", []),
        ("a\nb\n", ["a", "b"]),
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\n\nb\n", ["a", "", "b"]),
        # None of these ends a line.
        ("a\x0b\x0c\x1c\x85\u2028\u2029b\n", ["a\x0b\x0c\x1c\x85\u2028\u2029b"]),
        ("a\rb\n", ["a\rb"]),
    ],
)
def test_a_line_feed_alone_or_behind_a_carriage_return_ends_a_token(content: str, tokens: list[str]) -> None:
    assert token_lines(content) == tokens


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
    (tmp_path / "tokenizer.json").write_text("this file is not read")
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
    code = "import sys, components.tokenization.vocabulary; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from components.tokenization.vocabulary import (
    AddedToken,
    Tokenizer,
    TokenizerSettings,
    read_vocabulary,
    token_lines,
    write_vocabulary,
)
from tests.components.tokenization.reference import CASED, UNCASED


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


def test_a_vocabulary_that_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    tokens = ("[PAD]", "a\u2028", "", "\u0085", "##é")
    write_vocabulary(tmp_path / "vocab.txt", tokens)
    assert tuple(read_vocabulary(tmp_path / "vocab.txt")) == tokens


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        (None, "vocab.txt", "expected a readable file: No such file"),
        (b"", "vocab.txt", "got an empty file"),
        (b"\n", "vocab.txt", "got an empty file"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\na\n", "vocab.txt:7", "'a' is on line 5 too"),
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


def test_accents_are_stripped_with_lower_case_where_nothing_is_said_of_them() -> None:
    assert UNCASED.strips_accents
    assert not CASED.strips_accents


def test_settings_come_back_from_json_as_they_were() -> None:
    settings = TokenizerSettings(
        lower_case=False, unknown="<unk>", added_tokens=(AddedToken(content="@user", token_id=7, lstrip=True),)
    )
    assert TokenizerSettings(**json.loads(json.dumps(dataclasses.asdict(settings)))) == settings


def test_the_settings_of_a_card_from_before_are_berts_in_the_rest() -> None:
    stored: dict[str, Any] = {"lower_case": False, "strip_accents": None, "chinese_chars": True}
    assert TokenizerSettings(**stored) == TokenizerSettings(
        lower_case=False,
        unknown="[UNK]",
        start="[CLS]",
        separator="[SEP]",
        padding="[PAD]",
        mask="[MASK]",
        continuation="##",
        longest_word=100,
        added_tokens=(),
    )


def test_a_tokenizer_knows_its_ids_by_its_own_names() -> None:
    tokenizer = Tokenizer(
        vocabulary=("a", "@@b", "<s>", "</s>", "<unk>", "<pad>", "##c"),
        settings=TokenizerSettings(
            unknown="<unk>",
            start="<s>",
            separator="</s>",
            padding="<pad>",
            continuation="@@",
            added_tokens=(AddedToken(content="a", token_id=0), AddedToken(content="@@user", token_id=7)),
        ),
    )
    assert (tokenizer.start_id, tokenizer.separator_id, tokenizer.unknown_id, tokenizer.padding_id) == (2, 3, 4, 5)
    assert tokenizer.mask_id is None
    assert tokenizer.tokens == ("a", "@@b", "<s>", "</s>", "<unk>", "<pad>", "##c", "@@user")
    # An added token goes on with no word, whatever it begins with.
    assert [number for number in range(8) if tokenizer.continues_word(number)] == [1]

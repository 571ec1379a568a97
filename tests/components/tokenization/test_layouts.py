"""Layouts of base models' directories to the token ids of one text, as literals."""

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tokenizers import AddedToken, Tokenizer

from components.tokenization.tokenizer_files import read_tokenizer
from components.tokenization.wordpiece import WordPiece
from tests.components.tokenization.reference import CASED, CONTROL, UNCASED, reference

PIECES = ["a", "film", "Film", "##s", "@", "user", "User", "naive", "naïve", "电", "影"]

TOKENS = [*CONTROL, *PIECES]

TEXT = "A Films @User naïve 电影"

WITH_ADDED_TOKENS = "a @User,@user xx[E1]films"


def with_added() -> dict[str, Any]:
    tokenizer = reference(TOKENS, UNCASED)
    tokenizer.add_tokens([AddedToken("@user", normalized=True)])
    tokenizer.add_special_tokens(["[E1]", AddedToken("xx", rstrip=True), *CONTROL])
    return dict(json.loads(tokenizer.to_str()))


def renamed() -> dict[str, Any]:
    """Other names of the control tokens, and another mark of a piece that goes on with a word."""
    names = dict(zip(CONTROL, ("<pad>", "<unk>", "<s>", "</s>", "<mask>"), strict=True)) | {"##s": "@@s"}
    document = dict(json.loads(reference(TOKENS, UNCASED).to_str()))
    vocabulary = {names.get(token, token): token_id for token, token_id in document["model"]["vocab"].items()}
    document["model"] |= {"vocab": vocabulary, "unk_token": "<unk>", "continuing_subword_prefix": "@@"}
    document["post_processor"] = {"type": "BertProcessing", "cls": ["<s>", 2], "sep": ["</s>", 3]}
    document["padding"] = {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None}
    document["padding"] |= {"pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"}
    return document


def vocabulary(tokens: list[str]) -> str:
    return "".join(f"{token}\n" for token in tokens)


LAYOUTS = {
    "vocab.txt alone, cased": ({"vocab.txt": vocabulary(TOKENS)}, TEXT, [2, 1, 7, 8, 9, 11, 13, 14, 15, 3]),
    "vocab.txt alone, uncased": (
        {"vocab.txt": vocabulary([token for token in TOKENS if token not in ("Film", "User")])},
        TEXT,
        [2, 5, 6, 7, 8, 9, 10, 12, 13, 3],
    ),
    "tokenizer.json alone, uncased": (
        {"tokenizer.json": json.loads(reference(TOKENS, UNCASED).to_str())},
        TEXT,
        [2, 5, 6, 8, 9, 10, 12, 14, 15, 3],
    ),
    "tokenizer.json alone, cased": (
        {"tokenizer.json": json.loads(reference(TOKENS, CASED).to_str())},
        TEXT,
        [2, 1, 7, 8, 9, 11, 13, 14, 15, 3],
    ),
    "PreTrainedTokenizerFast with a cased tokenizer.json": (
        {
            "vocab.txt": vocabulary(TOKENS),
            "tokenizer.json": json.loads(reference(TOKENS, CASED).to_str()),
            "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": True},
        },
        TEXT,
        [2, 1, 7, 8, 9, 11, 13, 14, 15, 3],
    ),
    "[PAD] behind the others": (
        {"vocab.txt": vocabulary([*PIECES, *CONTROL]), "config.json": {"pad_token_id": 11}},
        TEXT,
        [13, 12, 2, 3, 4, 6, 8, 9, 10, 14],
    ),
    "added tokens in tokenizer.json": (
        {"tokenizer.json": with_added()},
        WITH_ADDED_TOKENS,
        [2, 5, 16, 1, 16, 18, 17, 6, 8, 3],
    ),
    "other names": ({"tokenizer.json": renamed()}, TEXT, [2, 5, 6, 8, 9, 10, 12, 14, 15, 3]),
}


def write(directory: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (directory / name).write_text(text, encoding="utf-8")
    return directory


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_token_ids_of_each_layout(tmp_path: Path, layout: str) -> None:
    files, text, ids = LAYOUTS[layout]
    wordpiece = WordPiece(read_tokenizer(write(tmp_path, files)), 512)
    assert wordpiece(tf.constant([text])).to_list() == [ids]


@pytest.mark.parametrize("layout", [name for name, (files, _, _) in LAYOUTS.items() if "tokenizer.json" in files])
def test_the_literals_are_what_the_library_makes_of_the_same_file(tmp_path: Path, layout: str) -> None:
    files, text, ids = LAYOUTS[layout]
    assert Tokenizer.from_file(str(write(tmp_path, files) / "tokenizer.json")).encode(text).ids == ids


def test_control_tokens_in_a_text_are_text_or_themselves(tmp_path: Path) -> None:
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[", "]", "sep", "a"]
    (tmp_path / "vocab.txt").write_text("".join(f"{name}\n" for name in names))
    text = "a [SEP] a[MASK] [sep]"
    as_text, parsed = (
        WordPiece(read_tokenizer(tmp_path, parses_control_tokens=parses), 64) for parses in (False, True)
    )
    # [CLS] a [ sep ] a [ ?mask ] [ sep ] [SEP], and [CLS] a [SEP] a [MASK] [ sep ] [SEP]
    assert as_text(tf.constant([text])).to_list() == [[2, 8, 5, 7, 6, 8, 5, 1, 6, 5, 7, 6, 3]]
    assert parsed(tf.constant([text])).to_list() == [[2, 8, 3, 8, 4, 5, 7, 6, 3]]
    settings = read_tokenizer(tmp_path, parses_control_tokens=True).settings
    assert reference(names, settings).encode(text).ids == [2, 8, 3, 8, 4, 5, 7, 6, 3]

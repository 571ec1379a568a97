from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from components import tasks
from components.nodes.preprocessing import preprocessing_fn
from components.tasks.classification import Classification
from tests.toys import VOCABULARY

CLS, SEP, UNK = (VOCABULARY.index(token) for token in ("[CLS]", "[SEP]", "[UNK]"))


def ids(*tokens: str) -> list[int]:
    return [CLS, *map(VOCABULARY.index, tokens), SEP]


def run(checkpoint: Path, texts: list[str], labels: list[str], *, sparse: bool = False, max_tokens: int = 512) -> Any:
    """The transformed features of a batch, the token ids as lists."""
    inputs: dict[str, Any] = {
        "text": tf.constant([[text] for text in texts], tf.string),
        "label": tf.constant([[label] for label in labels], tf.string),
    }
    if sparse:
        inputs = {name: tf.sparse.from_dense(values) for name, values in inputs.items()}
    task = tasks.to_dict(Classification(("bad", "good", "ugly")))
    config = {"base_model": str(checkpoint), "max_tokens": max_tokens, "task": task}
    features = preprocessing_fn(inputs, config)
    features["token_ids"] = tf.RaggedTensor.from_sparse(features["token_ids"]).to_list()
    return features


@pytest.mark.parametrize("sparse", [False, True])
def test_a_text_becomes_the_ids_of_its_word_pieces_and_a_label_its_index(checkpoint: Path, sparse: bool) -> None:
    features = run(checkpoint, ["The FILM is good!", "bading"], ["good", "ugly"], sparse=sparse)
    assert features["token_ids"] == [ids("the", "film", "is", "good", "!"), ids("bad", "##ing")]
    assert features["label_target"].numpy().tolist() == [1, 2]
    assert features["label_target"].dtype == tf.int64
    assert features["text_length"].numpy().tolist() == [b"1-16 tokens", b"1-16 tokens"]


def test_a_label_without_a_name_is_minus_one(checkpoint: Path) -> None:
    labels = ["Good", "goo", "", "bad"]
    assert run(checkpoint, ["a"] * 4, labels)["label_target"].numpy().tolist() == [-1, -1, -1, 0]


def test_ids_are_cut_to_the_longest_length_with_both_control_tokens(checkpoint: Path) -> None:
    features = run(checkpoint, ["a b c d e", "a b c"], ["bad", "bad"], max_tokens=5)
    assert features["token_ids"] == [ids("a", "b", "c"), ids("a", "b", "c")]


def test_a_control_token_in_a_text_is_plain_text(checkpoint: Path) -> None:
    (row,) = run(checkpoint, ["[SEP]"], ["bad"])["token_ids"]
    assert row == [CLS, UNK, *ids("s", "##e", "##p")[1:-1], UNK, SEP]


@pytest.mark.parametrize(
    ("tokens", "bucket"),
    [
        (2, "1-16 tokens"),
        (16, "1-16 tokens"),
        (17, "17-32 tokens"),
        (32, "17-32 tokens"),
        (33, "33-64 tokens"),
        (64, "33-64 tokens"),
        (128, "65-128 tokens"),
        (129, "129-256 tokens"),
        (257, "257+ tokens"),
    ],
)
def test_the_number_of_tokens_falls_into_a_range(checkpoint: Path, tokens: int, bucket: str) -> None:
    features = run(checkpoint, ["a " * (tokens - 2)], ["bad"])
    assert len(features["token_ids"][0]) == tokens
    assert features["text_length"].numpy().tolist() == [bucket.encode()]

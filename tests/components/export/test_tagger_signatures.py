"""Entities of running text and of words, by a model that knows a few words by heart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.export import entities, served_ops
from components.export.tagger_signatures import ExportedTagger
from components.tasks.tagging import Tagging
from components.tokenization.joins import Joins
from components.tokenization.wordpiece import WordPiece
from tests.components.tokenization.reference import made_of

TASK = Tagging(("LOC", "PER"))

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "in", "'", "s", ".", *"张三在北京", "zoe", "berlin", "new", "york"]

TAGS = {"张": "B-PER", "三": "I-PER", "北": "B-LOC", "京": "I-LOC", "zoe": "B-PER", "berlin": "B-LOC", "new": "B-LOC"}

TAGS |= {"york": "I-LOC"}

JOINS = Joins.learned([["Zoë", "'s", "."], ["Max", "'s", "."]])

LENGTH = 8


class Knowing:
    """A model whose tag of a token depends on the token alone."""

    task, padding_id = TASK, 0

    def __call__(self, token_ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        of_token = tf.constant([TASK.tags.index(TAGS.get(token, "O")) for token in VOCABULARY])
        return 50.0 * tf.one_hot(tf.gather(of_token, token_ids), TASK.head_units)


def transform(raw: dict[str, tf.Tensor]) -> dict[str, Any]:
    tokenizer = WordPiece(made_of(VOCABULARY), LENGTH)
    texts = tf.reshape(raw["tokens"], [-1])
    found = TASK.preprocess(tokenizer, [texts], texts)
    return {name: value.to_sparse() for name, value in found.items()}


@pytest.fixture(scope="module")
def exported() -> ExportedTagger:
    model: Any = Knowing()
    spec = {"tokens": tf.io.FixedLenFeature([1], tf.string)}
    return ExportedTagger(model, transform, spec, JOINS, LENGTH - 2)


def rows(found: dict[str, tf.Tensor]) -> list[list[tuple[str, int, int]]]:
    columns = zip(*(found[name].numpy().tolist() for name in ("type", "begin", "end", "count")), strict=True)
    return [
        [(kind.decode(), b, e) for kind, b, e in zip(kinds[:n], begins[:n], ends[:n], strict=True)]
        for kinds, begins, ends, n in columns
    ]


def of_texts(exported: ExportedTagger, *texts: str) -> list[list[tuple[str, str]]]:
    found = rows(exported.from_texts(tf.constant([text.encode() for text in texts])))
    return [[(kind, text[b:e]) for kind, b, e in row] for text, row in zip(texts, found, strict=True)]


def test_running_text_has_entities_where_its_words_are(exported: ExportedTagger) -> None:
    assert of_texts(exported, "Zoë's in  New York.", "", "张三在北京", "„Berlin“/Zoë") == [
        [("PER", "Zoë"), ("LOC", "New York")],
        [],
        [("PER", "张三"), ("LOC", "北京")],
        [("LOC", "Berlin"), ("PER", "Zoë")],
    ]


def test_words_have_entities_by_their_numbers(exported: ExportedTagger) -> None:
    words = [
        ["Zoë", "'s", "in", "New", "York"],
        ["in", "", "", "", ""],
        ["", "", "", "", ""],
        ["New York", "", "Zoë", "", ""],
    ]
    found = exported.from_words(tf.ragged.constant(words, dtype=tf.string).to_tensor(""))
    assert rows(found) == [[("PER", 0, 1), ("LOC", 3, 5)], [], [], [("LOC", 0, 1), ("PER", 2, 3)]]
    np.testing.assert_allclose(found["score"][0], [1.0, 1.0])


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_no_words_have_no_entities(shape: tuple[int, int], exported: ExportedTagger) -> None:
    assert exported.from_words(tf.zeros(shape, tf.string))["count"].numpy().tolist() == [0] * shape[0]


def test_each_word_that_was_seen_may_be_answered_by_itself() -> None:
    begins = tf.ragged.constant([[0, 4], [], [2]], tf.int32, inner_shape=())
    tags = tf.constant([[0.0, 2.0], [-1.0, -1.0], [-1.0, -1.0]])
    found = entities.entities(tags, tf.ones_like(tags) / 2, begins, begins + 1, ["DET", "ADJ", "NOUN"], each_word=True)
    assert rows(found) == [[("DET", 0, 1), ("NOUN", 4, 5)], [], []]


def test_words_that_no_token_is_left_for_are_in_no_entity(exported: ExportedTagger) -> None:
    assert of_texts(exported, "in " * 5 + "Zoë in Zoë", "in " * 1000 + "Zoë") == [[("PER", "Zoë")], []]
    long = exported.from_words(tf.constant([["in"] * 6 + ["Zoë"]]))
    assert long["count"].numpy().tolist() == [0]


def test_the_tokenizer_gives_places_of_words_in_bytes(exported: ExportedTagger) -> None:
    found = exported.tokens(tf.constant(["Zoë's in".encode()]))
    assert found["word_ids"].numpy().tolist() == [[-1, 0, 1, -1, 2, -1]]
    assert found["begin"].numpy().tolist() == [[0, 4, 7]]
    assert found["end"].numpy().tolist() == [[4, 6, 9]]


def test_the_types_of_entities_are_found_in_the_saved_model(exported: ExportedTagger, tmp_path: Path) -> None:
    ((name, function, spec),) = exported.more_signatures
    signature = tf.function(function, input_signature=spec, autograph=False)
    tf.saved_model.save(exported, str(tmp_path), signatures={name: signature})
    assert TASK.labels in served_ops.names_in(tmp_path)
    assert TASK.labels[::-1] not in served_ops.names_in(tmp_path)

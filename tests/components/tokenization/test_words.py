"""Words of raw text and their places, and entities with offsets in characters."""

import pytest
import tensorflow as tf

from components.export import entities as entities_module
from components.tokenization.words import split


def words(text: str) -> list[str]:
    found, begins, ends = split(tf.constant([text.encode()]))
    raw = text.encode()
    cut = [raw[b:e].decode() for b, e in zip(begins.to_list()[0], ends.to_list()[0], strict=True)]
    assert [word.decode() for word in found.to_list()[0]] == cut
    return cut


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EU rejects German call .", ["EU", "rejects", "German", "call", "."]),
        ("  EU\t rejects\u2003it.", ["EU", "rejects", "it", "."]),
        ('He said: "Berlin, (Germany)!"', ["He", "said", ":", '"', "Berlin", ",", "(", "Germany", ')!"']),
        ("the U.S. and the U.N.", ["the", "U.S.", "and", "the", "U.N."]),
        ("Peter 's 3-1 win", ["Peter", "'s", "3-1", "win"]),
        ("Zürich, Genève…", ["Zürich", ",", "Genève", "…"]),
        ("", []),
        (" \n ", []),
        (",", [","]),
    ],
)
def test_punctuation_at_the_ends_of_words_is_set_off(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_texts_of_a_batch_do_not_meet() -> None:
    found, begins, _ = split(tf.constant(["a b.", "", "c. d."]))
    assert found.to_list() == [[b"a", b"b", b"."], [], [b"c.", b"d", b"."]]
    assert begins.to_list() == [[0, 2, 3], [], [0, 3, 4]]


def entities(texts: list[str], tags: list[list[int]], scores: list[list[float]]) -> list[list[tuple[str, str, float]]]:
    _, begins, ends = split(tf.constant([text.encode() for text in texts]))
    found = entities_module.entities(
        tf.constant([text.encode() for text in texts]),
        tf.constant(tags, tf.float32),
        tf.constant(scores, tf.float32),
        begins,
        ends,
        ["LOC", "PER"],
    )
    rows = []
    for row, text in enumerate(texts):
        count = int(found["count"][row])
        columns = (found[name][row, :count].numpy().tolist() for name in ("type", "begin", "end", "score"))
        rows.append([(k.decode(), text[b:e], round(s, 4)) for k, b, e, s in zip(*columns, strict=True)])
    return rows


def test_offsets_count_characters_and_scores_are_means() -> None:
    texts = ["Zoë Müller  in «Genève»", "nothing"]
    # Words: Zoë Müller in « Genève »; and one.
    tags = [[3, 4, 0, 0, 1, 0], [0, -1, -1, -1, -1, -1]]
    scores = [[0.5, 1.0, 0.9, 0.9, 0.25, 0.9], [0.9] * 6]
    assert entities(texts, tags, scores) == [[("PER", "Zoë Müller", 0.75), ("LOC", "Genève", 0.25)], []]


def test_an_i_that_goes_on_with_nothing_begins_an_entity() -> None:
    texts = ["a b c d"]
    assert entities(texts, [[2, 2, 4, 1]], [[1.0] * 4]) == [[("LOC", "a b", 1.0), ("PER", "c", 1.0), ("LOC", "d", 1.0)]]


def test_entities_end_with_their_row() -> None:
    assert entities(["a", "b"], [[1], [2]], [[1.0], [1.0]]) == [[("LOC", "a", 1.0)], [("LOC", "b", 1.0)]]


def test_no_texts_have_no_entities() -> None:
    empty = split(tf.constant([], tf.string))
    assert empty[0].to_list() == []

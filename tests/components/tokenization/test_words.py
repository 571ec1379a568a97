"""The graph's words of raw text beside those of its twin in Python, their places, and what they take."""

import random

import tensorflow as tf

from components.export import entities as entities_module
from components.tokenization.joins import Joins
from components.tokenization.printed import printed
from components.tokenization.words import Words, split

NEWS = Joins.learned(
    sentence.split(" ")
    for sentence in ("the U.S. and U.N. met .", "Germany 's 3-1 .", "Germany 's 2-1 , Mr. O'Neill .", "Mr. O'Brien .")
)


def words(texts: list[str], joins: Joins = NEWS, most: int | None = None) -> list[list[str]]:
    """The words of texts, which are also what their offsets cut."""
    found = split(tf.constant([text.encode() for text in texts], tf.string), joins, most)
    rows = []
    for text, *columns in zip(texts, *(each.to_list() for each in found), strict=True):
        raw = text.encode()
        places = list(zip(*columns, strict=True))
        cut = [text[begin:end] for _, begin, end, _, _ in places]
        assert cut == [raw[begin:end].decode() for _, _, _, begin, end in places]
        assert [word.decode() for word, *_ in places] == [word.replace("\u00ad", "") for word in cut]
        rows.append(cut)
    return rows


def test_words_are_cut_as_train_has_them() -> None:
    assert words(["  EU's\t U.S.\u2003lost 5-2, Zürich.", "", " \n ", "张三O'Hara\U0001f600x!", "ge\u00adb"]) == [
        ["EU", "'s", "U.S.", "lost", "5-2", ",", "Zürich", "."],
        [],
        [],
        ["张", "三", "O'Hara\U0001f600x", "!"],
        ["ge\u00adb"],
    ]
    assert split(tf.constant([], tf.string), NEWS).words.to_list() == []


def test_texts_of_a_batch_do_not_meet() -> None:
    assert words(["U.", "S.", "3-", "1"]) == [words([text])[0] for text in ("U.", "S.", "3-", "1")]


def test_words_that_are_not_seen_are_not_made() -> None:
    assert words(["U.S. a b c", "d"], most=2) == [["U.S.", "a"], ["d"]]


def test_bytes_that_are_not_utf8_are_in_no_word_and_count_as_a_character() -> None:
    found = split(tf.constant([b"a \xff bc"]), NEWS)
    assert [each.to_list()[0] for each in found] == [[b"a", b"bc"], [0, 4], [1, 6], [0, 4], [1, 6]]


def test_the_graph_cuts_as_python_does() -> None:
    draws = random.Random(0)  # noqa: S311
    alphabet = "aB3.'-,@/ \u00ad\u0301é北京（）\u2003\U0001f600"
    texts = ["".join(draws.choices(alphabet, k=draws.randrange(20))) for _ in range(2000)]
    sentences = [["".join(draws.choices(alphabet.replace(" ", "x"), k=3)) for _ in range(8)] for _ in range(300)]
    for joins in (Joins(), NEWS, Joins.learned(sentences)):
        expected = [[text[begin:end] for begin, end in joins.cut(text)] for text in texts]
        assert words(texts, joins) == expected


def test_ten_times_the_text_takes_ten_times_the_memory() -> None:
    signature = [tf.TensorSpec([None], tf.string)]
    graph = tf.compat.v1.wrap_function(lambda texts: split(texts, NEWS), signature)
    arrays = [out for op in graph.graph.get_operations() for out in op.outputs if op.type != "Placeholder"]
    run = graph.prune(graph.inputs, arrays)

    def largest(text: str) -> int:
        """Bytes of the largest array on the way."""
        found = [value.numpy() for value in run(tf.constant([text.encode()]))]
        return max(sum(map(len, one.reshape(-1))) if one.dtype == object else one.nbytes for one in found)

    once, often = largest("Zoë's 3-1, " * 1500), largest("Zoë's 3-1, " * 15000)
    assert once < often <= 10.1 * once


def entities(texts: list[str], tags: list[list[int]], scores: list[list[float]]) -> list[list[tuple[str, str, float]]]:
    cut: Words = split(tf.constant([text.encode() for text in texts]), NEWS)
    found = entities_module.entities(
        tf.constant(tags, tf.float32), tf.constant(scores, tf.float32), cut.begins, cut.ends, ["LOC", "PER"]
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


def test_offsets_cut_the_surface_of_every_entity_of_printed_sentences() -> None:
    draws = random.Random(0)  # noqa: S311
    names = ["Zoë", "O'Neill", "U.S.", "Köln", "J.R.", "Inzamam-ul-Haq", "Kohl"]
    others = ["said", "'s", ",", "(", ")", "3-1", "10.5", "$", "in", "😀"]
    sentences = []
    for number in range(2000):
        if number % 2:
            words = [draws.choice(names if draws.random() < 0.4 else others) for _ in range(12)]
            sentences.append([*words, "met", "."])
        else:
            sentences.append(draws.choices("张三李四在北京上海工作，。", k=20))
    texts = [printed(words)[0] for words in sentences]
    cut = split(tf.constant([text.encode() for text in texts]), Joins.learned(sentences))
    assert cut.words.to_list() == [[word.encode() for word in words] for words in sentences]
    named = [[place for place, word in enumerate(words) if word in names or word in "张北"] for words in sentences]
    tags = tf.ragged.constant(
        [[int(i in of_row) for i in range(len(w))] for w, of_row in zip(sentences, named, strict=True)]
    )
    padded = tags.to_tensor(-1)
    found = entities_module.entities(
        tf.cast(padded, tf.float32), tf.ones_like(padded, tf.float32), cut.begins, cut.ends, ["PER"]
    )
    begins, ends, counts = (found[name].numpy().tolist() for name in ("begin", "end", "count"))
    for text, words, places, begin, end, count in zip(texts, sentences, named, begins, ends, counts, strict=True):
        assert [text[b:e] for b, e in zip(begin[:count], end[:count], strict=True)] == [words[i] for i in places]

from pathlib import Path
from typing import Any

import pytest

from components import tasks
from components.rows import conll, reader
from components.rows.reader import Row
from components.rows.tsv import BadRow
from components.settings.data import Data
from tests.components.rows.reading import Write, message

CONLLU = """\
# sent_id = 1
1-2\tZum\t_\t_\t_\t_\t_\t_\t_\t_
1\tZu\tzu\tADP\tAPPR\t_\t3\tcase\t_\t_
2\tdem\tder\tDET\tART\t_\t3\tdet\t_\t_
3\t10 000\t10000\tNUM\tCARD\t_\t0\troot\t_\tSpaceAfter=No
3.1\tist\tsein\tAUX\tVAFIN\t_\t_\t_\t3:cop\t_

# sent_id = 2
1\tFilm\tFilm\tNOUN\tNN\t_\t0\troot\t_\t_
"""


def sentences(path: Path, **told: Any) -> list[Row | BadRow]:
    data = Data(**{"task": "tagging", "format": "conll", "train": (str(path),), "dev": ("dev",)} | told)
    return list(reader.read_rows(path, "train", data, tasks.from_settings(data).check_row))


def test_a_document_begins_with_a_sentence(write: Write) -> None:
    found = sentences(write("a O\n-DOCSTART- O\nb O\n\n-DOCSTART- O\n\nc O\n"))
    assert [(row.line, row.texts) for row in found if isinstance(row, Row)] == [(1, ("a",)), (3, ("b",)), (7, ("c",))]


def test_columns_behind_the_tags_are_left_out(write: Write) -> None:
    (found,) = sentences(write("EU NNP B-ORG x\nrejects VBZ O y\n"), label=3)
    assert isinstance(found, Row)
    assert (found.texts, found.label) == (("EU rejects",), "B-ORG O")


def test_the_token_that_breaks_a_rule_is_named_with_its_line(write: Write) -> None:
    (found,) = sentences(write("\na O\nb B-X\nc I-Y\nd O\n"))
    assert isinstance(found, BadRow)
    assert (found.line, found.problem) == (4, "tag 3 is 'I-Y' after 'B-X', without its B-Y")


def test_a_token_with_other_columns_than_the_first_breaks_its_sentence_alone(write: Write) -> None:
    broken, whole = sentences(write("a O\nb O x\nc O x\n\nd O\n"))
    assert isinstance(broken, BadRow)
    assert (broken.line, broken.problem) == (2, "a token with 3 columns, the sentence began with 2")
    assert isinstance(whole, Row)
    assert (whole.line, whole.texts) == (5, ("d",))


def test_of_a_sentence_that_is_not_utf8_the_first_such_line_is_named(write: Write) -> None:
    broken, whole = sentences(write(b"a O\n\xe9 O\nb\xe9 O\nc O\n\nd O\n"))
    assert isinstance(broken, BadRow)
    assert (broken.line, broken.problem) == (2, "byte 1 of the line, 0xe9, is not UTF-8")
    assert isinstance(whole, Row)
    assert whole.line == 6


def test_comments_before_a_sentence_are_left_out_and_tokens_that_look_like_them_are_not(write: Write) -> None:
    (found,) = sentences(write("# id 1\n# text = a # b\na O\n# O\n#b B-X\n"), comments="# ")
    assert isinstance(found, Row)
    assert (found.line, found.texts, found.label) == (3, ("a # #b",), "O O B-X")


def test_tags_of_another_scheme_are_read_as_bio(write: Write) -> None:
    (found,) = sentences(write("New I-LOC\nYork I-LOC\nRome B-LOC\n"), scheme="iob1")
    assert isinstance(found, Row)
    assert found.label == "B-LOC I-LOC B-LOC"


def test_of_conllu_the_words_are_read_with_their_parts_of_speech(write: Write) -> None:
    path = write(CONLLU.replace("\n", "\r\n"))
    found = sentences(path, task="word_tags", format="conllu")
    assert [(row.line, row.texts, row.label) for row in found if isinstance(row, Row)] == [
        (3, ("Zu dem 10\u00a0000",), "ADP DET NUM"),
        (9, ("Film",), "NOUN"),
    ]
    # What looks empty ends a sentence.
    assert len(sentences(write(CONLLU.replace("\n\n", "\n  \n")), task="word_tags", format="conllu")) == 2
    first, _ = sentences(write(CONLLU), task="word_tags", format="conllu", label=8)
    assert isinstance(first, Row)
    assert first.label == "case det root"


def test_a_word_of_conllu_that_breaks_a_rule_is_named_with_its_own_line(write: Write) -> None:
    first, second = sentences(write(CONLLU), task="word_tags", format="conllu", labels=("ADP", "DET", "NOUN"))
    assert isinstance(first, BadRow)
    assert (first.line, first.problem) == (5, "tag 3 is 'NUM', expected one of ADP, DET, NOUN")
    assert isinstance(second, Row)


def test_a_word_of_conllu_has_ten_columns_and_none_is_empty(write: Write) -> None:
    bad, good = sentences(write(CONLLU.replace("\tADP\t", "\t\t")), task="word_tags", format="conllu")
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.problem) == (3, "column 4 of 10 is empty")
    assert isinstance(good, Row)
    bad, _ = sentences(write(CONLLU.replace("\tADP\t", "\t")), task="word_tags", format="conllu")
    assert isinstance(bad, BadRow)
    assert bad.problem == "9 columns between tabs, a word of CoNLL-U has 10"


def test_a_file_without_empty_lines_is_not_read_as_one_sentence(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conll, "MOST_TOKENS", 3)
    assert len(sentences(write("a O\nb O\nc O\n\na O\n"))) == 2
    path = write("a O\n\nb O\nc O\nd O\ne O\n")
    assert message(sentences, path) == (
        f"{path}:3: a sentence of more than 3 tokens. An empty line ends a sentence: put one after each."
    )

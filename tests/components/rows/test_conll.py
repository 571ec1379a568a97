from pathlib import Path
from typing import Any

import pytest

from components import tasks
from components.rows import conll, reader
from components.rows.reader import Row
from components.rows.tsv import BadRow
from components.settings.data import Data
from tests.components.rows.reading import Write, message


def sentences(path: Path, **told: Any) -> list[Row | BadRow]:
    data = Data(task="tagging", format="conll", train=(str(path),), dev=("dev",), **told)
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


def test_a_file_without_empty_lines_is_not_read_as_one_sentence(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conll, "MOST_TOKENS", 3)
    assert len(sentences(write("a O\nb O\nc O\n\na O\n"))) == 2
    path = write("a O\n\nb O\nc O\nd O\ne O\n")
    assert message(sentences, path) == (
        f"{path}:3: a sentence of more than 3 tokens. An empty line ends a sentence: put one after each."
    )

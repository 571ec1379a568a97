import gzip
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from components.pretraining import documents
from components.pretraining.documents import Document, read_documents
from components.pretraining.sentences import sentences
from components.rows.tsv import BadRow
from components.settings.kinds.corpus import Corpus


def read(content: bytes, path: Path, **settings: Any) -> list[Document | BadRow]:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return list(read_documents(path, Corpus(files=(str(path),), **settings)))


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_empty_lines_end_a_document_and_the_last_one_needs_none(tmp_path: Path, name: str) -> None:
    content = b"\xef\xbb\xbf\nOne.\nTwo.\r\n \t\n\nThree.\n\nFour"
    assert read(content, tmp_path / name) == [
        Document(2, ("One.", "Two.")),
        Document(6, ("Three.",)),
        Document(8, ("Four",)),
    ]


def test_each_line_is_a_document_and_an_empty_one_is_bad(tmp_path: Path) -> None:
    first, bad, last = read(b"One. Two.\n\nThree.\n", tmp_path / "a.txt", format="lines")
    assert (first, last) == (Document(1, ("One. Two.",)), Document(3, ("Three.",)))
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.problem) == (2, "an empty line, expected a document")


def test_a_row_s_columns_are_one_document(tmp_path: Path) -> None:
    content = b'title\tid\tbody\nA "fine" day\t1\t"Sun.\nAnd ""rain""."\n'
    (found,) = read(content, tmp_path / "a.tsv", format="tsv", text=("title", "body"), quoting="csv")
    assert found == Document(2, ('A "fine" day', "Sun.", 'And "rain".'))
    (found,) = read(b"1\tSun.\n", tmp_path / "b.tsv", format="tsv", text=(2,), header=False)
    assert found == Document(1, ("Sun.",))


def test_a_bad_line_leaves_the_rest_of_its_document_together(tmp_path: Path) -> None:
    one, two, found = read(b"One.\n\xff\na\0b\nTwo.\n", tmp_path / "a.txt")
    assert isinstance(one, BadRow)
    assert isinstance(two, BadRow)
    assert [(bad.line, bad.problem) for bad in (one, two)] == [
        (2, "byte 1 of the line, 0xff, is not UTF-8"),
        (3, "a NUL byte in the line"),
    ]
    assert found == Document(1, ("One.", "Two."))


def test_a_file_without_empty_lines_is_no_one_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_BYTES", 20)
    with pytest.raises(InputError) as caught:
        read(b"\nA line of ten.\n" * 1 + b"A line of ten.\n" * 3, tmp_path / "a.txt")
    assert str(caught.value) == (
        f"{tmp_path}/a.txt:2: a document of more than 20 characters: there is no empty line up to 3. Put an empty line "
        'between documents, or set corpus.format = "lines" if each line is one.'
    )


def test_equal_documents_are_dealt_alike_and_about_as_many_as_asked_for() -> None:
    corpus = Corpus(files=("a",), split={"train": 3, "dev": 1})
    dealt = [Document(1, (f"Text {number}.",)).split(corpus) for number in range(400)]
    assert 70 < dealt.count("dev") < 130
    assert Document(9, ("TEXT  7.",)).split(corpus) == dealt[7]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["Dr. Smith went to", "the U.S. yesterday.", "Was it far?"]),
        ({"splitter": "lines"}, ["Dr. Smith went to", "the U.S. yesterday. Was it far?"]),
    ],
)
def test_sentences_are_cut_by_rules_or_at_the_ends_of_lines(settings: Any, expected: list[str]) -> None:
    document = Document(1, ("Dr. Smith went to", " the U.S. yesterday. Was it far?\t"))
    if not settings:
        expected = ["Dr. Smith went to  the U.S. yesterday.", "Was it far?"]
    assert sentences(document, Corpus(files=("a",), **settings)) == expected


def test_the_language_decides_what_ends_a_sentence() -> None:
    document = Document(1, ("Das kam z. B. am 3. Mai. Wir gingen.",))
    assert sentences(document, Corpus(files=("a",), language="de")) == ["Das kam z. B. am 3. Mai.", "Wir gingen."]
    hindi = Document(1, ("यह एक है। वह दो है।",))
    assert sentences(hindi, Corpus(files=("a",), language="hi")) == ["यह एक है।", "वह दो है।"]


def test_no_character_is_lost_but_white_space_at_the_ends() -> None:
    text = "One\x85two.\u2028Three? «Four!» Five…  Six\x1c. 七。八！"
    found = sentences(Document(1, (text,)), Corpus(files=("a",)))
    assert "".join(found).replace(" ", "") == text.replace(" ", "")

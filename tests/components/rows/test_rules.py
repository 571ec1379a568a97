import pytest

from components.rows import reader
from components.rows.tsv import BadRow
from tests.components.rows.reading import Write, headerless, only_bad_row, rows


@pytest.mark.parametrize(
    ("row", "problem", "remedy"),
    [
        ("good", "expected 2 tab-separated fields, got 1", "Correct the row; a tab seems to be missing"),
        (
            "a\tgood\tpos",
            "expected 2 tab-separated fields, got 3",
            "Correct the row; replace a tab that belongs to a text by a space",
        ),
        ("", "an empty line, expected 2 tab-separated fields", "Delete the line"),
        ("\tpos", "the text (field 1) is empty", "Give a text or delete the row"),
        (" \u3000\tpos", "the text (field 1) is empty", "Give a text or delete the row"),
        ("good\t", "the label (field 2) is empty", "Give a label or delete the row"),
        ("go\0d\tpos", "a NUL byte in field 1", "Remove it; with many of them the file is binary or UTF-16"),
        ("good\tp\0s", "a NUL byte in field 2", "Remove it; with many of them the file is binary or UTF-16"),
        (
            "good\tpso",
            "the label is 'pso', expected one of neg, pos",
            "Did you mean 'pos'? Correct the row, or list it in data.labels",
        ),
        ("good\tpo\u200bs", "the label 'po\\u200bs' holds U+200B, which cannot be seen", "Delete that character"),
        (
            "good\tpos\r\r",
            "the label 'pos\\r' has a tab or a line break",
            "A label is one line: look for an open quote or a doubled line end",
        ),
    ],
)
def test_a_row_that_breaks_a_rule_is_named(write: Write, row: str, problem: str, remedy: str) -> None:
    path = write(f"fine\tpos\n{row}\nfine\tneg\n")
    assert only_bad_row(path, headerless(), ("pos", "neg")) == (2, problem, remedy)
    assert rows(path, headerless())[0] == (1, "fine", "pos")
    assert rows(path, headerless())[-1] == (3, "fine", "neg")


def test_a_bad_row_as_an_error_names_file_line_rule_and_remedy(write: Write) -> None:
    path = write("fine\tpos\n\n")
    _, bad = reader.read_rows(path, "train", headerless())
    assert isinstance(bad, BadRow)
    assert str(bad.error()) == f"{path}:2: an empty line, expected 2 tab-separated fields. Delete the line."


def test_a_nul_byte_in_a_slice_column_is_a_bad_row_and_elsewhere_is_not(write: Write) -> None:
    path = write("a\0\tgood\tpos\n")
    assert only_bad_row(path, headerless(text=2, label=3, slices=1))[1] == "a NUL byte in field 1"
    assert rows(path, headerless(text=2, label=3)) == [(1, "good", "pos")]


def test_many_expected_labels_are_not_all_listed(write: Write) -> None:
    labels = tuple(f"class{number}" for number in range(10))
    _, problem, remedy = only_bad_row(write("good\tclass1\ngood\tx\n"), headerless(), labels)
    listed = ", ".join(f"class{number}" for number in range(8))
    assert problem == f"the label is 'x', expected one of {listed}, ..."
    assert remedy == "Correct the row, or list it in data.labels"

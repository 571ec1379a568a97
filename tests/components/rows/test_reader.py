import gzip
from pathlib import Path

import pytest

from components.rows import format_hints, reader
from tests.components.rows.reading import Write, headerless, message, only_bad_row, rows


def test_the_bytes_read_add_up_to_the_size_of_the_file(write: Write) -> None:
    plain = write("good\tpos\n" * 2500)
    packed = write(gzip.compress(b"good\tpos\n" * 2500), "rows.tsv.gz")
    for path in (plain, packed):
        told: list[int] = []
        assert len(list(reader.read_rows(path, "train", headerless(), advance=told.append))) == 2500
        assert len(told) == 4
        assert sum(told) == path.stat().st_size


def test_texts_are_read_with_all_fields_and_the_bytes_read(write: Write) -> None:
    path = write("id\ttext\n7\tgood\n8\tbad\n")
    names, found = reader.read_texts(path, ("text",), True, "none")
    taken = list(found)
    assert names == ["id", "text"]
    assert [row[:3] for row in taken] == [(2, ["7", "good"], ("good",)), (3, ["8", "bad"], ("bad",))]
    assert sum(size for *_, size in taken) == path.stat().st_size


def test_texts_of_a_file_without_a_header_are_as_wide_as_its_first_row(write: Write) -> None:
    path = write("7\tgood\n8\n")
    names, found = reader.read_texts(path, (2,), False, "none")
    assert names is None
    assert next(found)[:3] == (1, ["7", "good"], ("good",))
    assert message(next, found) == (
        f"{path}:2: expected 2 tab-separated fields, got 1. Correct the row; a tab seems to be missing."
    )


def test_texts_need_no_label(write: Write) -> None:
    _, found = reader.read_texts(write("good\nbad\n"), (1,), False, "none")
    assert [texts for _, _, texts, _ in found] == [("good",), ("bad",)]
    _, found = reader.read_texts(write("good\t\n"), (1,), False, "none")
    assert [fields for _, fields, _, _ in found] == [["good", ""]]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "the text (field 1) is empty. Give a text or delete the row."),
        (
            "a\tb",
            "expected 1 tab-separated field, got 2. Correct the row; replace a tab that belongs to a text by a space.",
        ),
    ],
)
def test_a_bad_row_among_texts_is_an_error_when_it_is_reached(write: Write, line: str, expected: str) -> None:
    path = write(f"good\n{line}\n")
    _, found = reader.read_texts(path, (1,), False, "none")
    assert next(found)[2] == ("good",)
    assert message(next, found) == f"{path}:2: {expected}"


def test_a_column_of_texts_beyond_the_first_row_is_an_error(write: Write) -> None:
    path = write("good\tpos\n")
    _, found = reader.read_texts(path, (3,), False, "none")
    assert message(next, found).startswith(f"{path}:1: expected 3 tab-separated fields, got 2. ")


def test_texts_of_no_file_are_an_error_before_a_row_is_read(tmp_path: Path) -> None:
    assert message(reader.read_texts, tmp_path / "x.tsv", (1,), False, "none") == (
        f"{tmp_path}/x.tsv: no such file. Correct the path; its directory is there."
    )


def test_a_label_counts_without_white_space_around_it_and_texts_keep_theirs(write: Write) -> None:
    path = write(" good \tpos \nbad\t\u00a0pos\nnon\tcafe\u0301\n")
    assert rows(path, headerless()) == [(1, " good ", "pos"), (2, "bad", "pos"), (3, "non", "caf\u00e9")]


def test_a_first_line_with_a_label_that_breaks_a_rule_may_be_a_header(write: Write) -> None:
    path = write("text\tlabel\ngood\tpos\n")
    line, problem, remedy = only_bad_row(path, headerless(), ("neg", "pos"))
    assert (line, problem) == (1, "the label is 'label', expected one of neg, pos")
    assert remedy == (
        "Correct the row, or list it in data.labels; if the line is a header, set data.header = true, or delete it"
    )


def test_a_row_may_have_no_label_where_the_settings_allow_it(write: Write) -> None:
    path = write("good\tpos\n?\t \n")
    allowing = headerless(task="multilabel", allow_no_label=True)
    assert rows(path, allowing) == [(1, "good", "pos"), (2, "?", "")]
    assert only_bad_row(path, headerless(task="multilabel"))[1] == "the label (field 2) is empty"


def test_many_bad_rows_have_a_file_looked_at_once(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    monkeypatch.setattr(format_hints, "remedy", lambda path, data: looked.append(path))
    path = write("bad\n" * 3)
    assert [row.line for row in reader.read_rows(path, "train", headerless())] == [1, 2, 3]
    assert looked == [path]

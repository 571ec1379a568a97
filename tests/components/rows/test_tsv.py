import csv
import gzip
import io
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.common.errors import InputError
from components.rows import columns, reader, shards, tsv
from components.rows.files import opened
from components.rows.reader import Row
from components.rows.tsv import BadRow
from components.settings.data import Data
from components.tasks.classification import Classification
from tests.components.rows.reading import ROWS, TABLE, Write, data, headerless, message, only_bad_row, rows
from tests.conftest import fuzz_cases


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TABLE.encode(), id="as it is"),
        pytest.param(b"\xef\xbb\xbf" + TABLE.encode(), id="with a byte order mark"),
        pytest.param(TABLE.replace("\n", "\r\n").encode(), id="with CRLF"),
        pytest.param(TABLE.rstrip("\n").encode(), id="without a newline at the end"),
        pytest.param(b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").rstrip().encode(), id="as Windows writes it"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("quoting", ["none", "csv"])
def test_a_file_has_the_same_rows(write: Write, content: bytes, compressed: bool, quoting: str) -> None:
    path = write(gzip.compress(content), "rows.tsv.gz") if compressed else write(content)
    assert rows(path, data(quoting=quoting)) == ROWS


def test_a_gzip_file_may_have_several_members(write: Write) -> None:
    head, tail = TABLE.encode()[:20], TABLE.encode()[20:]
    assert rows(write(gzip.compress(head) + gzip.compress(tail), "rows.tsv.gz")) == ROWS


@pytest.mark.parametrize("character", ["\r", "\u2028", "\x0c", "\x0b", "\x85", "\x1c", "\ufeff"])
def test_only_a_line_feed_ends_a_line(write: Write, character: str) -> None:
    assert rows(write(f"one{character}two\tpos\n"), headerless()) == [(1, f"one{character}two", "pos")]


def test_a_quote_is_a_character_like_any_other_by_default(write: Write) -> None:
    assert rows(write('"so\tpos\n'), headerless()) == [(1, '"so', "pos")]


def test_csv_quoting_keeps_tabs_newlines_and_doubled_quotes_of_a_text(write: Write) -> None:
    path = write('text\tlabel\n"a\ttab, a\nnewline\r\nand ""so"""\tpos\nplain\tneg\n')
    assert rows(path, data(quoting="csv")) == [
        (2, 'a\ttab, a\nnewline\r\nand "so"', "pos"),
        (5, "plain", "neg"),
    ]


@pytest.mark.parametrize("quoting", ["none", "csv"])
def test_invalid_utf8_is_named_with_line_and_byte(write: Write, quoting: str) -> None:
    path = write(b"fine\tpos\nca\xc3\xa9 \xe9t\xe9\tpos\nfine\tneg\n")
    expected = (2, "byte 6 of the line, 0xe9, is not UTF-8", "Convert the file to UTF-8")
    assert only_bad_row(path, headerless(quoting=quoting)) == expected
    assert [line for line, *_ in rows(path, headerless(quoting=quoting))] == [1, 3]


def test_the_byte_order_mark_counts_as_no_byte_of_the_line(write: Write) -> None:
    path = write(b"\xef\xbb\xbfa\xff\tpos\n")
    assert only_bad_row(path, headerless())[1] == "byte 2 of the line, 0xff, is not UTF-8"


def test_invalid_utf8_within_quotes_is_named_with_its_own_line(write: Write) -> None:
    path = write(b'"one\ntwo \xff"\tpos\nfine\tneg\n')
    assert only_bad_row(path, headerless(quoting="csv"))[:2] == (2, "byte 5 of the line, 0xff, is not UTF-8")
    assert rows(path, headerless(quoting="csv")) == [(3, "fine", "neg")]


def test_of_a_quoted_row_that_is_not_utf8_the_first_such_line_is_named(write: Write) -> None:
    path = write(b'"one \xff\ntwo \xfe"\tpos\nfine\tneg\n')
    assert only_bad_row(path, headerless(quoting="csv"))[:2] == (1, "byte 6 of the line, 0xff, is not UTF-8")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("quoting", ["none", "csv"])
def test_utf16_is_recognised(write: Write, encoding: str, quoting: str) -> None:
    path = write(("\ufeff" + TABLE).encode(encoding))
    problem = f"{path}:1: the file is UTF-16, rows are read as UTF-8"
    assert message(columns.read_layout, path, data(quoting=quoting)).startswith(problem)


@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_fields_may_have_another_separator_and_quotes_around_it(write: Write, separator: str) -> None:
    path = write(f'text,label\n"a {separator} b\tc ""d""",pos\nplain,neg\n'.replace(",", separator))
    expected = [(2, f'a {separator} b\tc "d"', "pos"), (3, "plain", "neg")]
    assert rows(path, data(separator=separator)) == expected


def test_a_row_of_csv_that_breaks_a_rule_is_told_by_its_separator(write: Write) -> None:
    path = write("fine,pos\na, b,pos\nc\n")
    bad = [row[2] for row in reader.read_rows(path, None, headerless(separator=",")) if isinstance(row, BadRow)]
    assert bad == ["expected 2 comma-separated fields, got 3", "expected 2 comma-separated fields, got 1"]


def test_a_quote_of_csv_that_is_not_closed_has_no_remedy_in_a_setting(write: Write) -> None:
    path = write('"open,pos\n')
    assert only_bad_row(path, headerless(separator=","))[2] == "Close the quote and double quotes within it"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"a\0film\tpos\n" * 3, id="NUL bytes"),
        pytest.param(b"a\rfilm\tpos", id="a lone CR in the only line"),
        pytest.param(b"good\tpos", id="one line"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\t\0\n\n\n", id="a NUL beside a tab"),
    ],
)
def test_what_is_strange_in_a_row_does_not_make_it_another_encoding(write: Write, content: bytes) -> None:
    with opened(write(content)) as file:
        assert file.read() == content


def test_gzip_under_another_name_is_recognised(write: Write) -> None:
    path = write(gzip.compress(TABLE.encode()))
    assert message(columns.read_layout, path, data()) == (
        f"{path}:1: byte 2 of the line, 0x8b, is not UTF-8. The file looks like gzip: give its name the ending .gz."
    )


@pytest.mark.parametrize(
    ("content", "line", "problem", "good"),
    [
        ('"open\tpos\nfine\tneg\n', 1, "a quote is opened and not closed by the end of the file, line 2", []),
        ('"a "b" c"\tpos\nfine\tneg\n', 1, "more text stands behind the closing quote of a field, on line 1", [2]),
        ('"open\tpos\n"s"\tneg\nfin\tne\n', 1, "more text stands behind the closing quote of a field, on line 2", [3]),
        ("lone\rCR\tpos\nfine\tneg\n", 1, "a carriage return stands in a field without quotes", [2]),
    ],
)  # fmt: skip
def test_a_row_that_breaks_csv_quoting_is_named(
    write: Write, content: str, line: int, problem: str, good: list[int]
) -> None:
    path = write(content)
    found = only_bad_row(path, headerless(quoting="csv"))
    assert found[:2] == (line, problem)
    assert found[2].endswith(', or set data.quoting = "none"')
    assert [line for line, *_ in rows(path, headerless(quoting="csv"))] == good


def read_unless_refused(path: Path, given: Data) -> list[Row | BadRow] | None:
    """Every row; None where the file looks as if it had another encoding, or CR at the end of lines."""
    try:
        return list(reader.read_rows(path, None, given))
    except InputError as error:
        assert error.remedy.startswith("Convert it, and give the new file in place of it")
        return None


@given(st.binary(max_size=200) | st.text('ab\t\n\r"\0é', max_size=80).map(str.encode))
@settings(max_examples=fuzz_cases(200), deadline=None)
def test_every_line_comes_out_as_a_row_or_a_bad_row(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "rows.tsv")
        path.write_bytes(content)
        found = read_unless_refused(path, headerless())
    if found is None:
        return
    lines = content.count(b"\n") + (not content.endswith(b"\n") and content != b"")
    assert [row.line for row in found] == list(range(1, lines + 1))


@given(st.lists(st.lists(st.text('ab\t\n"é', max_size=4), min_size=2, max_size=3), max_size=6))
@settings(max_examples=fuzz_cases(100), deadline=None)
def test_every_csv_record_comes_out_as_a_row_or_a_bad_row(records: list[list[str]]) -> None:
    content = io.StringIO(newline="")
    csv.writer(content, delimiter="\t", lineterminator="\n").writerows(records)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "rows.tsv")
        path.write_bytes(content.getvalue().encode())
        found = list(reader.read_rows(path, None, headerless(quoting="csv"), Classification().check_row))
    assert len(found) == len(records)
    for row, fields in zip(found, records, strict=True):
        if isinstance(row, Row):
            assert [*row.texts, row.label] == fields
        else:
            assert len(fields) != 2 or not fields[0].strip() or not fields[1].strip() or set(fields[1]) & set("\t\n")


@given(st.binary(max_size=120) | st.text('ab\t\n\r"\0', max_size=60).map(str.encode))
@settings(max_examples=fuzz_cases(150), deadline=None)
def test_csv_quoting_takes_any_bytes(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "rows.tsv")
        path.write_bytes(content)
        found = read_unless_refused(path, headerless(quoting="csv"))
    if found is None:
        return
    starts = [row.line for row in found]
    assert starts == sorted(set(starts))
    assert bool(starts) == bool(content)


ENDLESS = f"text\tlabel\n{'a' * 3000}\tpos\ngood film\tpos\n".encode()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("quoting", ["none", "csv"])
def test_a_line_that_is_too_long_is_refused_before_it_is_read(
    write: Write, monkeypatch: pytest.MonkeyPatch, compressed: bool, quoting: str
) -> None:
    path = write(gzip.compress(ENDLESS), "rows.tsv.gz") if compressed else write(ENDLESS)
    given = data(quoting=quoting, on_bad_row="quarantine")
    assert len(rows(path, given)) == 2
    monkeypatch.setattr(tsv, "MOST_BYTES", 1000)
    assert message(rows, path, given) == (
        f"{path}:2: a line of more than 1,000 bytes. A line ends with LF: look whether this is the file that you mean, "
        "or split the text."
    )
    format_ = shards.RowFormat(wanted=(0,), width=2, header=True, quoting=given.quoting)
    assert "2: a line of more than 1,000 bytes" in message(shards.plan, path, format_, 10)


def test_a_line_that_is_too_long_takes_no_more_memory_than_its_limit(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "rows.tsv.gz", "wb", compresslevel=1) as file:
        file.write(b"text\tlabel\n")
        for _ in range(100):
            file.write(b"a" * (1 << 20))
    tracemalloc.start()
    try:
        assert "2: a line of more than 16,777,216 bytes" in message(rows, tmp_path / "rows.tsv.gz", data())
        assert tracemalloc.get_traced_memory()[1] < 3 * tsv.MOST_BYTES
    finally:
        tracemalloc.stop()


def test_a_quote_that_is_never_closed_does_not_take_the_whole_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write('text\tlabel\n"a\nb"\tpos\n"good\tpos\n' + "bad film\tneg\n" * 1000)
    monkeypatch.setattr(tsv, "MOST_BYTES", 1000)
    assert message(rows, path, data(quoting="csv")) == (
        f"{path}:4: a quote is opened, and 1,000 bytes on, in line 81, it is not closed. Close the quote, or set "
        'data.quoting = "none"; a longer text has to be split.'
    )


def test_rows_of_which_none_is_too_long_may_be_of_any_number(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tsv, "MOST_BYTES", 30)
    path = write("text\tlabel\n" + '"good\nfilm"\tpos\n' * 100)
    assert len(rows(path, data(quoting="csv"))) == 100

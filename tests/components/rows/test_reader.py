import csv
import gzip
import hashlib
import io
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import tasks
from components.common.errors import InputError
from components.rows import columns, files, label_names, reader, splits
from components.rows.reader import Row
from components.rows.tsv import BadRow
from components.settings.data import Data
from components.tasks.classification import Classification
from tests.conftest import fuzz_cases

TABLE = "text\tlabel\ngood film\tpos\nbad film\tneg\n"

ROWS = [(2, "good film", "pos"), (3, "bad film", "neg")]

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(content: str | bytes, name: str = "rows.tsv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def data(**changes: Any) -> Data:
    return Data(**{"train": ("train.tsv",), "dev": ("dev.tsv",)} | changes)


def headerless(**changes: Any) -> Data:
    return data(**{"header": False, "text": 1, "label": 2} | changes)


def rows(path: Path, given: Data | None = None) -> list[tuple[int, str, str]]:
    """(line, text, label) of a file without bad rows."""
    found = [row for row in reader.read_rows(path, "train", given or data()) if isinstance(row, Row)]
    return [(row.line, row.texts[0], row.label) for row in found]


def only_bad_row(path: Path, given: Data | None = None, labels: tuple[str, ...] = ()) -> tuple[int, str, str]:
    """(line, problem, remedy) of the one bad row of a file."""
    rule = Classification(labels).check_row
    (bad,) = [row for row in reader.read_rows(path, "train", given or data(), rule) if isinstance(row, BadRow)]
    assert bad.path == str(path)
    return bad.line, bad.problem, bad.remedy


def message(function: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        function(*arguments)
    return str(caught.value)


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


def test_columns_are_found_by_name_or_by_number_in_any_order(write: Write) -> None:
    path = write("id\tlabel\tsource\ttext\n7\tpos\tweb\tgood\n")
    expected = [Row(2, "train", ("good",), "pos", ("web", "7"))]
    by_name = data(slices=("source", "id"))
    by_number = data(text=4, label=2, slices=(3, 1))
    assert list(reader.read_rows(path, "train", by_name)) == expected
    assert list(reader.read_rows(path, "train", by_number)) == expected
    assert columns.read_layout(path, by_number).slice_names == ("source", "id")


def test_without_a_header_rows_are_as_wide_as_the_largest_column_or_as_told(write: Write) -> None:
    path = write("7\tgood\tpos\n")
    layout = columns.read_layout(path, headerless(text=2, label=3, slices=(1,)))
    assert layout == columns.Layout(3, (1,), 2, (0,), ("column_1",))
    assert columns.read_layout(path, headerless(columns=5)).width == 5
    assert rows(path, headerless(text=2, label=1, columns=3)) == [(1, "good", "7")]


def test_the_bytes_read_add_up_to_the_size_of_the_file(write: Write) -> None:
    plain = write("good\tpos\n" * 2500)
    packed = write(gzip.compress(b"good\tpos\n" * 2500), "rows.tsv.gz")
    for path in (plain, packed):
        told: list[int] = []
        assert len(list(reader.read_rows(path, "train", headerless(), advance=told.append))) == 2500
        assert len(told) == 4
        assert sum(told) == path.stat().st_size


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
    _, problem, remedy = only_bad_row(write("good\tx\n"), headerless(), labels)
    listed = ", ".join(f"class{number}" for number in range(8))
    assert problem == f"the label is 'x', expected one of {listed}, ..."
    assert remedy == "Correct the row, or list it in data.labels"


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


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("quoting", ["none", "csv"])
def test_utf16_is_recognised(write: Write, encoding: str, quoting: str) -> None:
    path = write(("\ufeff" + TABLE).encode(encoding))
    problem = f"byte 1 of the line, 0x{path.read_bytes()[0]:02x}, is not UTF-8"
    remedy = "The file looks like UTF-16: convert it with iconv -f UTF-16 -t UTF-8"
    assert message(columns.read_layout, path, data(quoting=quoting)) == f"{path}:1: {problem}. {remedy}."


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


@given(st.binary(max_size=200) | st.text('ab\t\n\r"\0é', max_size=80).map(str.encode))
@settings(max_examples=fuzz_cases(200), deadline=None)
def test_every_line_comes_out_as_a_row_or_a_bad_row(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "rows.tsv")
        path.write_bytes(content)
        found = list(reader.read_rows(path, None, headerless()))
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
        starts = [row.line for row in reader.read_rows(path, None, headerless(quoting="csv"))]
    assert starts == sorted(set(starts))
    assert bool(starts) == bool(content)


def test_a_file_cut_short_is_a_damaged_gzip_file(write: Write) -> None:
    whole = gzip.compress(b"good\tpos\n" * 5000, mtime=0)
    path = write(whole[: len(whole) // 2], "rows.tsv.gz")
    assert message(lambda: list(reader.read_rows(path, "train", headerless()))) == (
        f"{path}: not a whole gzip file (Compressed file ended before the end-of-stream marker was reached). "
        "Compress it again, or drop the .gz."
    )


def test_a_gzip_file_with_a_wrong_byte_is_damaged(write: Write) -> None:
    whole = bytearray(gzip.compress(b"good\tpos\n" * 5, mtime=0))
    whole[-6] ^= 1
    path = write(bytes(whole), "rows.tsv.gz")
    assert "not a whole gzip file (CRC check failed" in message(
        lambda: list(reader.read_rows(path, "train", headerless()))
    )


def test_a_file_that_vanishes_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "gone.tsv"
    expected = f"{path}: no such file. It was there a moment ago: put it back."
    assert message(files.fingerprint, path) == expected
    assert message(columns.read_layout, path, data()) == expected


def test_a_failing_disk_is_an_input_error(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(TABLE)

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    assert (
        message(files.fingerprint, path) == f"{path}: cannot be read (Input/output error). Check the disk and the path."
    )


def test_the_nearest_column_is_named(write: Write) -> None:
    path = write("Text\tlabel\n")
    assert message(columns.read_layout, path, data()) == (
        f"{path}:1: data.text is 'text', the header has 'Text', 'label'. "
        "Did you mean 'Text'? Correct data.text, or set data.header = false if line 1 is a row."
    )


def test_a_wide_header_is_not_listed_whole(write: Write) -> None:
    path = write("\t".join(f"{number}" for number in range(12)) + "\n")
    assert "the header has '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ...." in message(
        columns.read_layout, path, data()
    )


def test_a_column_that_the_header_names_twice_needs_a_number(write: Write) -> None:
    path = write("text\tlabel\ttext\na\tpos\tb\n")
    assert message(columns.read_layout, path, data()) == (
        f"{path}:1: the header names 'text' twice. Rename one, or give data.text as a number."
    )
    assert rows(path, data(text=3)) == [(2, "b", "pos")]


def test_a_column_given_by_name_and_by_number_is_refused(write: Write) -> None:
    path = write("text\tlabel\na\tpos\n")
    assert message(columns.read_layout, path, data(label=1)) == (
        f"{path}:1: data.text and data.label are both column 1, 'text'. Give each another column."
    )


def test_globs_are_resolved_in_sorted_order(tmp_path: Path, write: Write) -> None:
    b, a, dev = write("", "b.tsv"), write("", "a.tsv"), write("", "c.dev")
    given = data(train=(f"{tmp_path}/*.tsv",), dev=(str(dev),))
    assert files.find_files(given) == [("train", a), ("train", b), ("dev", dev)]


def test_brackets_in_a_name_are_no_glob_if_there_is_such_a_file(tmp_path: Path, write: Write) -> None:
    write("", "part1.tsv")
    given = data(train=(str(write("", "part[1].tsv")),), dev=(str(write("", "dev.tsv")),))
    assert [path.name for _, path in files.find_files(given)] == ["part[1].tsv", "dev.tsv"]


def test_the_nearest_file_is_named(tmp_path: Path, write: Write) -> None:
    write("", "train.tsv")
    given = data(train=(f"{tmp_path}/trian.tsv",))
    assert message(files.find_files, given) == (
        f"{tmp_path}/trian.tsv: no such file. Did you mean {tmp_path}/train.tsv? Correct the path."
    )


def test_a_file_in_two_splits_is_refused_under_any_name(tmp_path: Path, write: Write) -> None:
    path = write("", "rows.tsv")
    (tmp_path / "link.tsv").symlink_to(path)
    given = data(train=(str(path),), dev=(f"{tmp_path}/link.tsv",))
    assert message(files.find_files, given) == (
        f"{tmp_path}/link.tsv: the same file is used in train and in dev. Name each file once."
    )


def test_a_file_that_two_patterns_of_a_split_match_is_refused(tmp_path: Path, write: Write) -> None:
    path = write("", "rows.tsv")
    given = data(train=(str(path), f"{tmp_path}/*.tsv"))
    assert message(files.find_files, given) == f"{path}: the same file is used twice. Name each file once."


def test_a_fingerprint_is_the_sha256_of_the_bytes(write: Write) -> None:
    assert files.fingerprint(write("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("fields", "place", "split"),
    [
        (["b", "pos"], 74, "train"),
        (["o", "pos"], 80, "dev"),
        (["n", "pos"], 88, "dev"),
        (["a", "neg"], 93, "test"),
    ],
)
def test_the_hash_of_a_row_decides_its_split(fields: list[str], place: int, split: str) -> None:
    # Literal, so that no change of the code deals the rows of a data set anew.
    digest = hashlib.blake2b("\t".join(fields).encode(), digest_size=8).hexdigest()
    assert int(digest, 16) % 100 == place
    assert splits.split_of(fields, {"train": 80, "dev": 10, "test": 10}) == split


def test_equal_rows_go_to_the_same_split_whatever_their_file_and_line(write: Write) -> None:
    one = write("".join(f"row {number}\tpos\n" for number in range(200)), "one.tsv")
    two = write("".join(f"row {number}\tpos\r\n" for number in reversed(range(200))), "two.tsv.bak")
    given = headerless(train=(), dev=(), files=(str(one),))
    split_of_text = [
        {row.texts: row.split for row in reader.read_rows(path, None, given) if isinstance(row, Row)}
        for path in (one, two)
    ]
    assert split_of_text[0] == split_of_text[1]
    assert set(split_of_text[0].values()) == {"train", "dev", "test"}


def test_the_shares_of_10000_rows_are_nearly_those_wanted() -> None:
    dealt = Counter(
        splits.split_of([f"row {number}", "pos"], {"train": 6, "dev": 3, "test": 1}) for number in range(10000)
    )
    # Three standard deviations of a binomial are 147, 137 and 90 rows.
    assert abs(dealt["train"] - 6000) < 147
    assert abs(dealt["dev"] - 3000) < 137
    assert abs(dealt["test"] - 1000) < 90


def test_a_split_without_a_share_gets_no_row() -> None:
    assert {splits.split_of([str(number)], {"train": 1, "dev": 1}) for number in range(100)} == {"train", "dev"}


def test_label_names_are_those_listed_in_their_order() -> None:
    assert label_names.label_names([], data(labels=("pos", "neg"))) == ["pos", "neg"]


def test_label_names_are_those_of_good_rows_in_train_sorted(write: Write) -> None:
    train = write("a\tpos\nb\tneg\nc\tAll\n\tempty text\n", "train.txt")
    dev = write("a\tonly in dev\n", "dev.txt")
    assert label_names.label_names([("train", train), ("dev", dev)], headerless()) == ["All", "neg", "pos"]


def test_label_names_of_a_split_by_hash_are_those_that_fall_into_train(write: Write) -> None:
    # In this order train, train, test, dev.
    path = write("b\tpos\nb\tneg\nw\todd\nq\todd\n")
    given = headerless(train=(), dev=(), files=(str(path),))
    assert [row.split for row in reader.read_rows(path, None, given) if isinstance(row, Row)] == [
        "train",
        "train",
        "test",
        "dev",
    ]
    assert label_names.label_names([(None, path)], given) == ["neg", "pos"]


@pytest.mark.parametrize(
    ("content", "held"), [("a\tpos\nb\tpos\n", "the one label 'pos'"), ("", "no label"), ("\tpos\n", "no label")]
)
def test_less_than_two_labels_are_refused(write: Write, content: str, held: str) -> None:
    path = write(content)
    assert message(label_names.label_names, [("train", path)], headerless()) == (
        f"{path}: train holds {held}, at least 2 are needed. Add rows of another class, or correct data.label."
    )


def test_more_than_1000_labels_are_taken_for_another_column(write: Write) -> None:
    path = write("".join(f"a\ttext {number:04}\n" for number in range(1001)))
    assert message(label_names.label_names, [("train", path)], headerless()) == (
        f"{path}: more than 1000 different labels ('text 0000', 'text 0001', 'text 0002', ...). "
        "Is data.label the right column? If so, list them in data.labels."
    )
    path = write("".join(f"a\t{number:04}\n" for number in range(1000)))
    assert len(label_names.label_names([("train", path)], headerless())) == 1000


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


def test_a_text_column_that_the_header_lacks_is_an_error(write: Write) -> None:
    path = write("id\treview\n")
    assert message(reader.read_texts, path, ("text",), True, "none") == (
        f"{path}:1: the text's column is 'text', the header has 'id', 'review'. "
        "Give --column, a name or a number from 1."
    )


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

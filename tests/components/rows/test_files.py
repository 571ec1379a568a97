import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from components.common.literal_paths import patterns
from components.rows import columns, files, reader
from tests.components.rows.reading import TABLE, Write, data, headerless, message


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


def test_a_glob_over_more_names_than_a_person_would_wait_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "abcdef":
        (tmp_path / name / "deep").mkdir(parents=True)
    monkeypatch.setattr(patterns, "MOST_NAMES", 24)
    monkeypatch.setattr(patterns, "TOLD_FROM", 5)
    assert patterns.matching(f"{tmp_path}/**/*.tsv") == []
    assert caplog.messages == [f"{tmp_path}/**/*.tsv: looking for files, 5 names so far"]
    monkeypatch.setattr(patterns, "MOST_NAMES", 23)
    given = data(train=(f"{tmp_path}/**/*.tsv",))
    assert "/**/*.tsv: matches too widely: 23 names were looked at, the last in /" in message(files.find_files, given)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_opened(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "rows.tsv")
    assert message(files.find_files, data(train=(f"{tmp_path}/rows.tsv",))) == (
        f"{tmp_path}/rows.tsv: a pipe or a device, not a file. Write its rows to a file, and name that: the rows are "
        "read more than once."
    )
    assert "a pipe or a device" in message(reader.read_texts, tmp_path / "rows.tsv", ["text"], True, "none")

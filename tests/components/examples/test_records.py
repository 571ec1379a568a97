from pathlib import Path

import pytest
import tensorflow as tf

from components.examples import records

ROWS = [b"a", b"", b"\0\xff" * 10, b"b"]


def test_what_is_written_is_read_again_in_order(tmp_path: Path) -> None:
    with records.written(tmp_path / "Split-train") as write:
        write(ROWS[:3])
        write([])
        write(ROWS[3:])
    assert list(records.read(tmp_path / "Split-train")) == ROWS
    assert [path.name for path in (tmp_path / "Split-train").iterdir()] == ["data_tfrecord-00000-of-00001.gz"]


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number in (1, 0):
        with records.written(tmp_path, f"{number}") as write:
            write([b"%d" % number])
    assert list(records.read(tmp_path)) == [b"0", b"1"]


def test_a_split_without_rows_or_without_files_has_no_batches(tmp_path: Path) -> None:
    assert list(records.batches(tmp_path)) == []
    with records.written(tmp_path):
        pass
    assert list(records.batches(tmp_path)) == []


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [({"most_rows": 3}, [3, 1]), ({"most_bytes": 20}, [2, 1, 1]), ({"most_bytes": 1}, [2, 1, 1]), ({}, [4])],
)
def test_a_batch_has_so_many_rows_and_bytes_and_one_row_at_least(
    tmp_path: Path, limits: dict[str, int], sizes: list[int]
) -> None:
    with records.written(tmp_path) as write:
        write(ROWS)
    assert [len(batch) for batch in records.batches(tmp_path, **limits)] == sizes


def test_an_error_of_the_thread_that_writes_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(self: object, record: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tf.io.TFRecordWriter, "write", write)
    with pytest.raises(OSError, match="No space left"), records.written(tmp_path) as write_all:
        write_all(ROWS)

import gzip
from pathlib import Path
from typing import Any

import pytest

from components.rows import reader, shards
from components.rows.shards import RowFormat
from components.rows.tsv import BadRow

PLAIN = RowFormat((1,), 2, True, "none")


def written(folder: Path, content: str, name: str = "rows.tsv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    return path


def read(path: Path, reading: RowFormat, rows: int) -> list[Any]:
    return [list(shards.read(part, reading)) for part in shards.plan(path, reading, rows)]


def test_parts_begin_where_the_one_before_ends(tmp_path: Path) -> None:
    path = written(tmp_path, "id\ttext\n1\ta\n2\tü\n3\tc\n")
    first, second = shards.plan(path, PLAIN, 2)
    assert (first.offset, first.line, first.rows, first.name) == (8, 2, 2, "rows-00000-of-00002.tsv")
    assert (second.offset, second.line, second.rows, second.name) == (17, 4, 1, "rows-00001-of-00002.tsv")
    assert list(shards.read(second, PLAIN)) == [(4, ["3", "c"])]


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 100])
@pytest.mark.parametrize("name", ["rows.tsv", "rows.tsv.gz"])
@pytest.mark.parametrize("quoting", ["none", "csv"])
def test_parts_of_any_size_hold_every_row_once_with_its_line(
    tmp_path: Path, rows: int, name: str, quoting: Any
) -> None:
    content = '\ufeffid\ttext\r\n1\ta\r\n2\t"b\n3\tc""\td"\n4\t"e"\n\n5\t\ufefff'
    path = written(tmp_path, content, name)
    reading = RowFormat((1,), 2, True, quoting)
    found = read(path, reading, rows)
    assert [len(part) for part in found[:-1]] == [rows] * (len(found) - 1)
    (whole,) = read(path, reading, 1000)
    assert [row for part in found for row in part] == whole
    lines = [row.line if isinstance(row, BadRow) else row[0] for row in whole]
    assert lines == ([2, 3, 5, 6, 7] if quoting == "csv" else [2, 3, 4, 5, 6, 7])


def test_good_rows_are_those_of_a_file_that_is_read_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "a\t1\nb\t2\nc\t3\n")
    _, rows = reader.read_texts(path, (1,), False, "none")
    found = read(path, RowFormat((0,), 0, False, "none"), 2)
    assert [row for part in found for row in part] == [(line, fields) for line, fields, _, _ in rows]


def test_without_a_header_the_first_good_row_of_the_file_gives_every_part_its_width(tmp_path: Path) -> None:
    path = written(tmp_path, "a\tb\nc\nd\n")
    (first, second) = read(path, RowFormat((0,), 0, False, "none"), 2)
    assert first[0] == (1, ["a", "b"])
    assert [row.problem for row in (first[1], *second)] == ["expected 2 tab-separated fields, got 1"] * 2
    assert [row.line for row in (first[1], *second)] == [2, 3]


@pytest.mark.parametrize(("content", "header"), [("id\ttext\n", True), ("", False)])
def test_a_file_without_rows_has_a_part_without_any(tmp_path: Path, content: str, header: bool) -> None:
    reading = RowFormat((1,), 2 * header, header, "none")
    (part,) = shards.plan(written(tmp_path, content), reading, 2)
    assert part.rows == 0
    assert list(shards.read(part, reading)) == []


def test_bad_rows_are_quarantined_as_they_stand_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_bytes(b"text\ngood\n\n \r\ncaf\xe9\ngood\n")
    reading = RowFormat((0,), 1, True, "none")
    (first, second) = shards.plan(path, reading, 3)
    bad = [[row for row in shards.read(part, reading) if isinstance(row, BadRow)] for part in (first, second)]
    assert list(shards.as_quarantined(first, bad[0])) == [
        f"{path}\t3\tthe text (field 1) is empty\t\n",
        f"{path}\t4\tthe text (field 1) is empty\t \n",
    ]
    assert list(shards.as_quarantined(second, bad[1])) == [
        f"{path}\t5\tbyte 4 of the line, 0xe9, is not UTF-8\tcaf\\xe9\n"
    ]


def test_a_files_stem_has_no_endings() -> None:
    assert [shards.stem(Path(name)) for name in ("a/rows.tsv", "rows.tsv.gz", "rows.2.txt", "rows")] == [
        "rows",
        "rows",
        "rows.2",
        "rows",
    ]

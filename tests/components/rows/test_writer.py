import io

import pytest

from components.rows import writer
from components.rows.tsv import Quoting


@pytest.mark.parametrize(
    ("quoting", "expected"),
    [("none", 'a "b"\tc d\n'), ("csv", '"a ""b"""\tc d\n'), ("csv;", '"a ""b""";c d\n')],
)
def test_a_row_is_written_as_its_kind_is_read(quoting: Quoting, expected: str) -> None:
    out = io.StringIO()
    writer.writer(out, quoting)(['a "b"', "c d"])
    assert out.getvalue() == expected


def test_a_bad_row_is_written_with_its_place_and_problem_and_without_its_line_end() -> None:
    assert writer.quarantined("a.tsv", 7, "no label", b"caf\xe9\tx\r\n") == "a.tsv\t7\tno label\tcaf\\xe9\tx\n"

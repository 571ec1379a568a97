from pathlib import Path

from components import task


def test_label_names_are_read_as_they_were_written(tmp_path: Path) -> None:
    names = ["b", "a b", "U+2028 \u2028 is no line end", "nor is a carriage\rreturn", "é"]
    task.write_labels(tmp_path, names)
    assert task.read_labels(tmp_path) == names
    assert (tmp_path / "labels.txt").read_bytes().startswith(b"b\na b\n")

import json
from pathlib import Path

from components import tasks
from components.tasks.classification import Classification


def test_label_names_are_read_as_they_were_written(tmp_path: Path) -> None:
    names = ("b", "a b", "U+2028 \u2028 is no line end", "nor is a carriage\rreturn", "é")
    tasks.write(tmp_path, Classification(names))
    assert tasks.read(tmp_path) == Classification(names)
    written = (tmp_path / "task.json").read_bytes()
    assert json.loads(written) == {"name": "classification", "labels": list(names)}
    assert "é".encode() in written

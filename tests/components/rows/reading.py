"""Small files of rows, and what is read of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.common.errors import InputError
from components.rows import reader
from components.rows.reader import Row
from components.rows.tsv import BadRow
from components.settings.data import Data
from components.tasks.classification import Classification

Write = Callable[..., Path]

TABLE = "text\tlabel\ngood film\tpos\nbad film\tneg\n"

ROWS = [(2, "good film", "pos"), (3, "bad film", "neg")]


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

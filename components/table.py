"""Rows written as TSV."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any, TextIO

from components.records import Quoting


def writer(out: TextIO, quoting: Quoting) -> Callable[[list[str]], Any]:
    """Writes a row's fields as a line, quoted as rows of this kind are."""
    if quoting == "csv":
        return csv.writer(out, delimiter="\t", lineterminator="\n").writerow
    return lambda fields: print("\t".join(fields), file=out)

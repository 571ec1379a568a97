"""Rows written as TSV, or with another separator as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any, TextIO

from components.rows.tsv import LINE_END, Quoting, separator

QUARANTINE_FILE = "quarantine.tsv"
"""Beside the Examples with `on_bad_row = "quarantine"`, and within the output of `bulk-predict`: each bad row as
`file<TAB>line<TAB>problem<TAB>the row`."""


def writer(out: TextIO, quoting: Quoting) -> Callable[[list[str]], Any]:
    """Writes a row's fields as a line, quoted as rows of this kind are."""
    if quoting != "none":
        return csv.writer(out, delimiter=separator(quoting), lineterminator="\n").writerow
    return lambda fields: print("\t".join(fields), file=out)


def quarantined(path: str, line: int, problem: str, raw: bytes) -> str:
    """A line of a bad row as a line of a quarantine file: `file<TAB>line<TAB>problem<TAB>the row`."""
    return f"{path}\t{line}\t{problem}\t{raw.rstrip(LINE_END).decode(errors='backslashreplace')}\n"

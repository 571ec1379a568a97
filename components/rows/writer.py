"""Rows written as TSV, or with another separator as CSV; and bad rows, which stop a run or are written aside."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol, TextIO

from components.common.errors import InputError
from components.rows.files import opened, readable
from components.rows.tsv import LINE_END, BadRow, Quoting, separator

QUARANTINE_FILE = "quarantine.tsv"
"""Beside the Examples with `on_bad_row = "quarantine"`, and within the output of `bulk-predict`: each bad row as
`file<TAB>line<TAB>problem<TAB>the row`."""

BAD_ROWS_ENOUGH = 1000
"""Reading a file stops after so many bad rows if one is enough to fail the run."""


def writer(out: TextIO, quoting: Quoting) -> Callable[[list[str]], Any]:
    """Writes a row's fields as a line, quoted as rows of this kind are."""
    if quoting == "none":
        return lambda fields: print("\t".join(fields), file=out)
    between = separator(quoting)
    plain = csv.writer(out, delimiter=between, lineterminator="\n")
    quoted = csv.writer(out, delimiter=between, lineterminator="\n", quoting=csv.QUOTE_ALL)
    # The plain one does not quote for a carriage return, at which readers end a line.
    return lambda fields: (quoted if any("\r" in field for field in fields) else plain).writerow(fields)


def quarantined(path: str, line: int, problem: str, raw: bytes) -> str:
    """A line of a bad row as a line of a quarantine file: `file<TAB>line<TAB>problem<TAB>the row`."""
    return f"{path}\t{line}\t{problem}\t{raw.rstrip(LINE_END).decode(errors='backslashreplace')}\n"


class Policy(Protocol):
    """Settings that say what becomes of bad rows, as `[data]` and `[corpus]`."""

    table: ClassVar[str]
    """Where in a TOML file they are."""

    @property
    def format(self) -> str:
        """Of the files."""

    @property
    def on_bad_row(self) -> str:
        """`fail` or `quarantine`."""

    @property
    def max_bad_share(self) -> float:
        """With `quarantine`."""


def enforce_bad_row_policy(output: Path, data: Policy, found: Iterable[BadRow], counts: list[dict[str, Any]]) -> None:
    """Writes the quarantine file, or fails the run for what belongs in it.

    Args:
        output: where the file goes.
        data: the settings.
        found: the bad rows, in whatever order.
        counts: of each file `rows`, good ones, as of `row_counts.write`, and `bad`.

    Raises:
        InputError: a bad row, with `on_bad_row = "fail"`, or a larger share of them than is allowed.
    """
    bad = sorted(found)
    if not bad:
        return
    total = len(bad) + sum(row[2] for count in counts for row in count["rows"])
    if data.on_bad_row == "fail":
        least = "at least " if any(count["bad"] >= BAD_ROWS_ENOUGH for count in counts) else ""
        raise _with_more(bad, f"; {least}{len(bad)} bad rows in all" if len(bad) > 1 else "")
    if too_many := beyond_limit(len(bad), total, data):
        raise _with_more(bad, f"; {too_many}")
    with (output / QUARANTINE_FILE).open("w", encoding="utf-8") as file:
        for path, rows in itertools.groupby(bad, key=lambda row: row.path):
            problems = {row.line: row.problem for row in rows}
            with readable(Path(path)), opened(Path(path)) as source:
                for lines in numbered_rows(source, data):
                    if problem := next((problems[line] for line, _ in lines if line in problems), None):
                        file.writelines(quarantined(path, line, problem, raw) for line, raw in lines)


def beyond_limit(bad: int, total: int, data: Policy) -> str | None:
    """What to say of more bad rows than go into quarantine, of one row at least; None: they are no more."""
    share = bad / total
    if share <= data.max_bad_share:
        return None
    limit = f"{data.table}.max_bad_share is {data.max_bad_share:.2%}"
    return f"{bad} of {total} rows are bad, {share:.2%}, {limit}"


def numbered_rows(source: IO[bytes], data: Policy) -> Iterator[list[tuple[int, bytes]]]:
    """The numbered lines of a file: one by one, or those of a sentence together."""
    numbered = enumerate(source, 1)
    if not data.format.startswith("conll"):
        return ([line] for line in numbered)
    return (list(lines) for empty, lines in itertools.groupby(numbered, lambda line: not line[1].strip()) if not empty)


def _with_more(bad: list[BadRow], more: str) -> InputError:
    """The first bad row's error; the rest of them by line, as far as a terminal bears."""
    first, others = bad[0], bad[1:5]
    listed = "".join(f"\n  also {row.path}:{row.line}: {row.problem}" for row in others)
    return InputError(f"{first.path}:{first.line}", first.problem + more, first.remedy + listed)

"""Spans of data: paths that hold {SPAN}, a number that grows with every delivery, and the newest of them a run sees."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path
from typing import Any

from components.common.errors import InputError
from components.common.literal_paths.patterns import below, parted
from components.rows.files import readable
from components.settings.data import SPAN, SPLITS, Data


def resolved(data: Data) -> Data:
    """The same with the paths of the chosen spans in place of {SPAN}, and their numbers.

    A span counts once every path that holds {SPAN} has a file for it: files should be put there whole, by a rename.

    Raises:
        InputError: there is no whole span, or one that was asked for is missing.
    """
    fields = ("files",) if data.files else SPLITS
    patterns = [pattern for field in fields for pattern in getattr(data, field) if SPAN in pattern]
    if not patterns:
        return data
    there = {pattern: _numbers(pattern) for pattern in patterns}
    whole = set.intersection(*(set(numbers) for numbers in there.values()))
    for wanted in data.spans:
        for pattern, numbers in there.items():
            if wanted not in numbers:
                found = f"there are {', '.join(map(str, sorted(numbers)))}" if numbers else "there is none"
                raise InputError(pattern, f"no span {wanted}, {found}", "Correct data.spans, or deliver the span")
    if not whole:
        pattern = next((pattern for pattern, numbers in there.items() if not numbers), patterns[0])
        remedy = "Deliver a span to every path that holds {SPAN}, say span-1/train.tsv and span-1/dev.tsv"
        raise InputError(pattern, "no span is whole yet", remedy)
    chosen = data.spans or tuple(sorted(whole)[-data.window :])
    paths = {field: tuple(_of(pattern, chosen, there) for pattern in getattr(data, field)) for field in fields}
    flat: dict[str, Any] = {field: tuple(itertools.chain(*groups)) for field, groups in paths.items()}
    return dataclasses.replace(data, **flat, spans=chosen)


def newest(data: Data, spans: tuple[int, ...]) -> Data:
    """The same with the paths of the newest of these spans alone."""
    return resolved(dataclasses.replace(data, spans=(max(spans),))) if spans else data


def _of(pattern: str, spans: tuple[int, ...], there: dict[str, dict[int, list[str]]]) -> list[str]:
    """The files of these spans; a path without {SPAN} is the same for all."""
    return [path for span in spans for path in there[pattern][span]] if pattern in there else [pattern]


def _numbers(pattern: str) -> dict[int, list[str]]:
    """Span -> its files, sorted; `007` is span 7. A number of more digits than ML Metadata can keep is none."""
    before, *rest = pattern.split(SPAN)
    # Directories that are there under the very name are meant by it.
    start, first = parted(before)
    written = re.escape(start) + _as_regex(first) + r"(\d{1,18})" + r"\1".join(map(_as_regex, rest))
    found: dict[int, list[str]] = {}
    with readable(Path(pattern)):
        names = below(start, "*".join([first, *rest]))
    for name in names:
        if match := re.fullmatch(written, name):
            found.setdefault(int(match[1]), []).append(name)
    return found


def _as_regex(part: str) -> str:
    """A part of a glob; `glob` has judged the brackets already."""
    return (
        re.sub(r"\\\[.*?\\\]", ".", re.escape(part))
        .replace(r"\*\*/", ".*")
        .replace(r"\*", "[^/]*")
        .replace(r"\?", "[^/]")
    )

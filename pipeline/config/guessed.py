"""What a file of labelled text looks like: how its rows are read, which column is what, and which task that makes.

It goes by the first rows, and says why of each guess: a person is to read them.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

from components.common.errors import InputError
from components.rows import format_hints
from components.rows.files import require_file
from components.rows.tsv import CHUNK
from components.settings.separators import SEPARATORS
from components.tasks import tag_schemes
from components.tasks.answering.task import Answering
from components.tasks.generation.task import Generation
from pipeline.config.known_names import LABELS, PAIRS, TEXTS

ROWS = 2000
"""That are looked at."""

_FEW_NUMBERS = 10
"""Whole numbers of no more different values than that are names of classes."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

_LEAST_ROWS = 4


@dataclass(slots=True)
class Guess:
    """Settings of a run, and the reason for each."""

    task: str
    data: dict[str, object] = field(default_factory=dict)
    """Keys of `[data]` besides the files."""
    reasons: dict[str, str] = field(default_factory=dict)
    """`task` or a key of `data` -> why."""
    labels: Counter[str] = field(default_factory=Counter)
    """Of the rows that were looked at; of numbers nothing."""
    rows: int = 0

    def set(self, key: str, value: object, why: str) -> None:
        """States a key."""
        self.data[key], self.reasons[key] = value, why


def guess(path: Path, given: Mapping[str, str]) -> Guess:
    """What a file looks like.

    Args:
        path: the file.
        given: `task`, `text` or `label`, where a person has said it.

    Raises:
        InputError: it is empty, not UTF-8, or nothing that a run could read, as it looks.
    """
    require_file(path, "Give one file")
    lines = _lines(path)
    if format_hints.is_conllu(lines):
        found = Guess("word_tags", reasons={"task": "a word a line with its part of speech"})
        found.set("format", "conllu", "ten columns between tabs")
        return found
    if columns := format_hints.conll(lines):
        return _of_conll(lines, columns)
    return _of_rows(path, lines, given)


def _lines(path: Path) -> list[str]:
    try:
        if path.suffix != ".gz":
            # In parts: it may be larger than memory.
            with path.open(encoding="utf-8") as text:
                while text.read(CHUNK):
                    pass
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        with path.open("rb") as file:
            best = from_bytes(file.read(1 << 16)).best()
        looks = best.encoding if best else "none that is known"
        remedy = f"Write it as UTF-8: iconv -f {looks} -t utf-8 {path.name} > {path.stem}.utf8{path.suffix}"
        raise InputError(str(path), f"not UTF-8, its characters look like those of {looks}", remedy) from None
    found = format_hints.first_lines(path, ROWS, 1 << 22)
    if sum(bool(line.strip()) for line in found) < _LEAST_ROWS:
        raise InputError(str(path), f"fewer than {_LEAST_ROWS} lines, too few to tell what they are", "Give more rows")
    return found


def _of_conll(lines: Sequence[str], columns: Sequence[int]) -> Guess:
    rows = [re.findall(r"[^ \t]+", line) for line in lines if not line.startswith(("# ", "-DOCSTART-"))]
    label = columns[-1]
    tags = {tag_schemes.canonical(row[label - 1]) for row in rows if row}
    is_entities = all(map(tag_schemes.is_tag, tags)) and len(tags) > 1
    found = Guess("tagging" if is_entities else "word_tags")
    found.reasons["task"] = (
        f"a token a line, and column {label} has tags {'of entities' if is_entities else 'of words'}"
    )
    found.set("format", "conll", "an empty line between sentences")
    found.set("text", 1, "tokens stand in the first column")
    found.set("label", label, f"tags as {', '.join(sorted(tags)[:4])}")
    if is_entities and (scheme := _scheme(rows, label)) != "bio":
        found.set("scheme", scheme, "how entities begin and end")
    return found


def _scheme(rows: Sequence[Sequence[str]], label: int) -> str:
    tags = [tag_schemes.canonical(row[label - 1]) if row else "O" for row in rows]
    if any(tag[0] in "ESLU" and tag != "O" for tag in tags):
        return "bioes"
    for before, tag in zip(["O", *tags], tags, strict=False):
        if tag.startswith("I-") and before[2:] != tag[2:]:
            return "iob1"
    return "bio"


def _of_rows(path: Path, lines: Sequence[str], given: Mapping[str, str]) -> Guess:
    found = Guess("classification")
    rows = _fields(path, lines, found)
    columns = list(zip(*rows, strict=True))
    names = _names(columns, found)
    body = [column[1:] if names else column for column in columns]
    found.rows = len(body[0])
    if not found.rows:
        raise InputError(str(path), "has a header, as it looks, and no row below it", "Give more rows")
    texts, label = _roles(path, names, body, found, given)
    _task(found, [body[place] for place in texts], body[label], given)
    if not names and len(columns) > max(*texts, label) + 1:
        found.set("columns", len(columns), "fields of each row")
    return found


def _fields(path: Path, lines: Sequence[str], found: Guess) -> list[list[str]]:
    """Rows of equal width, by what separates and quotes their fields best."""
    tried: dict[tuple[str, str], list[list[str]]] = {}
    for separator in SEPARATORS:
        if separator == "\t":
            tried[separator, "none"] = [line.split("\t") for line in lines if line]
        tried[separator, "csv"] = _quoted(lines, separator)
    usable = {
        how: rows for how, rows in tried.items() if rows and len(rows[0]) > 1 and len({len(r) for r in rows}) == 1
    }
    if not usable:
        known = ", ".join(f"{name}s" for name in SEPARATORS.values())
        problem = f"its lines do not fall into equally many fields between {known}"
        raise InputError(str(path), problem, "A row is a line of text and label with a tab between; correct the file")
    quoted = any(line.startswith('"') for line in lines)
    # Tabs seldom stand in a text; commas do. A quote at a line's start is hardly a text's own where all can be read so.
    order = sorted(usable, key=lambda how: (how[0] != "\t", (how[1] == "none") == quoted, -len(usable[how][0])))
    separator, quoting = order[0]
    if separator == "\t" and quoting == "csv" and not quoted:
        quoting = "none"
    if separator != "\t":
        found.set("separator", separator, f"{SEPARATORS[separator]}s between {len(usable[order[0]][0])} fields")
    elif quoting == "csv":
        found.set("quoting", "csv", "fields are quoted as pandas and spreadsheets write them")
    return usable[order[0]]


def _quoted(lines: Sequence[str], separator: str) -> list[list[str]]:
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=separator, strict=True)
    rows = []
    try:
        for row in reader:
            if row:
                rows.append(row)
    except csv.Error:
        # A field may be quoted across the last line that is looked at.
        return rows if reader.line_num == len(lines) and len(lines) >= ROWS else []
    return rows


def _names(columns: Sequence[Sequence[str]], found: Guess) -> list[str]:
    """The first row's fields, if they are names; else none."""
    first = [column[0].strip() for column in columns]
    known = {*TEXTS, *LABELS, *(name for pair in PAIRS for name in pair), "id", "idx", "index"}
    lowered = [name.lower() for name in first]
    why = ""
    if len(set(lowered)) < len(lowered) or not all(lowered):
        why = ""
    elif any(name in known for name in lowered):
        why = f"line 1 has the names {', '.join(first)}"
    elif any(
        not _is_number(name) and all(map(_is_number, column[1:])) for name, column in zip(first, columns, strict=True)
    ):
        why = "line 1 has a word where the others have numbers"
    elif all(
        re.fullmatch(r"\w{1,30}", name) and name not in column[1:] for name, column in zip(first, columns, strict=True)
    ):
        # Words that no other row has, in every column.
        why = f"line 1 has single words that no other line has: {', '.join(first)}"
    if not why:
        found.set("header", False, "line 1 looks like a row")
        return []
    return first


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text.strip()) is not None


def _words(column: Sequence[str]) -> float:
    return mean(len(value.split()) for value in column)


def _roles(
    path: Path, names: Sequence[str], body: Sequence[Sequence[str]], found: Guess, given: Mapping[str, str]
) -> tuple[list[int], int]:
    """Places of the texts and of the label, by their names, else by what stands in them."""
    lowered = [name.lower() for name in names]
    label = _place(path, given.get("label"), names, body) if "label" in given else None
    texts = [_place(path, name, names, body) for name in given["text"].split(",")] if "text" in given else []
    why_texts = why_label = "as you said"
    if not texts and (pair := next((pair for pair in PAIRS if set(pair) <= set(lowered)), None)):
        texts, why_texts = [lowered.index(name) for name in pair], "by their names"
    if not texts and (name := next((name for name in TEXTS if name in lowered), None)):
        texts, why_texts = [lowered.index(name)], "by its name"
    if not texts and {*lowered} == {*Generation.texts, Generation.target}:
        texts, why_texts = [lowered.index(name) for name in Generation.texts], "by its name"
    if label is None and (name := next((name for name in LABELS if name in lowered), None)):
        label, why_label = lowered.index(name), "by its name"
    free = [place for place in range(len(body)) if place not in texts and place != label]
    if not texts:
        longest = max(free, key=lambda place: _words(body[place]), default=None)
        if longest is None:
            raise InputError(str(path), "has no column that looks like texts", "Name it by --text")
        texts, why_texts = [longest], "the longest texts"
        free.remove(longest)
        near = [
            p for p in free if _words(body[p]) >= max(2.0, 0.3 * _words(body[longest])) and _distinct(body[p]) > 0.5
        ]
        if label is None and len(free) - len(near) >= 1 and len(near) == 1:
            texts, why_texts = sorted([longest, near[0]]), "two columns of texts"
            free.remove(near[0])
    if label is None:
        # Numbers of rows, and what is another in every row, are no labels.
        usable = [p for p in free if len(set(body[p])) > 1 and not _is_index(body[p])]
        usable = [p for p in usable if _distinct(body[p]) < 0.6 or all(map(_is_number, body[p])) or len(body[p]) < 40]
        if not usable:
            raise InputError(str(path), "has no column that looks like labels", "Name it by --label")
        label = min(usable, key=lambda place: (len(set(body[place])), place))
        why_label = f"{len(set(body[label])):,} different values in {len(body[label]):,} rows"
    texts_as: list[object] = [names[place] if names else place + 1 for place in texts]
    found.set("text", texts_as if len(texts_as) > 1 else texts_as[0], why_texts)
    found.set("label", names[label] if names else label + 1, why_label)
    of_answering = list(Answering.texts), Answering.target
    if (found.data["text"], found.data["label"]) == of_answering and "start" in names:
        found.set("start", "start", "where an answer begins, by its name")
    return texts, label


def _place(path: Path, wanted: str | None, names: Sequence[str], body: Sequence[Sequence[str]]) -> int:
    if wanted in names:
        return names.index(wanted)
    if wanted and wanted.isdecimal() and 1 <= int(wanted) <= len(body):
        return int(wanted) - 1
    known = ", ".join(names) or f"1 to {len(body)}"
    raise InputError(str(path), f"has no column {wanted!r}", f"Its columns: {known}")


def _distinct(column: Sequence[str]) -> float:
    return len(set(column)) / len(column)


def _is_index(column: Sequence[str]) -> bool:
    whole = all(value.strip().isdecimal() for value in column)
    return whole and len(set(column)) == len(column) and sorted(map(int, column)) == list(map(int, column))


def _task(found: Guess, texts: Sequence[Sequence[str]], labels: Sequence[str], given: Mapping[str, str]) -> None:
    values, is_pair = set(labels), len(texts) > 1
    numbers = all(map(_is_number, values))
    whole = numbers and all(float(value).is_integer() for value in values)
    parts = [set(value.split("|")) for value in labels]
    paired = list(zip(texts[0], labels, strict=True))
    if (found.data["text"], found.data["label"]) == (list(Answering.texts), Answering.target):
        task, why = Answering.name, "its columns are those of questions, contexts and answers"
    elif ([found.data["text"]], found.data["label"]) == (list(Generation.texts), Generation.target):
        task, why = Generation.name, "its columns are those of sources and targets"
    elif any(" " in tags for tags in labels) and all(
        len(text.split(" ")) == len(tags.split(" ")) for text, tags in paired
    ):
        flat = {tag_schemes.canonical(tag) for tags in labels for tag in tags.split(" ")}
        task = "tagging" if all(map(tag_schemes.is_tag, flat)) else "word_tags"
        why = "each row has as many tags as words"
    elif any("|" in value for value in labels) and len(set().union(*parts)) < len(values) + 2:
        task, why = "multilabel", "a | stands between the labels of a row"
    elif numbers and not (whole and len(values) <= _FEW_NUMBERS):
        task, why = "similarity" if is_pair else "regression", f"labels are numbers, {len(values):,} different ones"
    else:
        task = "pair" if is_pair else "classification"
        why = f"{len(values):,} classes" + (" of pairs of texts" if is_pair else "")
    if task == "multilabel" and "" in labels:
        found.set("allow_no_label", True, "some rows have none")
    if "task" in given:
        task, why = given["task"], "as you said"
    found.task, found.reasons["task"] = task, why
    if task in ("classification", "pair"):
        found.labels = Counter(labels)
    if (
        task == "tagging"
        and (scheme := _scheme([[tag] for tags in labels for tag in (*tags.split(" "), "O")], 1)) != "bio"
    ):
        found.set("scheme", scheme, "how entities begin and end")

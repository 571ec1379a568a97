"""Dates and amounts, and what they are spelled out: pairs made by rule, for a model that writes.

Everything is lower-case, as an uncased vocabulary gives it. Row i is drawn by the sha256 of `i` and what is drawn, so
the files are the same bytes everywhere; no source stands twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from data.sources import key, tsv

ROWS = {"train": 5000, "dev": 500, "test": 500}

_ONES = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
    """.split()  # noqa: SIM905

_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905

_MONTHS = """
    january february march april may june july august september october november december
    """.split()  # noqa: SIM905

_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}

_ORDINALS |= {"twelve": "twelfth", "twenty": "twentieth", "thirty": "thirtieth"}

_SENTENCES = (
    ("{date}", "{date}"),
    ("{amount}", "{amount}"),
    ("paid {amount} on {date}.", "paid {amount} on {date}."),
    ("due {date}: {amount}", "due {date}: {amount}"),
    ("from {date} it costs {amount}.", "from {date} it costs {amount}."),
    ("{amount} ({date})", "{amount} ({date})"),
)


def number(value: int) -> str:
    """A number from 0 to 9,999 in words: `two hundred four`, `thirty-one`."""
    parts = []
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if value >= size:
            parts += [number(value // size), name]
            value %= size
    if value >= 20:
        ten, one = divmod(value, 10)
        parts.append(_TENS[ten - 2] + (f"-{_ONES[one]}" if one else ""))
    elif value or not parts:
        parts.append(_ONES[value])
    return " ".join(parts)


def ordinal(value: int) -> str:
    """A number from 1 to 31 as a day: `twenty-first`."""
    head, dash, last = number(value).rpartition("-")
    return head + dash + _ORDINALS.get(last, f"{last}th")


def date(day: int, month: int, year: int) -> str:
    """`march fourteenth, nineteen ninety-eight`; years from 1900 to 2029."""
    century, rest = divmod(year, 100)
    if year in (1900, 2000):
        spoken = "nineteen hundred" if year == 1900 else "two thousand"
    elif rest < 10:
        spoken = f"two thousand {number(rest)}" if century == 20 else f"nineteen oh {number(rest)}"
    else:
        spoken = f"{number(century)} {number(rest)}"
    return f"{_MONTHS[month - 1]} {ordinal(day)}, {spoken}"


def amount(dollars: int, cents: int) -> str:
    """`twelve dollars and forty cents`."""
    whole = f"{number(dollars)} dollar{'s' * (dollars != 1)}"
    return f"{whole} and {number(cents)} cent{'s' * (cents != 1)}" if cents else whole


def pairs(count: int) -> Iterator[tuple[str, str]]:
    """So many different sources and their targets."""
    seen: set[str] = set()
    place = 0
    while len(seen) < count:
        source, target = _pair(place)
        place += 1
        if source not in seen:
            seen.add(source)
            yield source, target


def _pair(place: int) -> tuple[str, str]:
    def drawn(what: str, most: int) -> int:
        return key(f"{place} {what}") % most

    day, month, year = drawn("day", 28) + 1, drawn("month", 12) + 1, 1900 + drawn("year", 130)
    # Small amounts are more frequent than large ones.
    dollars = 1 + drawn("dollars", 10 ** (1 + drawn("digits", 4)) - 1)
    cents = drawn("cents", 100) if drawn("has cents", 3) else 0
    source, target = _SENTENCES[drawn("sentence", len(_SENTENCES))]
    written = f"${dollars:,}" + (f".{cents:02}" if cents else "")
    return (
        source.format(date=f"{month}/{day}/{year}", amount=written),
        target.format(date=date(day, month, year), amount=amount(dollars, cents)),
    )


def files() -> dict[str, bytes]:
    """The content of train.tsv, dev.tsv and test.tsv."""
    made = pairs(sum(ROWS.values()))
    found = {}
    for split, count in ROWS.items():
        found[f"{split}.tsv"] = tsv("source\ttarget", map("\t".join, islice(made, count)))
    return found

"""The rule-based pairs: what is spelled out how, and that the files are those of the catalogue."""

import hashlib
from pathlib import Path

import pytest

from data import fetch, spelled_out
from data.samples import SAMPLES


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (81, "eighty-one"),
        (204, "two hundred four"),
        (1204, "one thousand two hundred four"),
        (9999, "nine thousand nine hundred ninety-nine"),
    ],
)
def test_numbers(value: int, words: str) -> None:
    assert spelled_out.number(value) == words


def test_dates_and_amounts() -> None:
    days = [spelled_out.ordinal(day) for day in (1, 2, 3, 4, 5, 8, 9, 12, 20, 21, 30)]
    assert " ".join(days) == "first second third fourth fifth eighth ninth twelfth twentieth twenty-first thirtieth"
    assert spelled_out.date(14, 3, 1998) == "march fourteenth, nineteen ninety-eight"
    years = [spelled_out.date(1, 1, year).partition(", ")[2] for year in (1900, 1905, 2000, 2008, 2021)]
    assert years == ["nineteen hundred", "nineteen oh five", "two thousand", "two thousand eight", "twenty twenty-one"]
    assert spelled_out.amount(12, 40) == "twelve dollars and forty cents"
    assert spelled_out.amount(1, 1) == "one dollar and one cent"


def test_no_source_stands_twice_and_the_bytes_are_the_catalogues() -> None:
    made = spelled_out.files()
    assert {name: hashlib.sha256(data).hexdigest() for name, data in made.items()} == SAMPLES["spelled-out"].files
    sources = [line.split("\t")[0] for data in made.values() for line in data.decode().splitlines()[1:]]
    assert len(set(sources)) == len(sources) == sum(spelled_out.ROWS.values())


def test_it_is_made_without_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(fetch, "download")
    said: list[str] = []
    folder = fetch.fetch("spelled-out", tmp_path, said.append)
    assert said[0] == f"spelled-out: {folder / 'train.tsv'}, 5,000 rows"

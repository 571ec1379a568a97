import hashlib
from collections import Counter

import pytest

from components.rows import reader, splits
from components.rows.reader import Row
from tests.components.rows.reading import Write, headerless


@pytest.mark.parametrize(
    ("fields", "place", "split"),
    [
        (["b", "pos"], 74, "train"),
        (["o", "pos"], 80, "dev"),
        (["n", "pos"], 88, "dev"),
        (["a", "neg"], 93, "test"),
    ],
)
def test_the_hash_of_a_row_decides_its_split(fields: list[str], place: int, split: str) -> None:
    # Literal, so that no change of the code deals the rows of a data set anew.
    digest = hashlib.blake2b("\t".join(fields).encode(), digest_size=8).hexdigest()
    assert int(digest, 16) % 100 == place
    assert splits.split_of(fields, {"train": 80, "dev": 10, "test": 10}) == split


def test_equal_rows_go_to_the_same_split_whatever_their_file_and_line(write: Write) -> None:
    one = write("".join(f"row {number}\tpos\n" for number in range(200)), "one.tsv")
    two = write("".join(f"row {number}\tpos\r\n" for number in reversed(range(200))), "two.tsv.bak")
    given = headerless(train=(), dev=(), files=(str(one),))
    split_of_text = [
        {row.texts: row.split for row in reader.read_rows(path, None, given) if isinstance(row, Row)}
        for path in (one, two)
    ]
    assert split_of_text[0] == split_of_text[1]
    assert set(split_of_text[0].values()) == {"train", "dev", "test"}


def test_the_shares_of_10000_rows_are_nearly_those_wanted() -> None:
    dealt = Counter(
        splits.split_of([f"row {number}", "pos"], {"train": 6, "dev": 3, "test": 1}) for number in range(10000)
    )
    # Three standard deviations of a binomial are 147, 137 and 90 rows.
    assert abs(dealt["train"] - 6000) < 147
    assert abs(dealt["dev"] - 3000) < 137
    assert abs(dealt["test"] - 1000) < 90


def test_a_split_without_a_share_gets_no_row() -> None:
    assert {splits.split_of([str(number)], {"train": 1, "dev": 1}) for number in range(100)} == {"train", "dev"}

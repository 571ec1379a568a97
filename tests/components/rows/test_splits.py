import hashlib
from collections import Counter

import pytest

from components.rows import reader, splits
from components.rows.reader import Row
from components.rows.splits import text_hash
from components.rows.tsv import BadRow
from components.settings.data import Split
from tests.components.rows.reading import Write, data, headerless, message

SHARES: dict[Split, int] = {"train": 80, "dev": 10, "test": 10}


@pytest.mark.parametrize(
    ("texts", "place", "split"),
    [
        (["text 34"], 79, "train"),
        (["text 31"], 80, "dev"),
        (["text 173"], 89, "dev"),
        (["text 2"], 90, "test"),
        (["a", "b"], 67, "train"),
    ],
)
def test_the_hash_of_the_texts_decides_their_split(texts: list[str], place: int, split: str) -> None:
    # Literal, so that no change of the code deals the rows of a data set anew.
    digest = hashlib.blake2b("\t".join(texts).encode(), digest_size=8).hexdigest()
    assert int(digest, 16) % 100 == place
    assert splits.split_of(texts, None, SHARES) == split


def test_texts_that_differ_in_white_space_and_case_alone_have_one_hash() -> None:
    assert {text_hash([text]) for text in ("A  film ", "a film", "a\u00a0FILM", " a\tfilm")} == {text_hash(["a film"])}
    assert text_hash(["Cafe\u0301"]) == text_hash(["café"])
    assert text_hash(["a film"]) != text_hash(["afilm"])


def test_two_texts_are_told_from_one_and_in_their_order_where_it_counts() -> None:
    assert len({text_hash(texts) for texts in (["a", "b"], ["b", "a"], ["a b"], ["ab"])}) == 4
    assert text_hash(["a", "b"], ordered=False) == text_hash(["b", "a"], ordered=False)
    assert splits.split_of(["b", "a"], None, SHARES) == splits.split_of(["a", "b"], None, SHARES)


def test_neither_label_nor_other_columns_have_a_part_in_the_split(write: Write) -> None:
    path = write("".join(f"{number}\ttext {number // 4}\t{'pos' if number % 2 else 'neg'}\n" for number in range(200)))
    given = headerless(train=(), dev=(), files=(str(path),), text=2, label=3)
    found: dict[str, set[str]] = {}
    for row in reader.read_rows(path, None, given):
        assert isinstance(row, Row)
        found.setdefault(row.texts[0], set()).add(row.split)
    assert len(found) == 50
    assert {len(split) for split in found.values()} == {1}
    assert set.union(*found.values()) == {"train", "dev", "test"}


def test_the_hash_of_the_texts_decides_whether_a_row_of_dev_is_held_back() -> None:
    # Literal, so that no change of the code deals the rows of a data set anew.
    digest = int(hashlib.blake2b(b"a\tb\tgate", digest_size=8).hexdigest(), 16)
    share = digest / 256**8
    assert splits.is_held_back(["b", "a"], None, share + 1e-6)
    assert not splits.is_held_back(["b", "a"], None, share - 1e-6)
    assert splits.is_held_back(["x"], "A", 0.5) == splits.is_held_back(["y"], " a", 0.5)


def test_rows_of_dev_alone_are_held_back_wherever_they_stand(write: Write) -> None:
    path = write("".join(f"text {number % 500}\tpos\n" for number in range(1000)))
    other = write("".join(f"Text  {number}\tneg\n" for number in reversed(range(500))), "other.tsv")
    given = headerless(train=(str(path),), dev=(str(path),), held_back=0.3)
    assert given.splits == ("train", "dev", "gate")
    assert {row.split for row in reader.read_rows(path, "train", given) if isinstance(row, Row)} == {"train"}
    sides = []
    for file in (path, other):
        rows = [row for row in reader.read_rows(file, "dev", given) if isinstance(row, Row)]
        sides.append({row.texts[0].lower().split()[1]: row.split for row in rows})
    assert sides[0] == sides[1]
    assert Counter(sides[0].values())["gate"] == pytest.approx(150, abs=40)


def test_of_rows_that_a_hash_deals_those_of_dev_are_held_back_too(write: Write) -> None:
    path = write("".join(f"text {number}\tpos\tauthor {number // 4}\n" for number in range(4000)))
    plain = headerless(train=(), dev=(), files=(str(path),), group=3)
    given = headerless(train=(), dev=(), files=(str(path),), group=3, held_back=0.5)
    assert given.splits == ("train", "dev", "gate", "test")
    before, after = (
        [row.split for row in reader.read_rows(path, None, of) if isinstance(row, Row)] for of in (plain, given)
    )
    assert before == ["dev" if split == "gate" else split for split in after]
    assert Counter(after)["gate"] == pytest.approx(Counter(before)["dev"] / 2, rel=0.3)
    assert {len(set(after[at : at + 4])) for at in range(0, 4000, 4)} == {1}


def test_rows_of_one_group_go_the_same_way_whatever_their_texts(write: Write) -> None:
    path = write("".join(f"text {number}\tpos\tauthor {number // 10}\n" for number in range(400)))
    given = headerless(train=(), dev=(), files=(str(path),), group=3)
    found: dict[int, set[str]] = {}
    for row in reader.read_rows(path, None, given):
        assert isinstance(row, Row)
        found.setdefault((row.line - 1) // 10, set()).add(row.split)
    assert {len(split) for split in found.values()} == {1}
    assert set.union(*found.values()) == {"train", "dev", "test"}


def test_a_group_may_be_one_of_the_texts_or_a_slice(write: Write) -> None:
    path = write("question\ta\tpos\nquestion\tb\tneg\n")
    given = headerless(task="pair", train=(), dev=(), files=(str(path),), text=(1, 2), label=3, group=1)
    assert len({row.split for row in reader.read_rows(path, None, given) if isinstance(row, Row)}) == 1
    headed = write("text\tlabel\tauthor\na\tpos\tA1\nb\tneg\ta1\n", "headed.tsv")
    given = data(train=(), dev=(), files=(str(headed),), group="author", slices=("author",))
    assert len({row.split for row in reader.read_rows(headed, None, given) if isinstance(row, Row)}) == 1


def test_a_row_without_a_group_is_a_bad_one(write: Write) -> None:
    path = write("a\tpos\tone\nb\tneg\t \n")
    given = headerless(train=(), dev=(), files=(str(path),), group=3)
    *_, bad = reader.read_rows(path, None, given)
    problem, remedy = "the group (field 3) is empty", "Give each row a group, one of its own if need be"
    assert bad == BadRow(str(path), 2, problem, remedy)


def test_a_group_column_that_the_header_lacks_is_an_error(write: Write) -> None:
    path = write("text\tlabel\tauthor\na\tpos\tA1\n")
    given = data(train=(), dev=(), files=(str(path),), group="autor")
    assert message(lambda: list(reader.read_rows(path, None, given))) == (
        f"{path}:1: data.group is 'autor', the header has 'text', 'label', 'author'. Did you mean 'author'? "
        "Correct data.group, or if line 1 is a row, set data.header = false and give the columns as numbers."
    )


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
        splits.split_of([f"row {number}"], None, {"train": 6, "dev": 3, "test": 1}) for number in range(10000)
    )
    # Three standard deviations of a binomial are 147, 137 and 90 rows.
    assert abs(dealt["train"] - 6000) < 147
    assert abs(dealt["dev"] - 3000) < 137
    assert abs(dealt["test"] - 1000) < 90


def test_a_split_without_a_share_gets_no_row() -> None:
    assert {splits.split_of([str(number)], None, {"train": 1, "dev": 1}) for number in range(100)} == {"train", "dev"}

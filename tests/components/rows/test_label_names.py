from pathlib import Path
from typing import Any

import pytest

from components.rows import label_names, reader
from components.rows.files import InputFiles
from components.rows.reader import Row
from components.settings.data import Data
from components.tasks import Task
from components.tasks.classification import Classification
from components.tasks.multilabel import Multilabel
from components.tasks.tagging import Tagging
from tests.components.rows.reading import Write, data, headerless, message


def test_label_names_are_those_listed_in_their_order() -> None:
    assert label_names.task_of([], data(labels=("pos", "neg"))).labels == ("pos", "neg")


def test_label_names_are_those_of_good_rows_in_train_sorted(write: Write) -> None:
    train = write("a\tpos\nb\tneg\nc\tAll\n\tempty text\n", "train.txt")
    dev = write("a\tonly in dev\n", "dev.txt")
    assert label_names.task_of([("train", train), ("dev", dev)], headerless()).labels == ("All", "neg", "pos")


def test_label_names_of_a_split_by_hash_are_those_that_fall_into_train(write: Write) -> None:
    # In this order train, train, test, dev.
    path = write("b\tpos\nb\tneg\n5\todd\nx\todd\n")
    given = headerless(train=(), dev=(), files=(str(path),))
    assert [row.split for row in reader.read_rows(path, None, given) if isinstance(row, Row)] == [
        "train",
        "train",
        "test",
        "dev",
    ]
    assert label_names.task_of([(None, path)], given).labels == ("neg", "pos")


@pytest.mark.parametrize(
    ("content", "held"), [("a\tpos\nb\tpos\n", "the one label 'pos'"), ("", "no label"), ("\tpos\n", "no label")]
)
def test_less_than_two_labels_are_refused(write: Write, content: str, held: str) -> None:
    path = write(content)
    assert message(label_names.task_of, [("train", path)], headerless()) == (
        f"{path}: train holds {held}, at least 2 are needed. Add rows of another class, or correct data.label."
    )


def test_more_than_1000_labels_are_taken_for_another_column(write: Write) -> None:
    path = write("".join(f"a\ttext {number:04}\n" for number in range(1001)))
    assert message(label_names.task_of, [("train", path)], headerless()) == (
        f"{path}: more than 1000 different labels ('text 0000', 'text 0001', 'text 0002', ...). "
        "Is data.label the right column? If so, list them in data.labels."
    )
    path = write("".join(f"a\t{number:04}\n" for number in range(1000)))
    assert len(label_names.task_of([("train", path)], headerless()).labels) == 1000


def test_the_files_that_may_hold_rows_of_train_are_read_by_whatever_reads_them() -> None:
    files: InputFiles = [("train", Path("one")), ("dev", Path("two")), (None, Path("three"))]

    def read(train: InputFiles, given: Data, task: Task) -> dict[Path, set[str]]:
        assert [path.name for _, path in train] == ["one", "three"]
        return {Path("one"): {"pos", "neg"}, Path("three"): {"odd", "neg"}}

    assert label_names.task_of(files, data(), read).labels == ("neg", "odd", "pos")
    assert label_names.task_of(files, data(labels=("b", "a")), read).labels == ("b", "a")


ROWS = "good film\tpos\nbad film\tneg\nfine\tpos\ndull\tneg\n"

AS_ROW = "line 1 is read as a row, and no other row of train has its label, {!r}. It looks like a header: "

AS_HEADER = "line 1 is read as a header, but {!r}, in the column of data.label, is what rows have there. "


def headers(write: Write, given: Data, names: tuple[str, ...] = ("neg", "pos"), **files: str) -> dict[Path, str]:
    found = [(split, write(content, f"{split}.tsv")) for split, content in files.items()]
    return label_names.check_headers(found, given, names)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("train", "dev", "label"),
    [
        ("text\tlabel\n", "", "label"),
        ("Review_Text\tstars\n", "", "stars"),
        ("avis\tnote\n", "avis\tnote\nbad\tneg\n", "note"),
    ],
)
def test_a_header_is_no_row(write: Write, train: str, dev: str, label: str) -> None:
    found = message(lambda: headers(write, headerless(), train=train + ROWS, dev=dev + "bad\tneg\n"))
    assert AS_ROW.format(label) in found
    assert "train.tsv:1: " in found


@pytest.mark.parametrize(
    ("train", "dev"),
    [
        # The only row of its class, the same row in a copy of the file, and a header's word that is a class.
        ("odd film\todd\n" + ROWS, ROWS),
        ("odd film\todd\n" + ROWS, "odd film\todd\n" + ROWS),
        ("text\tlabel\nmore\tlabel\n" + ROWS, ROWS),
        ("a review of a film\tlabel\n" + ROWS, ROWS),
    ],
)
def test_a_row_is_no_header(write: Write, train: str, dev: str) -> None:
    headers(write, headerless(), train=train, dev=dev)


def test_a_label_of_line_1_alone_is_told_though_nobody_knows_the_words_of_the_header(write: Write) -> None:
    found = headers(write, headerless(), train="kommentar\tklasse\n" + ROWS, dev=ROWS)
    assert [(path.name, label) for path, label in found.items()] == [("train.tsv", "klasse")]
    assert headers(write, headerless(), train=ROWS, dev="kommentar\tklasse\n" + ROWS) == {}
    assert headers(write, headerless(labels=("neg", "pos")), train="a\tpos\nb\tneg\n") == {}
    # A row that breaks a rule is no class.
    assert headers(write, headerless(), train="\tklasse\n" + ROWS) == {}
    path = write("kommentar\tklasse\n" + ROWS)
    dealt = headerless(train=(), dev=(), files=(str(path),), split={"train": 9999, "dev": 1})
    assert label_names.check_headers([(None, path)], dealt, ()) == {path: "klasse"}


def test_a_header_that_a_hash_deals_to_another_split_is_left_to_the_rules(write: Write) -> None:
    path = write("text\tlabel\n" + ROWS)
    given = headerless(train=(), dev=(), files=(str(path),))
    first = next(reader.read_rows(path, None, given))
    assert isinstance(first, Row)
    assert first.split == "train"
    assert AS_ROW.format("label") in message(label_names.check_headers, [(None, path)], given, ())
    dealt = headerless(train=(), dev=(), files=(str(path),), split={"train": 1, "dev": 9999})
    label_names.check_headers([(None, path)], dealt, ())


def test_a_row_is_no_header_where_columns_are_numbers(write: Write) -> None:
    numbers = data(text=1, label=2)
    assert AS_HEADER.format("pos") in message(lambda: headers(write, numbers, train=ROWS, dev=ROWS))
    found = message(lambda: headers(write, numbers, train="text\tlabel\n" + ROWS, dev=ROWS))
    assert "dev.tsv:1: " in found


@pytest.mark.parametrize("header", ["text\tlabel", "avis\tnote", "text\tpos"])
def test_numbers_go_with_a_header_too(write: Write, header: str) -> None:
    headers(write, data(text=1, label=2), train=f"{header}\n{ROWS}", dev=f"{header}\n{ROWS}")


def test_a_column_that_is_found_by_name_stands_under_a_header(write: Write) -> None:
    headers(write, data(text=1, label="pos"), train=f"avis\tpos\n{ROWS}", dev=f"avis\tpos\n{ROWS}")


def test_a_number_and_tags_are_no_header(write: Write) -> None:
    numbers, tags = data(task="regression", text=1, label=2), data(task="tagging", text=1, label=2)
    assert AS_HEADER.format("3.5") in message(lambda: headers(write, numbers, (), train="a\t3.5\nb\t1\n"))
    assert AS_HEADER.format("B-X O") in message(lambda: headers(write, tags, ("X",), train="a b\tB-X O\n"))
    headers(write, numbers, (), train="words\tnumber\nb\t1\n")
    headers(write, tags, ("X",), train="words\tner\na b\tB-X O\n")


@pytest.mark.parametrize(
    ("task", "labels", "expected"),
    [
        (
            Classification(),
            {"good": 3, "Good": 1, "bad": 2},
            ["labels that look alike are classes of their own: 'Good' (1 row) and 'good' (3 rows)"],
        ),
        (Classification(), {"good": 3, "goods": 1, "bad": 2}, []),
        (Classification(), {"O\ufb03ce": 1, "office": 1, "b": 1}, ["'O\ufb03ce' (1 row) and 'office' (1 row)"]),
        (Classification(), {"a,b": 2, "a": 1, "b": 1}, ["'a,b' (2 rows); task = \"multilabel\" takes several"]),
        (Classification(), {"a|b": 2, "b|a": 1}, ["'a|b' (2 rows), 'b|a' (1 row); task = \"multilabel\""]),
        (Classification(), {'"bad"': 2, '"': 1, "good": 3}, ["labels in quotes: '\"bad\"' (2 rows); if"]),
        (Classification(), {"Albany, NY": 2, "Buffalo, NY": 1}, []),
        (Multilabel(), {"['a', 'b']": 1, "['b']": 1}, ["no row has several labels, and some look like it: "]),
        (Multilabel(), {"a,b": 1, "a": 1, "b": 1}, ["'a,b' (1 row); | stands between labels"]),
        (Multilabel(), {"a,b": 1, "a": 1, "b|a": 1}, []),
        (
            Classification(),
            {"b\u0430d": 1, "bad": 2, "\u043f\u043b\u043e\u0445\u043e": 2},
            ["'b\u0430d' (1 row) has letters of two alphabets"],
        ),
        (Classification(), {"\u03b1-helix": 1, "\u30c6\u30ec\u30d3 TV\u756a\u7d44": 1, "caf\u00e9": 2}, []),
        (Tagging(), {"B-PER O": 1, "B-per": 2}, ["'PER' (1 row) and 'per' (2 rows)"]),
    ],
)
def test_labels_that_look_wrong_are_told(task: Task, labels: dict[str, int], expected: list[Any]) -> None:
    found = label_names.warnings(labels, task, {})
    assert len(found) == len(expected)
    assert all(part in line for part, line in zip(expected, found, strict=True))

from pathlib import Path

import pytest

from components.rows import label_names, reader
from components.rows.files import InputFiles
from components.rows.reader import Row
from components.settings.data import Data
from components.tasks import Task
from tests.components.rows.reading import Write, data, headerless, message


def test_label_names_are_those_listed_in_their_order() -> None:
    assert label_names.task_of([], data(labels=("pos", "neg"))).labels == ("pos", "neg")


def test_label_names_are_those_of_good_rows_in_train_sorted(write: Write) -> None:
    train = write("a\tpos\nb\tneg\nc\tAll\n\tempty text\n", "train.txt")
    dev = write("a\tonly in dev\n", "dev.txt")
    assert label_names.task_of([("train", train), ("dev", dev)], headerless()).labels == ("All", "neg", "pos")


def test_label_names_of_a_split_by_hash_are_those_that_fall_into_train(write: Write) -> None:
    # In this order train, train, test, dev.
    path = write("b\tpos\nb\tneg\nw\todd\nq\todd\n")
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

from pathlib import Path

import numpy as np
import pytest

from components.common.errors import InputError
from components.leakage import duplicates
from components.leakage.duplicates import Duplicates
from components.leakage.row_hashes import Hashes, OfFile
from components.rows.reader import Row
from components.settings.validation import Validation
from components.tasks import Task
from components.tasks.classification import Classification
from components.tasks.embedding import Embedding
from components.tasks.multilabel import Multilabel
from components.tasks.pair import Pair
from components.tasks.regression import Regression

FILES = ["a.tsv", "b.tsv", "dev.tsv", "test.tsv"]


def of_file(name: str, *rows: tuple[str, ...], task: Task | None = None) -> OfFile:
    """A file of rows from line 2 on, each its texts and its label."""
    hashes = Hashes(task or Classification())
    for line, (*texts, label) in enumerate(rows, 2):
        hashes.add(Row(line, "train", tuple(texts), label, ()))
    return FILES.index(name), hashes.rows()["train"]


TRAIN = [
    of_file("a.tsv", ("a film", "good"), ("one", "bad"), ("a film", "good")),
    of_file("b.tsv", ("A  Film ", "bad"), ("two", "bad"), ("three", "good")),
]

DEV = [of_file("dev.tsv", ("new", "good"), ("TWO", "bad"), ("three", "bad"), ("another", "bad"))]

TEST = [of_file("test.tsv", ("a film", "good"), ("new", "good"))]

FOUND = duplicates.count({"train": TRAIN, "dev": DEV, "test": TEST})


def test_rows_with_equal_texts_are_counted_within_and_across_splits() -> None:
    assert FOUND["train"] == Duplicates(
        rows=6,
        repeated=2,
        contradicting=3,
        leaked={},
        examples={"repeated": [[0, 2], [0, 4]], "contradicting": [[0, 2], [1, 2]]},
    )
    assert FOUND["dev"] == Duplicates(
        rows=4, repeated=0, contradicting=0, leaked={"train": 2}, examples={"train": [[2, 3], [1, 3]]}
    )
    assert FOUND["test"].leaked == {"train": 1, "dev": 1}
    assert FOUND["test"].examples == {"train": [[3, 2], [0, 2]], "dev": [[3, 3], [2, 2]]}


def test_a_split_without_rows_and_one_without_equal_texts_have_nothing_to_say() -> None:
    found = duplicates.count({"train": [of_file("a.tsv", ("a", "x"), ("b", "x"))], "dev": []})
    assert list(found) == ["train"]
    assert duplicates.warnings(found, FILES) == []


def test_labels_contradict_each_other_only_where_they_say_something_else() -> None:
    def contradicting(task: Task, *labels: str) -> int:
        rows = [("text",) * len(task.texts) + (label,) for label in labels]
        return duplicates.count({"train": [of_file("a.tsv", *rows, task=task)]})["train"].contradicting

    assert contradicting(Classification(), "x", "y", "x") == 3
    assert contradicting(Multilabel(), "x|y", "y|x") == 0
    assert contradicting(Multilabel(), "x|y", "x") == 2
    assert contradicting(Regression(), "3", "3.0") == 0
    assert contradicting(Regression(), "3", "4") == 2


def test_the_order_of_two_texts_counts_where_the_encoder_reads_them_together() -> None:
    rows = [("a", "b", "1"), ("b", "a", "1")]
    repeated = [
        duplicates.count({"train": [of_file("a.tsv", *rows, task=task)]})["train"].repeated
        for task in (Pair(), Embedding())
    ]
    assert repeated == [0, 1]


def test_large_shares_are_warned_of_whatever_the_limits_are() -> None:
    assert duplicates.warnings(FOUND, FILES) == [
        "train: the texts of 3 of 6 rows (50.00%) stand in train with another label too, as a.tsv:2 and b.tsv:2",
        "train: the texts of 2 of 6 rows (33.33%) stand in train before, as a.tsv:2 and a.tsv:4",
        "dev: the texts of 2 of 4 rows (50.00%) stand in train too, as dev.tsv:3 and b.tsv:3",
        "test: the texts of 1 of 2 rows (50.00%) stand in train too, as test.tsv:2 and a.tsv:2",
        "test: the texts of 1 of 2 rows (50.00%) stand in dev too, as test.tsv:3 and dev.tsv:2",
    ]
    few = Duplicates(
        rows=100,
        repeated=20,
        contradicting=1,
        leaked={"train": 5},
        examples={name: [[0, 2], [1, 2]] for name in ("repeated", "contradicting", "train")},
    )
    assert duplicates.warnings({"train": few}, FILES) == []


def test_a_share_just_at_its_limit_is_let_through_and_one_above_it_is_not() -> None:
    assert duplicates.beyond(FOUND, FILES, Validation()) == []
    strict = Validation(max_leaked_share=0.4, max_duplicate_share=1 / 3, max_contradicting_share=0.49)
    assert duplicates.beyond(FOUND, FILES, strict) == [
        "train: the texts of 3 of 6 rows (50.00%) stand in train with another label too, as a.tsv:2 and b.tsv:2; "
        "validation.max_contradicting_share is 49.00%",
        "dev: the texts of 2 of 4 rows (50.00%) stand in train too, as dev.tsv:3 and b.tsv:3; "
        "validation.max_leaked_share is 40.00%",
        "test: the texts of 1 of 2 rows (50.00%) stand in train too, as test.tsv:2 and a.tsv:2; "
        "validation.max_leaked_share is 40.00%",
    ]
    repeated = duplicates.beyond(FOUND, FILES, Validation(max_duplicate_share=0.33))
    assert repeated == [
        "train: the texts of 2 of 6 rows (33.33%) stand in train before, as a.tsv:2 and a.tsv:4; "
        "validation.max_duplicate_share is 33.00%"
    ]


def test_a_finding_names_files_as_they_are_called_now() -> None:
    moved = [f"/elsewhere/{name}" for name in FILES]
    assert duplicates.warnings({"dev": FOUND["dev"]}, moved)[0].endswith(
        "as /elsewhere/dev.tsv:3 and /elsewhere/b.tsv:3"
    )


def test_a_refusal_says_what_helps_where_data_files_deal_the_rows_already() -> None:
    with pytest.raises(InputError) as caught:
        duplicates.refuse(FOUND, FILES, Validation(max_leaked_share=0.4), "run.toml")
    assert str(caught.value).endswith(
        "validation.max_leaked_share is 40.00%.\nTake such rows out of one of the splits, let data.files deal them "
        "(with data.group, give equal texts one group, or leave out data.group), or raise the limit."
    )


def test_what_was_found_comes_back_from_its_file(tmp_path: Path) -> None:
    duplicates.write(tmp_path, FOUND)
    assert duplicates.read(tmp_path) == FOUND


def test_a_million_rows_are_counted_as_ten_are() -> None:
    rows = np.zeros(1_000_000, DEV[0][1].dtype)
    rows["texts"] = np.arange(1_000_000) // 2
    rows["label"] = np.arange(1_000_000) % 4 // 3
    rows["line"] = np.arange(1_000_000)
    found = duplicates.count({"train": [(0, rows)]})["train"]
    # Every second pair of rows has two labels.
    assert (found.repeated, found.contradicting) == (500_000, 500_000)
    assert found.examples == {"repeated": [[0, 0], [0, 1]], "contradicting": [[0, 2], [0, 3]]}

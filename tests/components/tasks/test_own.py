"""A task of another package, found by its entry point."""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components import tasks
from components.common.errors import InputError
from components.rows.reader import Row, read_rows
from components.rows.tsv import BadRow
from components.settings.data import Data
from components.tasks import BUILT_IN, TASKS, own
from components.tasks.classification import Classification
from components.tasks.own import MissingTaskError
from pipeline.runs import cache_key
from tests import own_task

Installed = Callable[..., Path]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Installs the package of docs/tasks.md's example."""

    def install(folder: str = "site", **options: Any) -> Path:
        monkeypatch.syspath_prepend(own_task.install(tmp_path / folder, **options))
        monkeypatch.delitem(sys.modules, "grade_task", raising=False)
        return tmp_path / folder

    return install


def grade() -> Any:
    return TASKS["grade"](("1", "2", "3"))


def test_a_package_that_is_installed_adds_its_task(installed: Installed) -> None:
    assert "grade" not in TASKS
    installed()
    assert list(TASKS) == [*BUILT_IN, "grade"]
    assert len(TASKS) == len(BUILT_IN) + 1
    task = grade()
    assert isinstance(task, Classification)
    assert task.metrics_from_counts({(0, 1): 1, (0, 2): 1})["near"] == 0.5


def test_it_travels_with_its_package_and_a_built_in_task_without(installed: Installed) -> None:
    installed()
    written = json.loads(json.dumps(tasks.to_dict(grade())))
    assert written == {"name": "grade", "package": "grade-task 1.0", "labels": ["1", "2", "3"]}
    assert tasks.from_dict(written) == grade()
    assert "package" not in tasks.to_dict(Classification())


def test_its_labels_are_learned_as_it_says(installed: Installed, tmp_path: Path) -> None:
    module = installed() / "grade_task.py"
    module.write_text(
        f"{module.read_text()}\n    def as_learned(self, label):\n        return label.removeprefix('grade ')\n"
    )
    path = tmp_path / "train.tsv"
    path.write_text("text\tlabel\na film\tgrade 3\n")
    data = Data(task="grade", train=(str(path),), dev=(str(path),))
    assert [row.label for row in read_rows(path, "train", data) if isinstance(row, Row)] == ["3"]


def test_rows_of_a_multilabel_one_may_have_no_label(installed: Installed, tmp_path: Path) -> None:
    (installed() / "grade_task.py").write_text(
        "import dataclasses\nfrom components.tasks.multilabel import Multilabel\n"
        "@dataclasses.dataclass(frozen=True)\nclass Grade(Multilabel):\n    name = 'grade'\n"
    )
    path = tmp_path / "train.tsv"
    path.write_text("text\tlabel\na film\t\n")
    data = Data(task="grade", train=(str(path),), dev=(str(path),))
    (row,) = read_rows(path, "train", data)
    assert isinstance(row, BadRow)
    assert row.remedy.endswith("if rows may have none of the labels, set data.allow_no_label = true")
    (row,) = read_rows(path, "train", dataclasses.replace(data, allow_no_label=True))
    assert isinstance(row, Row)


def test_where_its_package_is_missing_the_message_says_what_to_install() -> None:
    with pytest.raises(MissingTaskError) as caught:
        tasks.from_card({"task": {"name": "grade", "package": "grade-task 1.0", "labels": ["1", "2"]}})
    assert str(caught.value) == (
        "the task grade: its package, grade-task 1.0, is not installed here. Install grade-task==1.0 where the model "
        "is used: on Kubeflow in the image, for Beam on its workers."
    )


def test_a_package_that_knows_other_fields_is_told_with_both_versions(installed: Installed) -> None:
    installed(version="2.0")
    with pytest.raises(MissingTaskError, match=r"grade-task 1\.0, is grade-task 2\.0 here, which has other fields"):
        tasks.from_dict({"name": "grade", "package": "grade-task 1.0", "labels": [], "steps": 3})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": "pair"}, "the task pair: the package grade-task 1.0 declares a task of this name, which is built in"),
        ({"package": "other"}, "the task grade: the packages other 1.0 and grade-task 1.0 both declare it."),
    ],
)
def test_a_name_that_is_taken_is_refused(installed: Installed, options: dict[str, str], problem: str) -> None:
    installed()
    installed("other", **options)
    with pytest.raises(InputError) as caught:
        own.check_names(tasks.BUILT_IN)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import nothing_of_this_name", "cannot be imported (ModuleNotFoundError: No module named"),
        # As a script does at its end; nothing would be said.
        ("raise SystemExit(0)", "cannot be imported (SystemExit: 0)"),
        ("Grade = 3", "is no subclass of components.tasks.Task"),
        (
            "import dataclasses\nfrom components.tasks.pair import Pair\n"
            "@dataclasses.dataclass(frozen=True, kw_only=True)\nclass Grade(Pair):\n    name = 'grade'\n    steps: int",
            "has the field `steps`, fields need a default",
        ),
        ("from components.tasks.pair import Pair as Grade", "has not the class attributes `name`, 'grade', and"),
    ],
)
def test_what_is_no_task_is_told_with_its_package(installed: Installed, source: str, problem: str) -> None:
    (installed() / "grade_task.py").write_text(source)
    with pytest.raises(InputError) as caught:
        TASKS["grade"]
    assert problem in str(caught.value)
    assert "`grade_task:Grade` of the package grade-task 1.0" in str(caught.value)


def test_a_package_counts_in_the_code_of_nodes_that_know_tasks_and_in_that_of_a_run(installed: Installed) -> None:
    def hashes() -> list[str]:
        nodes = ("components.nodes.trainer", "components.nodes.word_counter")
        return [*map(cache_key.source_hash, nodes), cache_key.project_hash()]

    without = hashes()
    folder = installed()
    first = hashes()
    assert first[0] != without[0]
    assert first[2] != without[2]
    with (folder / "grade_task.py").open("a") as file:
        file.write("\nCHANGED = 1\n")
    changed = hashes()
    assert changed[0] != first[0]
    assert changed[2] != first[2]
    # WordCounter knows no tasks.
    assert without[1] == first[1] == changed[1]

import io
from typing import Any

import pytest

from pipeline.reports.class_report import classes, mistakes
from pipeline.reports.tables import console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(parts: list[Any], width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    # Without colours.
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    for part in parts:
        console(out).print(part)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    return lines


def summary(names: list[str], wrong: dict[tuple[int, int], int]) -> dict[str, Any]:
    """Of ten rows a class, with so many of one taken for another; the f1 of class N is N thousandths."""
    matrix = [[10 * (actual == predicted) for predicted in range(len(names))] for actual in range(len(names))]
    for (actual, predicted), count in wrong.items():
        matrix[actual][predicted] = count
        matrix[actual][actual] -= count
    f1 = {f"f1/{name}": at / 1000 for at, name in enumerate(names)}
    return {
        **{"labels": names, "per_label": ["f1"], "confusion": {"candidate": matrix}},
        "metrics": {"candidate": {"": f1}},
    }


TWO = summary(["negative", "positive"], {(0, 1): 3})
MANY = summary([f"card_not_working_{number}" for number in range(24)], {(3, 4): 5, (7, 2): 2, (20, 1): 2})


def test_two_classes_have_a_matrix_at_any_width(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(mistakes("dev", TWO), 80, monkeypatch) == [
        "dev, actual \\ predicted",
        "          negative  positive",
        "negative         7         3",
        "positive         0        10",
    ]
    assert shown(mistakes("dev", TWO), 40, monkeypatch) == shown(mistakes("dev", TWO), 80, monkeypatch)


def test_columns_are_numbered_where_their_names_are_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    some = summary([f"a class of a long name {letter}" for letter in "abcd"], {(0, 2): 1})
    assert shown(mistakes("dev", some), 60, monkeypatch) == [
        "dev, actual \\ predicted",
        "                            1   2   3   4",
        "1 a class of a long name a  9   0   1   0",
        "2 a class of a long name b  0  10   0   0",
        "3 a class of a long name c  0   0  10   0",
        "4 a class of a long name d  0   0   0  10",
    ]


@pytest.mark.parametrize("width", [120, 80, 40])
def test_of_many_classes_the_worst_mistakes_are_listed(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(mistakes("dev", MANY), width, monkeypatch)
    of_wide = [
        "card_not_working_3 -> card_not_working_4      5      50.0%",
        "card_not_working_7 -> card_not_working_2      2      20.0%",
    ]
    of_narrow = ["card_not_working_3 ->          5   50.0%", "card_not_working_4"]
    assert (lines[3:5] == of_narrow) if width == 40 else (lines[2:4] == of_wide)
    text = " ".join(" ".join(lines).split())
    assert "9 of 240 rows are predicted wrongly; `show --json` has the matrix" in text


def test_of_many_mistakes_the_largest_are_listed_and_the_rest_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"c{number}" for number in range(150)]
    wrong = {(at, at + 1): 1 + at % 7 for at in range(149)}
    lines = shown(mistakes("dev", summary(names, wrong)), 80, monkeypatch)
    assert lines[2].split() == ["c6", "->", "c7", "7", "70.0%"]
    assert len(lines) == 19
    assert "591 of 1,500 rows are predicted wrongly, 105 of them in these 15 pairs" in " ".join(lines)


def test_no_mistake_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    right = summary([f"c{number}" for number in range(20)], {})
    assert shown(mistakes("dev", right), 80, monkeypatch) == [
        "dev, actual \\ predicted",
        "0 of 200 rows are predicted wrongly; `show --json` has the matrix",
    ]


def test_a_class_has_its_rows_and_of_many_the_weakest_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(classes("dev", TWO), 40, monkeypatch) == [
        "dev, by class  rows      f1",
        "negative         10  0.0000",
        "positive         10  0.0010",
    ]
    assert len(shown(classes("dev", MANY), 80, monkeypatch)) == 25
    names = [f"c{number}" for number in range(150)]
    lines = shown(classes("dev", summary(names, {})), 80, monkeypatch)
    assert [line.split()[0] for line in lines[1:-1]] == names[:20]
    assert lines[-1] == "the 20 of 150 classes with the lowest f1; `show --json` has all"


def test_a_task_without_classes_has_neither() -> None:
    nothing = {"labels": [], "per_label": [], "confusion": {}, "metrics": {"candidate": {"": {}}}}
    assert classes("dev", nothing) == mistakes("dev", nothing) == []

import io
from typing import Any

import pytest
from rich.console import RenderableType

from pipeline.reports.run_report import version_list
from pipeline.reports.tables import Command, console, fact_lines, new_table
from pipeline.runs.pushed_versions import Version

SHOWN = "[red]\x1b]0;title :smile: 李\u202e\x07\r"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_shown_is_neither_markup_nor_controls_a_terminal() -> None:
    table = new_table("version")
    table.add_row(SHOWN)
    for what in (SHOWN, table, fact_lines([("name", SHOWN)])):
        plain, terminal = io.StringIO(), Terminal()
        console(plain).print(what)
        console(terminal).print(what)
        for out in (plain.getvalue(), terminal.getvalue()):
            assert "[red]\\u001b]0;title :smile: 李\\u202e\\u0007\\u000d" in out
            assert "\x1b]" not in out
            assert "\u202e" not in out


def lines(shown: RenderableType, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    # Without colours.
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    console(out).print(shown)
    return [line.rstrip() for line in out.getvalue().splitlines()]


FACTS = [
    ("training", "71 examples/s, best checkpoint at step 532 of 532"),
    ("pushed", "runs/movie-reviews/serving/movie-reviews/1795426892"),
    ("try", Command("bert-pipeline predict --model runs/movie-reviews/serving/movie-reviews 'a text of yours'")),
]


def test_what_is_longer_than_a_line_goes_on_below_it_and_a_path_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(fact_lines(FACTS), 80, monkeypatch) == [
        "training      71 examples/s, best checkpoint at step 532 of 532",
        "pushed        runs/movie-reviews/serving/movie-reviews/1795426892",
        "try           bert-pipeline predict \\",
        "              --model runs/movie-reviews/serving/movie-reviews \\",
        "              'a text of yours'",
    ]
    assert lines(fact_lines(FACTS), 40, monkeypatch)[:5] == [
        "training      71 examples/s, best",
        "              checkpoint at step 532 of",
        "              532",
        "pushed",
        "  runs/movie-reviews/serving/movie-reviews/1795426892",
    ]


def test_off_a_terminal_a_fact_is_a_line() -> None:
    out = io.StringIO()
    console(out).print(fact_lines([("name", "long " * 60)]))
    assert out.getvalue().count("\n") == 1


def test_columns_without_room_stand_below_and_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    table = new_table("", "accuracy", "macro_f1", "auc", "mcc", "loss")
    table.add_row("dev", "0.8477", "0.8473", "0.9161", "0.6951", "0.3770")
    assert lines(table, 80, monkeypatch) == [
        "     accuracy  macro_f1     auc     mcc    loss",
        "dev    0.8477    0.8473  0.9161  0.6951  0.3770",
    ]
    assert lines(table, 40, monkeypatch) == [
        "     accuracy  macro_f1     auc     mcc",
        "dev    0.8477    0.8473  0.9161  0.6951",
        "",
        "       loss",
        "dev  0.3770",
    ]


def test_a_heading_of_words_and_a_long_name_are_folded_before_columns_go_below(monkeypatch: pytest.MonkeyPatch) -> None:
    table = new_table("class", "rows truncated", "tokens cut")
    table.add_row("card not working at all", "0.5%", "12.5%")
    assert lines(table, 40, monkeypatch) == [
        "                            rows  tokens",
        "class                  truncated     cut",
        "card not working at         0.5%   12.5%",
        "all",
    ]


def test_names_that_cannot_be_folded_stand_above_their_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    table = new_table("dev, by class", "rows", "precision", "recall", "f1")
    table.add_row("pending_card_payment_over_weekend", "26", "0.8000", "0.6154", "0.6957")
    assert lines(table, 40, monkeypatch) == [
        "dev, by class",
        "  rows  precision  recall      f1",
        "pending_card_payment_over_weekend",
        "    26     0.8000  0.6154  0.6957",
    ]


def test_what_is_escaped_counts_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    table = new_table("class", "rows")
    table.add_row("a\x1bb", "26")
    assert lines(table, 40, monkeypatch) == ["class     rows", "a\\u001bb    26"]


def test_lines_of_a_fact_stand_below_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ["error         OSError:", "              disk full"]
    assert lines(fact_lines([("error", "OSError:\ndisk full")]), 80, monkeypatch) == expected


def test_a_heading_that_is_no_text_fails_where_the_table_is_made_and_not_where_it_is_shown() -> None:
    damaged: Any = True
    with pytest.raises(AttributeError):
        new_table("classes", damaged)


def test_a_version_is_listed_with_what_its_gate_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(number: int, **metrics: float) -> Version:
        measured = {split: {"accuracy": value} for split, value in metrics.items()}
        return Version(number, "", "", "", "", "a", measured, "accuracy")

    of_dev, of_gate = version(1, dev=0.5, test=0.25), version(2, gate=0.75)
    shown = [" ".join(line.split()) for line in lines(version_list([of_dev, of_gate]), 80, monkeypatch)]
    assert shown[:3] == ["version run metric dev or gate test", "1 a accuracy 0.5000 0.2500", "2 a accuracy 0.7500 -"]
    assert "metric gate test" in " ".join(lines(version_list([of_gate]), 80, monkeypatch)[0].split())

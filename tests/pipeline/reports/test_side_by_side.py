"""Runs beside each other, and the worst mistakes, from records and answers that were made up."""

import csv
import io
from pathlib import Path

from pipeline.commands.mistakes import write
from pipeline.reports.html.compare_page import compare_page
from pipeline.reports.html.render import render
from pipeline.reports.mistakes_report import mistakes_report
from pipeline.reports.side_by_side import comparison_table, side_by_side
from pipeline.reports.tables import console
from tests.pipeline.reports.made_up import HOSTILE, answers, record, summary
from tests.pipeline.reports.pages import check_harmless

INTERVAL = {"intervals": {"candidate": {"": {"accuracy": [0.64, 0.95]}}}}


def printed(what: object) -> str:
    out = io.StringIO()
    console(out).print(what)
    return out.getvalue()


def test_metrics_stand_side_by_side_and_only_what_differs_is_listed(tmp_path: Path) -> None:
    first = record(tmp_path, evaluations={"dev": summary(["a", "b"], [[8, 2], [1, 9]], **INTERVAL)})
    second = record(tmp_path, rows={"train": 90, "dev": 20}, evaluations={"dev": summary(["a", "b"], [[9, 1], [1, 9]])})
    second.id = "20261128-094500"
    found = side_by_side([first, second])
    # What is not known of two runs is not the same.
    assert found.inputs[0] == ("rows of train", ["80", "90"])
    assert [name for name, _ in found.inputs[1:]] == ["manifest"]
    assert [(name, list(map(str, values))) for name, values in found.metrics] == [
        ("dev accuracy", ["0.8500\n0.6400..0.9500", "0.9000"])
    ]
    read = check_harmless(render(compare_page(found)))
    assert read.tables["Metrics of all rows"] == [
        ["", "20261128-093000", "20261128-094500"],
        ["state", "pushed", "pushed"],
        ["dev accuracy", "0.8500\n0.6400..0.9500", "0.9000"],
    ]
    assert read.tables["What the runs differ in"][1] == ["rows of train", "80", "90"]
    assert "rows of train" in printed(comparison_table(found))
    # Below the title, over both tables, of what is not known, and in the legends of two charts.
    assert read.text.count("20261128-094500") == 6


def test_runs_that_stood_on_the_same_say_so(tmp_path: Path) -> None:
    found = side_by_side([record(tmp_path), record(tmp_path)])
    assert "They stood on the same" in printed(comparison_table(found))
    assert "They stood on the same" in check_harmless(render(compare_page(found))).text


def test_mistakes_are_a_table_that_reads_back_whatever_is_in_a_text() -> None:
    texts = [*HOSTILE, 'a "quoted"\ttext\nof two lines']
    out = io.StringIO()
    write(answers(texts), out)
    header, *rows = csv.reader(io.StringIO(out.getvalue()), delimiter="\t")
    assert header == ["row", "text", "truth", "prediction", "confidence", "loss"]
    assert [row[1] for row in rows] == texts[::-1]
    assert rows[0][2:] == ["good", "bad", "0.900000", "1.100000"]


def test_mistakes_on_a_terminal_control_nothing() -> None:
    shown = printed(mistakes_report(answers(HOSTILE), 20))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]markup[/bold]" in shown
    assert "10 of 10 rows of dev are wrong" in shown
    assert "good → bad" in shown.splitlines()[-1]

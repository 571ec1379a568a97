"""The page of a run, from records and answers that were made up: each figure, and what hostile texts become."""

import dataclasses
from pathlib import Path

from components.verdict.answers import Answers
from pipeline.reports.html import charts, report_file
from pipeline.reports.html.explanations import Weighed
from pipeline.reports.html.render import render
from pipeline.reports.html.run_page import run_page
from pipeline.runs.record import NodeRecord, RunRecord
from tests.pipeline.reports.made_up import HOSTILE, LINE, answers, explanations, record, summary
from tests.pipeline.reports.pages import PageReader, check_harmless


def page_of(found: RunRecord, answered: Answers | None = None, why: str = "") -> PageReader:
    return check_harmless(render(run_page(found, answered, why)))


def test_the_matrix_the_classes_the_slices_and_the_curves_have_the_records_figures(tmp_path: Path) -> None:
    dev = summary(["bad", "good"], [[8, 2], [1, 9]])
    tables = page_of(record(tmp_path, evaluations={"dev": dev})).tables
    assert tables["Metrics of all rows"] == [["", "accuracy"], ["dev", "0.8500"]]
    matrix = tables["dev, rows by actual class (down) and predicted class (across)"]
    assert matrix == [["actual", "bad", "good"], ["bad", "8", "2"], ["good", "1", "9"]]
    assert tables["dev, by class"] == [["class", "rows", "f1"], ["bad", "10", "0.5000"], ["good", "10", "0.5000"]]
    assert tables["dev, most confused: actual → predicted"][1:] == [
        ["bad → good", "2", "20.0%"],
        ["good → bad", "1", "10.0%"],
    ]
    assert tables["dev, by slice"][1:] == [["source=(empty)", "4", "0.2500"], ["source=web", "4", "0.2500"]]
    assert tables["Evaluations on dev"][1:] == [["10", "0.5000", "0.7000", ""], ["20", "0.7500", "0.6000", "kept"]]
    assert tables["Rows by split"][1:] == [["train", "80"], ["dev", "20"]]


def test_intervals_and_the_rules_of_the_gate_are_shown_where_the_evaluator_has_them(tmp_path: Path) -> None:
    lines = [
        dict(zip(LINE, ("min accuracy", 0.85, [0.64, 0.95], 0.9, "fail", "why"), strict=True)),
        dict(zip(LINE, ("no_worse auc", None, None, 0.01, "not held", "no"), strict=True)),
    ]
    more = {
        **{"verdict": lines, "blessed": False, "reasons": ["why"], "confidence": 0.95, "flips": [3, 20]},
        "intervals": {"candidate": {"": {"accuracy": [0.64, 0.95]}, "source=web": {"accuracy": [0.1, 0.5]}}},
    }
    read = page_of(
        record(tmp_path, state="refused", evaluations={"dev": summary(["a", "b"], [[8, 2], [1, 9]], **more)})
    )
    assert read.tables["The rules of the gate"][1:] == [
        ["min accuracy", "fail", "0.8500", "0.6400..0.9500", "0.9", "why"],
        ["no_worse auc", "not held", "-", "-", "0.01", "no"],
    ]
    (metrics,) = (rows for caption, rows in read.tables.items() if caption.startswith("Metrics of all rows"))
    assert metrics[1] == ["dev", "0.8500\n0.6400..0.9500"]
    assert read.tables["dev, by slice"][2] == ["source=web", "4", "0.2500\n0.1000..0.5000"]
    assert "refused: why" in read.text
    assert "3 of 20 on dev are others than in production" in read.text


def test_the_worst_rows_stand_first_and_what_was_lost_is_told(tmp_path: Path) -> None:
    found = record(tmp_path, evaluations={"dev": summary(["bad", "good"], [[8, 2], [1, 9]])})
    tables = page_of(found, answers(["first", "second"])).tables
    assert tables["dev, the 2 worst rows"][1:] == [
        ["2", "second", "good", "bad", "0.900", "0.200"],
        ["1", "first", "good", "bad", "0.900", "0.100"],
    ]
    assert tables["2 of 2 rows lost"][1] == ["2", "second", "good", "bad", "good"]
    assert tables["dev, by confidence"][1] == ["0.9 to 1.0", "2", "0.900", "0.000"]


def test_of_150_classes_all_are_drawn_and_the_worst_can_be_read(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(150)]
    matrix = [[10 * (actual == predicted) for predicted in range(150)] for actual in range(150)]
    matrix[149][148] = 7
    page = render(run_page(record(tmp_path, evaluations={"dev": summary(names, matrix)}), None))
    read = check_harmless(page)
    (counts,) = (rows for caption, rows in read.tables.items() if "20 of 150 classes" in caption)
    assert counts[-1][0] == "class 149"
    assert counts[-1][-2:] == ["7", "10"]
    assert len(read.tables["dev, by class"]) == 151
    # A square for each pair that has rows: 150 right ones, and one that is wrong.
    assert page.count('fill="var(--bad)"') == 1
    assert page.count('fill="var(--series-1)" opacity') >= 150
    assert len(page) < 1_000_000


def test_why_a_mistake_was_made_is_told_in_numbers_and_harmlessly(tmp_path: Path) -> None:
    answered = answers(HOSTILE)
    found = explanations(answered)
    read = check_harmless(render(run_page(record(tmp_path), answered, "", found)))
    # The largest loss first.
    assert [row.place for row in found.rows] == list(range(len(HOSTILE), 0, -1))
    assert read.tables[f"Nearest rows of train to row {len(HOSTILE)}"][1:] == [["1", "good", HOSTILE[-1], "0.875"]]
    assert "row 1: good → bad" in read.text
    assert "<script>alert(1)</script> +5.00" in " ".join(read.text.split())
    assert "the -0.25" in " ".join(read.text.split())
    assert "all rows of train" in read.text


def test_of_a_long_text_what_is_around_the_heaviest_words_is_shown(tmp_path: Path) -> None:
    answered = answers(["x"])
    found = explanations(answered)
    words = [Weighed(f"w{number}", 1.0 if number in (10, 150) else 0.0) for number in range(200)]
    found.rows[0] = dataclasses.replace(found.rows[0], words=words, gap=0.5, is_complete=False)
    found.train = 10
    text = " ".join(check_harmless(render(run_page(record(tmp_path), answered, "", found))).text.split())
    assert "w9 w10 +1.00 w11" in text
    assert "w156 …" in text
    assert "w100" not in text
    assert "Of 1 texts the sum is off by up to 0.50." in text
    assert "the first 10 of 80 rows of train" in text


def test_why_mistakes_cannot_be_explained_is_told(tmp_path: Path) -> None:
    assert (
        "because of this" in check_harmless(render(run_page(record(tmp_path), answers(["x"]), "because of this"))).text
    )


def test_hostile_texts_are_shown_and_do_nothing(tmp_path: Path) -> None:
    matrix = [[1] * len(HOSTILE) for _ in HOSTILE]
    dev = summary(HOSTILE, matrix, blessed=False, reasons=HOSTILE)
    dev["metrics"]["candidate"] |= {f"source={text}": {"accuracy": 0.5, "example_count": 1.0} for text in HOSTILE}
    known = {name: {"accuracy": [0.2, 0.6]} for name in dev["metrics"]["candidate"]}
    dev |= {"intervals": {"candidate": known}, "confidence": 0.95}
    nodes = [NodeRecord(text, "done", note=text, reason=text, warnings=[text]) for text in HOSTILE]
    found = record(tmp_path, nodes=nodes, error=HOSTILE[0], evaluations={"dev": dev}, pushed=HOSTILE[2])
    found.name = HOSTILE[0]
    page = render(run_page(found, answers(HOSTILE), HOSTILE[1]))
    read = check_harmless(page)
    assert "\x1b" not in page
    assert "\u202e" not in page
    texts = [row[1] for row in read.tables[f"dev, the {len(HOSTILE)} worst rows"][1:]]
    shown = ["\\u001b[31mred\\u001b[0m" if "\x1b" in t else t.replace("\u202e", "\\u202e") for t in HOSTILE]
    assert texts == shown[::-1]


def test_a_chart_escapes_what_it_is_given_and_has_a_name(tmp_path: Path) -> None:
    rows = [{"x": 1, "y": 2.0, "of": HOSTILE[0]}, {"x": 2, "y": 1.0, "of": '"><g onload=alert(4)>'}]
    svg = str(charts.lines(HOSTILE[0], HOSTILE[2], rows, HOSTILE[1], "y", "of").svg)
    read = PageReader(svg)
    assert not {tag for tag, _ in read.tags} & {"script", "img"}
    assert not [of for _, of in read.tags if any(name.startswith("on") for name in of)]
    (root, *_) = (of for tag, of in read.tags if tag == "svg")
    assert root["role"] == "img"
    assert all(any(of.get("id") == name for _, of in read.tags) for name in str(root["aria-labelledby"]).split())


def test_a_record_without_anything_has_a_page(tmp_path: Path) -> None:
    read = page_of(record(tmp_path, state="failed", error="Trainer failed", training={}, rows={}))
    assert "Trainer failed" in read.text


def test_drift_is_drawn_by_label_and_by_range_with_the_shares_beside(tmp_path: Path) -> None:
    of_label = [[HOSTILE[0], 0.75, 0.5], ["good", 0.25, 0.5]]
    lengths = [["up to 8", 1.0, 0.25], ["9 to 16", 0.0, 0.75]]
    words = {"limit": 0.3, "exceeded": False, "before": "then", "now": "now"}
    measures = [
        {"name": "label", "value": 0.25, "spread": of_label, **words},
        {"name": "text_length", "value": 0.5, "spread": lengths, **words},
        # As a run of before has left it.
        {"name": "unknown_share", "value": 0.0, **words},
    ]
    drift = {"version": "7", "measures": measures, "not_compared": []}
    read = page_of(record(tmp_path, drift=drift))
    assert read.tables["Labels: shares of rows"] == [
        ["", "learned by version 7", "train of this run", "moved by, in points"],
        [HOSTILE[0], "75.00%", "50.00%", "-25.00"],
        ["good", "25.00%", "50.00%", "+25.00"],
    ]
    assert read.tables["Tokens of a row: shares of rows"][2] == ["9 to 16", "0.00%", "75.00%", "+75.00"]
    assert not [caption for caption in read.tables if caption.startswith("Unknown words")]
    assert read.text.count("Shares of rows, of what version 7 learned from") == 2
    many = [[f"label {number}", 0.01, 0.01 + number / 1000] for number in range(100)]
    drift["measures"] = [{"name": "label", "value": 0.25, "spread": many, **words}]
    read = page_of(record(tmp_path, drift=drift))
    assert len(read.tables["Labels: shares of rows"]) == 101
    assert "Labels, the 20 that moved most" in read.text


def test_where_the_evaluator_kept_no_answers_the_page_says_which_command_asks(tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "toy" / "runs" / "20261128-093000"
    directory.mkdir(parents=True)
    found = record(directory, evaluations={"dev": summary(["bad", "good"], [[8, 2], [1, 9]])})
    report_file.write_at_end(found)
    read = check_harmless(found.report.read_text(encoding="utf-8"))
    assert "The model was not asked about single rows yet. This asks it, and writes the page anew: " in read.text
    assert f"report 20261128-093000 --root {tmp_path / 'runs'}" in read.text

"""What `evaluate` refuses before TensorFlow is imported; its figures are beside those of whole runs."""

import json
import sys
from pathlib import Path

import pytest

import pipeline_runner
from components.settings.data import Data
from components.settings.gate import Gate
from components.tasks.classification import Classification
from pipeline.commands import evaluate
from tests.pipeline.runs.stored_runs import write_runs


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A version's directory with a card and no graph."""
    return write_runs(tmp_path / "root").serving / "1"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.tsv"
    path.write_text("text\tlabel\ngood film\tgood\nbad film\tbad\n")
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert pipeline_runner.main(["evaluate", *map(str, arguments)]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        (["--min", "accuracy"], "--min: got 'accuracy', expected METRIC=VALUE with a share from 0 to 1"),
        (["--min", "accuracy=85"], "--min: got 'accuracy=85', expected METRIC=VALUE with a share from 0 to 1"),
        (["--min", "accuracy=nan"], "--min: got 'accuracy=nan'"),
        (["--max", "loss=inf"], "--max: got 'loss=inf', expected METRIC=VALUE with a number from 0 on"),
        (["--min", "f1=0.5"], "--min names the unknown metric 'f1'. "),
        (["--min", "f1/ugly=0.5"], "names 'f1/ugly', the labels are bad, good"),
        (["--min", "loss=0.5"], "--min bounds loss, which is better when lower. Use --max."),
    ],
)
def test_a_bound_that_cannot_be_held_is_refused(
    bound: list[str], message: str, model: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refused(capsys, "--model", model, rows, *bound)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "ugly film\tugly",
            "rows.tsv:4: the label is 'ugly', expected one of bad, good. Correct the row, or leave it out: ",
        ),
        ("no label", "rows.tsv:4: expected 2 tab-separated fields, got 1"),
        ("\tgood", "rows.tsv:4: the text (field 1) is empty"),
    ],
)
def test_a_bad_row_is_named(
    line: str, message: str, model: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows.write_text(f"{rows.read_text()}{line}\n")
    assert message in refused(capsys, "--model", model, rows)


@pytest.mark.parametrize(
    ("header", "options", "message"),
    [
        ("text\tclass", [], "--label is 'label', the header has 'text', 'class'. Correct --label, or if line 1 is a "),
        ("text\tlabel", ["--slice", "land"], "give --no-header and the columns as numbers."),
        (
            "text,label",
            [],
            "The fields look separated by commas: save the file with the separator that the training data has.",
        ),
        ("text\tlabel", ["--label", "text"], "a column can be used once, --column, --label and --slice are "),
    ],
)
def test_what_does_not_fit_is_said_of_the_options(
    header: str, options: list[str], message: str, model: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    separator = header[4]
    rows.write_text(f"{header}\ngood film{separator}good\n")
    shown = refused(capsys, "--model", model, rows, *options)
    assert message in shown
    assert "data." not in shown


def test_no_rows_and_no_file_are_refused(model: Path, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows.write_text("text\tlabel\n")
    assert "rows.tsv: no rows in it" in refused(capsys, "--model", model, rows)
    assert "gone.tsv: no such file" in refused(capsys, "--model", model, rows.with_name("gone.tsv"))


def test_a_bound_that_is_missed_ends_with_3_and_one_that_is_met_with_0(
    model: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {"candidate": {"": {"accuracy": 0.5}}}
    summary = {"metrics": metrics, "blessed": False, "reasons": ["accuracy is 0.5000, required: at least 0.9"]}
    monkeypatch.setattr(evaluate, "evaluate_file", lambda *_: summary)
    command = ["evaluate", "--model", str(model.parent), str(rows), "--json"]
    assert pipeline_runner.main([*command, "--min", "accuracy=0.9"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["model"] == str(model.parent / "2")
    assert json.loads(out)["metrics"] == metrics
    assert err == "missed: accuracy is 0.5000, required: at least 0.9\n"
    summary["reasons"] = []
    assert pipeline_runner.main([*command, "--min", "accuracy=0.5"]) == 0


def test_a_caller_s_own_arguments_are_nothing_to_the_evaluator(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["python", "-v", "mine"])
    monkeypatch.setattr(evaluate, "_measured", lambda *_: {"argv": sys.argv})
    data = Data(train=(str(rows),), dev=(str(rows),))
    found = evaluate.evaluate_file(rows.parent, rows, data, Classification(("bad", "good")), Gate())
    assert found == {"argv": ["python"]}
    assert sys.argv == ["python", "-v", "mine"]

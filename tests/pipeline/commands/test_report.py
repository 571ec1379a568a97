"""`report` and `mistakes` of a real run: the figures are those of the artifacts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from pipeline.runs import record
from tests.pipeline.conftest import FirstRun
from tests.pipeline.reports.pages import check_harmless

pytestmark = pytest.mark.slow


def called(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capfd.readouterr()
    status = pipeline_runner.main(list(arguments))
    out, err = capfd.readouterr()
    return status, out, err


def summary_of(first_run: FirstRun, split: str) -> dict[str, Any]:
    """What the Evaluator wrote, not what the record has of it."""
    node = "Evaluator" if split == "dev" else "Evaluator.test"
    (path,) = (first_run.root / "toy" / "artifacts" / node).glob("evaluation/*/summary.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_run_leaves_a_report_with_its_mistakes_and_show_names_it(
    first_run: FirstRun, capfd: pytest.CaptureFixture[str]
) -> None:
    report = Path(first_run.record["directory"], "report.html")
    read = check_harmless(report.read_text(encoding="utf-8"))
    (said,) = re.findall(r"(\d+) of (\d+) rows of dev are wrong", read.text)
    measured = summary_of(first_run, "dev")["metrics"]["candidate"][""]
    assert int(said[1]) == first_run.record["rows"]["dev"]
    assert int(said[0]) == round((1 - measured["accuracy"]) * int(said[1]))
    _, out, _ = called(capfd, "show", "--root", str(first_run.root))
    assert "report.html" in out


def test_the_figures_of_a_report_are_those_of_the_artifacts(
    first_run: FirstRun, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out, err = called(capfd, "report", "--root", str(first_run.root))
    assert status == 0, err
    read = check_harmless(Path(out.strip()).read_text(encoding="utf-8"))
    (metrics,) = (rows for caption, rows in read.tables.items() if caption.startswith("Metrics of all rows"))
    for split, row in zip(("dev", "test"), metrics[1:], strict=True):
        found = summary_of(first_run, split)
        values = found["metrics"]["candidate"][""]
        assert metrics[0][1:] == found["headline"]
        assert [cell.split()[0] for cell in row] == [split, *(f"{values[name]:.4f}" for name in found["headline"])]
        matrix = read.tables[f"{split}, rows by actual class (down) and predicted class (across)"]
        assert [[int(cell) for cell in line[1:]] for line in matrix[1:]] == found["confusion"]["candidate"]
        for line in read.tables[f"{split}, by class"][1:]:
            shown = [cell.split()[0] for cell in line[2:]]
            assert shown == [f"{values[f'{metric}/{line[0]}']:.4f}" for metric in found["per_label"]]
    history = json.loads(next((first_run.root / "toy/artifacts/Trainer/model_run").glob("*/history.json")).read_text())
    steps = [[f"{one['step']}", f"{one['value']:.4f}", f"{one['loss']:.4f}"] for one in history["evaluations"]]
    assert [row[:3] for row in read.tables["Evaluations on dev"][1:]] == steps
    rows = [[split, f"{count}"] for split, count in first_run.record["rows"].items()]
    assert read.tables["Rows by split"][1:] == rows


def test_rows_are_answered_as_the_evaluator_measured_them(
    first_run: FirstRun, capfd: pytest.CaptureFixture[str]
) -> None:
    from pipeline.reports import row_answers

    found = record.read(Path(first_run.record["directory"]))
    for split in ("dev", "test"):
        answered = row_answers.asked(found, split, None)
        assert answered.is_complete
        right = [row.candidate.right for row in answered.rows]
        loss = sum(row.candidate.loss for row in answered.rows) / len(right)
        measured = summary_of(first_run, split)["metrics"]["candidate"][""]
        assert sum(map(bool, right)) / len(right) == pytest.approx(measured["accuracy"])
        assert loss == pytest.approx(measured["loss"], abs=1e-5)
        # In the order of the file.
        lines = (first_run.folder / f"{split}.txt").read_text().splitlines()
        assert sorted(row.texts[0] for row in answered.rows) == sorted(line.split("\t")[0] for line in lines)


def test_answers_that_are_kept_are_not_asked_again_and_damaged_ones_are(
    first_run: FirstRun, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.reports import row_answers

    found = record.read(Path(first_run.record["directory"]))
    kept = Path(found.directory, "answers-dev.json")
    answered = row_answers.kept(found, "dev")
    assert answered is not None
    # The Evaluator's are as those of a model that is asked as clients ask it.
    monkeypatch.setattr(row_answers, "_EVALUATORS", {})
    assert row_answers.kept(found, "dev") is None
    asked = row_answers.asked(found, "dev", None)
    assert (asked.model, asked.version, asked.total) == (answered.model, answered.version, answered.total)
    for one, other in zip(asked.rows, answered.rows, strict=True):
        assert (one.place, one.texts, one.candidate[:2]) == (other.place, other.texts, other.candidate[:2])
        assert one.candidate.loss == pytest.approx(other.candidate.loss, abs=1e-4)
    document = json.loads(kept.read_text())
    assert row_answers.kept(found, "dev") is not None
    damages: list[Any] = [{**document, "model": "another"}, {**document, "rows": [1]}, {"rows": []}, []]
    for damaged in damages:
        kept.write_text(json.dumps(damaged))
        assert row_answers.kept(found, "dev") is None
    kept.write_text(json.dumps({**document, "rows": document["rows"][:3]}))
    assert row_answers.enough(found, "dev", 3) is not None
    assert row_answers.enough(found, "dev", None) is None


def test_mistakes_are_explained_once_and_the_page_keeps_it(
    first_run: FirstRun, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.reports import row_answers
    from pipeline.reports.html import explanations

    found = record.read(Path(first_run.record["directory"]))
    answers = row_answers.asked(found, "train", None)
    wrong = explanations.worst(answers)
    status, out, err = called(capfd, "report", "--split", "train", "--explain", "--root", str(first_run.root))
    assert status == 0, err
    made = explanations.kept(found, answers)
    assert made is not None
    assert [row.place for row in made.rows] == [row.place for row in wrong]
    for row, of_answer in zip(made.rows, wrong, strict=True):
        assert " ".join(word.text for word in row.words) == of_answer.texts[0]
        assert row.is_complete
        assert len(row.nearest) == 3
        # A row is not its own neighbour.
        assert of_answer.place not in [near.place for near in row.nearest]
    monkeypatch.setattr(explanations, "_explain", None)
    for more in ([], ["--explain"]):
        status, out, err = called(capfd, "report", "--split", "train", *more, "--root", str(first_run.root))
        assert status == 0, err
        page = check_harmless(Path(out.strip()).read_text(encoding="utf-8"))
        for row in made.rows:
            table = page.tables[f"Nearest rows of train to row {row.place:,}"]
            assert [cells[0] for cells in table[1:]] == [str(near.place) for near in row.nearest]
            assert all(f"{word.weight:+.2f}" in page.text for word in row.words if abs(word.weight) >= 0.005)
    # Of another model's answers nothing is known.
    answers.model = "another"
    assert explanations.kept(found, answers) is None


def test_what_is_not_there_is_said(first_run: FirstRun, capfd: pytest.CaptureFixture[str]) -> None:
    page = Path(first_run.record["directory"], "report.html")
    before = page.read_bytes()
    status, _, err = called(capfd, "report", "--split", "elsewhere", "--root", str(first_run.root))
    assert status == 2
    assert "no rows of 'elsewhere', its splits: train, dev, test" in err
    assert page.read_bytes() == before


def test_mistakes_has_every_wrong_row_and_the_terminal_the_worst(
    first_run: FirstRun, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output, root = tmp_path / "mistakes.tsv", str(first_run.root)
    status, _, err = called(capfd, "mistakes", "--split", "train", "--output", str(output), "--root", root)
    assert status == 0, err
    lines = output.read_text().splitlines()
    assert lines[0].split("\t") == ["row", "text", "truth", "prediction", "confidence", "loss"]
    _, out, _ = called(capfd, "mistakes", "--split", "train", "--json", "--root", root)
    document = json.loads(out)
    assert len(document["rows"]) == len(lines) - 1
    assert sum(one["rows"] for one in document["confused"]) == len(lines) - 1
    assert called(capfd, "mistakes", "--split", "train", "--root", root)[1].splitlines() == lines


def test_a_run_is_not_compared_with_itself(first_run: FirstRun, capfd: pytest.CaptureFixture[str]) -> None:
    root, run = str(first_run.root), first_run.record["id"]
    status, _, err = called(capfd, "compare", run, "toy", "--root", root)
    assert status == 2
    assert f"run {run} is named twice" in err
    status, _, err = called(capfd, "compare", run, "--root", root)
    assert status == 2
    assert "got 1 run, two or more can be compared" in err
    status, _, err = called(capfd, "report", run, "--output", "x.html", "--root", root)
    assert status == 2
    assert "goes with --compare" in err


def test_a_pushed_version_has_a_card_that_goes_with_it(first_run: FirstRun, capfd: pytest.CaptureFixture[str]) -> None:
    from huggingface_hub import ModelCard

    version = Path(first_run.record["pushed"])
    read = ModelCard.load(version.parent / "cards" / version.name / "README.md")
    measured = summary_of(first_run, "test")["metrics"]["candidate"][""]
    of_test = {one.metric_type: one.metric_value for one in read.data.eval_results if one.dataset_split == "test"}
    assert of_test == {name: measured[name] for name in summary_of(first_run, "test")["headline"]}
    assert called(capfd, "versions", "--root", str(first_run.root))[1].count(version.name) == 1

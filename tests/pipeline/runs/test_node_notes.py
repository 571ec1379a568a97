import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from components import tasks
from components.drift.data_comparison import DRIFT_FILE
from components.leakage import duplicates
from components.leakage.duplicates import Duplicates
from components.rows import row_counts, text_statistics
from components.rows.text_statistics import TextStatistics
from components.tasks.classification import Classification
from components.training.history import HISTORY_FILE, Evaluation, History
from pipeline.reports import run_report
from pipeline.runs.manifest import DataFile, Manifest
from pipeline.runs.node_notes import drift_note, note_of
from pipeline.runs.record import RunRecord
from tests.checkout import ROOT

FITS = TextStatistics(
    rows=8,
    words=40,
    unknown_share=0.003,
    spelled_share=0.0,
    whole_share=0.9,
    tokens=64,
    most_tokens=16,
    truncated_share=0.021,
    cut_share=0.01,
    mean_tokens=8.0,
    percentiles={"50": 7, "90": 12, "99": 20, "100": 21},
)

RUSSIAN = dataclasses.replace(FITS, unknown_share=0.02, spelled_share=0.95, whole_share=0.03)

ONCE = Duplicates(rows=8, repeated=0, contradicting=0, leaked={}, examples={})

LEAKED = Duplicates(rows=8, repeated=4, contradicting=0, leaked={"train": 2}, examples={"train": [[1, 3], [0, 7]]})

ALSO_IN_TRAIN = "dev: the texts of 2 of 8 rows (25.00%) stand in train too, as dev.tsv:3 and train.tsv:7"

WARNING = (
    "the base model's vocabulary has no pieces for 97.0% of words (2.0% unknown, 95.0% spelled out in single "
    "characters); is it of the texts' language?"
)


def printed(what: RenderableType) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(what)
    return captured.get()


def begun(directory: Path) -> RunRecord:
    """A run's record, beside its manifest."""
    data = [DataFile(split, f"{split}.tsv", "", 0) for split in ("train", "dev")]
    Manifest("toy", "1", "", {}, "", data, {}, {}, None, {}, {}).write(directory)
    return RunRecord("1", "toy", "toy.toml", str(directory), "2026-11-27T12:00:00+00:00")


def noted(tmp_path: Path, **splits: TextStatistics) -> RunRecord:
    """A record after ExampleValidator's node."""
    text_statistics.write(tmp_path, splits)
    duplicates.write(tmp_path, {"train": ONCE, "dev": LEAKED})
    record = begun(tmp_path)
    node = record.node("ExampleValidator")
    node.state = "done"
    node.note = note_of(record, node.id, {"anomalies": [str(tmp_path)]})
    return record


def test_the_line_of_example_validator_has_train_s_shares(tmp_path: Path) -> None:
    record = noted(tmp_path, train=FITS, dev=FITS)
    line, *_ = printed(run_report.node_line(record.nodes[0])).splitlines()
    assert line == "✓ ExampleValidator    0.0 s  train 0.3% of words unknown, 2.1% of rows truncated"


def test_each_warning_has_a_line_of_its_own_and_stands_in_the_report(tmp_path: Path) -> None:
    record = noted(tmp_path, train=RUSSIAN, dev=RUSSIAN)
    first, *warnings = printed(run_report.node_line(record.nodes[0])).splitlines()
    assert first.endswith("train 2.0% of words unknown, 95.0% spelled out, 2.1% of rows truncated")
    assert warnings == [f"! {ALSO_IN_TRAIN}", f"! train: {WARNING}", f"! dev: {WARNING}"]
    summary, full = (printed(run_report.run_report(record, full)) for full in (False, True))
    told = [f"warning       {warning}\n" for warning in (ALSO_IN_TRAIN, f"train: {WARNING}", f"dev: {WARNING}")]
    assert all(line in summary and line in full for line in told)


def evaluated(**more: Any) -> str:
    """The report of a run with a model in production."""
    record = RunRecord("1", "toy", "toy.toml", "/toy", "2026-11-27T12:00:00+00:00")
    metrics = {"candidate": {"": {"accuracy": 0.75}}, "baseline": {"": {"accuracy": 1.0}}}
    summary = {"task": "classification", "headline": ["accuracy"], "metrics": metrics, "baseline_version": "7"}
    record.evaluations["dev"] = summary | more
    return " ".join(printed(run_report.run_report(record, full=False)).split())


def test_what_production_has_learned_of_dev_is_told_with_the_baseline() -> None:
    on_rest = {"candidate": {"accuracy": 0.5}, "baseline": {"accuracy": 0.25}}
    known = "2 of 8 rows of dev"
    for learned, told, change in (
        ({"rows": 0, "of": 8}, "baseline version 7 ", "0.7500 (-0.2500)"),
        ({"rows": None}, "version 7, what it has learned from is unknown: compared on all rows of dev", "(-0.2500)"),
        ({"rows": 2, "of": 8, "metrics": on_rest}, f"compared without the {known} that it has learned", "(+0.2500)"),
        ({"rows": 2, "of": 8}, f"version 7, has learned from {known}: not compared with", "dev 0.7500 log"),
    ):
        shown = evaluated(learned=learned)
        assert told in shown
        assert change in shown


@pytest.mark.parametrize(
    ("of_baseline", "told"),
    [
        ({"learned": {"rows": 2, "of": 8}}, ", has learned from 2 of 8 rows of test: not compared with"),
        (
            {"learned": {"rows": 8, "of": 8}, "not_compared": "it has learned from all 8 rows of test"},
            ", not compared: it",
        ),
        ({"learned": {"rows": 0, "of": 8}}, None),
    ],
)
def test_what_production_has_learned_of_test_is_told_in_the_node_s_line_and_in_the_report(
    of_baseline: dict[str, Any], told: str | None, tmp_path: Path
) -> None:
    record = begun(tmp_path)
    metrics = {"candidate": {"": {"accuracy": 0.75}}, "baseline": {"": {"accuracy": 1.0}}}
    summary = {"task": "classification", "headline": ["accuracy"], "metrics": metrics, "baseline_version": "7"}
    (tmp_path / "summary.json").write_text(json.dumps(summary | of_baseline))
    note = note_of(record, "Evaluator.test", {"evaluation": [str(tmp_path)]})
    report = printed(run_report.run_report(record, full=False))
    if told is None:
        assert note == "accuracy 0.7500"
        assert "on test" not in report
    else:
        assert f"version 7{told}" in note
        assert f"on test       version 7{told}" in report


def test_the_report_says_where_the_value_of_a_slice_is_empty() -> None:
    slices = {name: {"accuracy": 0.5, "example_count": 2.0} for name in ("", "source=", "source=web", "note=a=")}
    record = RunRecord("1", "toy", "toy.toml", "/toy", "2026-11-27T12:00:00+00:00")
    summary = {"task": "classification", "headline": ["accuracy"], "metrics": {"candidate": slices}}
    record.evaluations["dev"] = {**summary, "per_label": [], "labels": [], "confusion": {}, "learned": {"rows": 0}}
    shown = printed(run_report.run_report(record, full=True))
    rows = [line.split()[0] for line in shown.splitlines() if line.split()[1:] == ["2", "0.5000"]]
    assert rows == ["note=a=", "source=(empty)", "source=web"]


def test_the_report_has_a_row_for_each_split_and_the_record_the_numbers(tmp_path: Path) -> None:
    record = noted(tmp_path, train=FITS, dev=dataclasses.replace(FITS, unseen_share=0.125))
    lines = [line.split() for line in printed(run_report.run_report(record, full=True)).splitlines()]
    assert ["train", "0.3%", "0.0%", "90.0%", "2.1%", "1.0%", "8.0", "<=", "20", "0.0%"] in lines
    assert ["dev", "0.3%", "0.0%", "90.0%", "2.1%", "1.0%", "8.0", "<=", "20", "12.5%"] in lines
    assert ["train", "8", "0.0%", "0.0%"] in lines
    assert ["dev", "8", "50.0%", "0.0%", "25.0%"] in lines
    assert record.outcome["duplicates"]["dev"]["leaked"] == {"train": 2}
    stored: dict[str, Any] = record.texts["train"]
    assert (stored["words"], stored["percentiles"]["99"]) == (40, 20)


def test_that_production_is_a_model_for_another_task_is_said_in_the_lines_of_its_nodes_and_by_the_verdict(
    tmp_path: Path,
) -> None:
    record = RunRecord("1", "toy", "toy.toml", str(tmp_path), "2026-11-27T12:00:00+00:00")
    tasks.write(tmp_path, Classification(("bad", "good")))
    record.node("TsvExampleGen").outputs = [str(tmp_path)]
    card = tmp_path / "Format-Serving" / "assets.extra" / "model.json"
    card.parent.mkdir(parents=True)
    card.write_text(json.dumps({"task": {"name": "multilabel", "labels": ["bad", "good"], "threshold": 0.5}}))
    said = "the model in production is a model for the task multilabel"
    assert note_of(record, "Baseline", {"baseline": [str(tmp_path)]}) == said
    assert note_of(record, "Baseline", {}) == "no other model in production"
    record.drift = {"version": "7", "measures": [], "unlike": "is a model for the task multilabel"}
    said = "version 7 is a model for the task multilabel: not compared with what it learned from"
    assert drift_note(record.drift) == said
    dev = {"blessed": True, "baseline_version": "7", "not_compared": "version 7 is a model for the task multilabel"}
    metrics = {"headline": ["accuracy"], "metrics": {"candidate": {"": {"accuracy": 0.5}}}}
    record.state, record.evaluations = "pushed", {"dev": {**dev, **metrics}}
    shown = printed(run_report.run_report(record, full=False))
    assert f"drift         {said}\n" in shown
    assert "every threshold is met on dev; version 7 is a model for the task multilabel: not held against it" in shown


def test_labels_that_look_alike_are_warned_of_by_example_gen(tmp_path: Path) -> None:
    tasks.write(tmp_path, Classification(("Good", "bad", "good")))
    rows = [["train", "Good", 1], ["train", "bad", 4], ["train", "good", 3], ["dev", "Good", 9]]
    row_counts.write(tmp_path, [{"file": "train.tsv", "rows": rows, "bad": 0}], {})
    record = RunRecord("1", "toy", "toy.toml", str(tmp_path), "2026-11-27T12:00:00+00:00")
    assert note_of(record, "TsvExampleGen", {"examples": [str(tmp_path)]}) == "17 rows"
    assert record.node("TsvExampleGen").warnings == [
        "labels that look alike are classes of their own: 'Good' (1 row) and 'good' (3 rows)"
    ]


def trained(tmp_path: Path, *losses: float, guessed: float | None = 0.693) -> RunRecord:
    """A record after Trainer's node."""
    evaluations = [Evaluation(step, 0.7, loss) for step, loss in enumerate(losses, start=1)]
    chosen = [{"key": "training.epochs", "value": 20, "why": "few rows"}]
    history = History(422, 1, 1, "accuracy", evaluations, best_step=1, guessed_loss=guessed, chosen=chosen)
    return noted_training(tmp_path, history)


def noted_training(tmp_path: Path, history: History) -> RunRecord:
    """A record after Trainer's node, of this history."""
    history.write(tmp_path / HISTORY_FILE)
    record = RunRecord("1", "toy", "toy.toml", str(tmp_path), "2026-11-27T12:00:00+00:00")
    node = record.node("Trainer")
    node.note = note_of(record, node.id, {"model_run": [str(tmp_path)]})
    return record


def test_a_loss_like_that_of_guessing_is_warned_of_in_the_report(tmp_path: Path) -> None:
    record = trained(tmp_path, 0.69, 0.687)
    assert record.node("Trainer").warnings == [
        "next to nothing was learned: the loss on dev, at best 0.687, is that of guessing by the labels' shares in "
        "train (0.693); more training.epochs, another learning_rate or more rows may help"
    ]
    assert "next to nothing was learned" in printed(run_report.run_report(record, full=False))


def test_a_model_that_was_once_better_than_guessing_has_learned(tmp_path: Path) -> None:
    assert trained(tmp_path, 0.69, 0.5, 0.9).node("Trainer").warnings == []
    assert trained(tmp_path, 0.69, guessed=None).node("Trainer").warnings == []


def of_evaluations(steps: int, *found: tuple[float, float]) -> History:
    """Of evaluations with a metric and a loss each."""
    evaluations = [Evaluation(number, value, loss) for number, (value, loss) in enumerate(found, start=1)]
    return History(steps, 1, 1, "accuracy", evaluations, best_step=1, guessed_loss=1.6)


@pytest.mark.parametrize(
    ("steps", "found", "warned"),
    [
        (99, [(0.7, 0.6)], True),
        (99, [(0.7, 0.6), (0.75, 0.5)], True),
        (99, [(0.7, 0.6), (0.75, 0.59)], False),
        (100, [(0.7, 0.6), (0.75, 0.5)], False),
        # Those of pipeline/configs/intents.toml.
        (
            90,
            [(0.9167, 1.0708), (0.9667, 0.3894), (0.95, 0.2357), (0.95, 0.1922), (0.9667, 0.1815), (0.95, 0.1899)],
            False,
        ),
    ],
)
def test_few_steps_are_warned_of_where_the_loss_has_not_settled(
    steps: int, found: list[tuple[float, float]], warned: bool, tmp_path: Path
) -> None:
    warnings = noted_training(tmp_path, of_evaluations(steps, *found)).node("Trainer").warnings
    expected = [
        f"{steps} steps of training are few, and the loss on dev was still falling when they ended; more "
        "training.epochs, or a smaller batch_size, may learn more"
    ]
    assert warnings == (expected if warned else [])


@pytest.mark.parametrize(
    ("found", "warned"),
    [
        ([(0.5, 0.9), (0.6, 0.8), (0.68, 0.7)], True),
        ([(0.5, 0.9), (0.6, 0.8), (0.64, 0.7)], False),  # hardly any more
        ([(0.5, 0.9), (0.6, 0.8), (0.68, 0.85)], False),  # by chance: the loss says otherwise
        ([(0.6, 0.8), (0.68, 0.7)], False),  # nothing to compare with
        ([(0.83, 0.39), (0.84, 0.38), (0.845, 0.37)], False),
    ],
)
def test_a_metric_that_still_rises_is_warned_of(found: list[tuple[float, float]], warned: bool, tmp_path: Path) -> None:
    warnings = noted_training(tmp_path, of_evaluations(500, *found)).node("Trainer").warnings
    expected = [
        "dev accuracy was still rising when the training ended, from 0.6000 to 0.6800 in its last part; more "
        "training.epochs may learn more"
    ]
    assert warnings == (expected if warned else [])


def measured(tmp_path: Path, **splits: tuple[float, list[float], dict[str, tuple[float, list[float]]]]) -> RunRecord:
    """A record after the Evaluators, of accuracy with its interval and of other metrics with theirs."""
    record = begun(tmp_path)
    for split, (accuracy, ends, others) in splits.items():
        every = {"accuracy": (accuracy, ends), **others}
        summary = {
            "task": "classification",
            "headline": ["accuracy"],
            "labels": ["bad", "good"],
            "per_label": ["recall"],
            "metrics": {"candidate": {"": {name: value for name, (value, _) in every.items()}}},
            "intervals": {"candidate": {"": {name: of_metric for name, (_, of_metric) in every.items()}}},
            "confidence": 0.95,
        }
        (tmp_path / "summary.json").write_text(json.dumps(summary))
        node = record.node("Evaluator" if split == "dev" else "Evaluator.test")
        node.note = note_of(record, node.id, {"evaluation": [str(tmp_path)]})
    return record


def test_a_test_below_dev_is_warned_of_where_it_is_more_than_chance(tmp_path: Path) -> None:
    # A first run on 38 and 37 rows, and the movie reviews.
    record = measured(tmp_path, dev=(0.95, [0.83, 0.99], {}), test=(0.65, [0.49, 0.78], {}))
    (warning,) = record.node("Evaluator.test").warnings
    assert warning.startswith(
        "accuracy is 0.6500 on test and 0.9500 on dev, more than chance makes of equal rows: look"
    )
    assert record.node("Evaluator").note == "accuracy 0.9500 (0.830..0.990)"
    record = measured(tmp_path, dev=(0.8477, [0.825, 0.868], {}), test=(0.8396, [0.816, 0.861], {}))
    assert record.node("Evaluator.test").warnings == []
    record = measured(tmp_path, dev=(0.65, [0.49, 0.78], {}), test=(0.95, [0.83, 0.99], {}))
    assert record.node("Evaluator.test").warnings == []


def test_a_label_that_is_never_found_is_warned_of_where_dev_has_some_rows_of_it(tmp_path: Path) -> None:
    recalls = {"recall/bad": (0.0, [0.0, 0.28]), "recall/good": (1.0, [0.9, 1.0])}
    (warning,) = measured(tmp_path, dev=(0.9, [0.8, 0.95], recalls)).node("Evaluator").warnings
    assert warning == (
        "of no row of dev the model finds the label 'bad'; more rows of it, more training.epochs or class_weights = "
        '"balanced" may help'
    )
    # Two rows of it, or none: nobody can tell.
    recalls = {"recall/bad": (0.0, [0.0, 0.66]), "recall/good": (1.0, [0.9, 1.0])}
    assert measured(tmp_path, dev=(0.9, [0.8, 0.95], recalls)).node("Evaluator").warnings == []


def test_what_was_chosen_stands_in_the_report(tmp_path: Path) -> None:
    report = " ".join(printed(run_report.run_report(trained(tmp_path, 0.1), full=False)).split())
    assert "chosen training.epochs = 20: few rows" in report


def test_measures_that_an_older_profile_lacks_are_named(tmp_path: Path) -> None:
    found = {"version": "3", "measures": [{"exceeded": False}], "not_compared": ["vocabulary_coverage"]}
    (tmp_path / DRIFT_FILE).write_text(json.dumps(found))
    record = RunRecord("1", "toy", "toy.toml", str(tmp_path), "2026-11-27T12:00:00+00:00")
    assert note_of(record, "DriftValidator", {"anomalies": [str(tmp_path)]}) == (
        "like the data of version 3, vocabulary_coverage not compared: profile of an older form"
    )


def test_a_label_of_line_1_alone_is_warned_of_with_the_file_s_name_of_now(tmp_path: Path) -> None:
    tasks.write(tmp_path, Classification(("bad", "good", "klasse")))
    rows = [["train", "klasse", 1], ["train", "bad", 4], ["train", "good", 3]]
    row_counts.write(tmp_path, [{"file": "/gone/train.tsv", "rows": rows, "bad": 0, "alone": "klasse"}], {})
    record = begun(tmp_path)
    note_of(record, "TsvExampleGen", {"examples": [str(tmp_path)]})
    assert record.node("TsvExampleGen").warnings == [
        "label 'klasse' stands in line 1 of train.tsv alone: if that is a header, set data.header = true"
    ]


def test_what_a_run_needs_before_its_log_is_there_imports_no_tensorflow() -> None:
    """Whose messages would stand on the terminal."""
    code = "import pipeline.commands.run, pipeline.config.preflight, pipeline.runners.local, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert not {"tensorflow", "tfx", "apache_beam"} & set(done.stdout.split())

"""What every command shares: mistakes on the command line, and failures as JSON."""

import importlib
import inspect
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pipeline_runner
from components.common.exit_status import FAILED, REFUSED, WRONG_INPUT
from pipeline.commands import arguments, check, embed, named_models
from pipeline.reports import run_report
from pipeline.runs.record import NodeRecord, RunRecord

NOWHERE = {
    "run": "--config no.toml",
    "check": "--config no.toml",
    "show": "--root nowhere",
    "mistakes": "--root nowhere",
    "compare": "one another --root nowhere",
    "label-errors": "--root nowhere",
    "correct-labels": "reviewed.tsv --output corrected --root nowhere",
    "suggest": "--model nowhere rows.tsv --output to_label.tsv",
    "reproduce": "today --root nowhere",
    "predict": "--model nowhere text",
    "evaluate": "--model nowhere rows.tsv",
    "fill": "--model nowhere text",
    "match": "--model nowhere --queries q.tsv --corpus c.tsv",
    "check-data": "rows.tsv --against today --root nowhere",
    "versions": "--root nowhere",
    "prune": "--keep 1 --root nowhere",
}
"""Command -> a line that ends in a mistake."""


def has_json(command: str) -> bool:
    return "[--json]" in arguments.commands()[command].format_usage()


def test_the_commands_with_json_are_those_tried_here() -> None:
    assert {name for name in arguments.commands() if has_json(name)} == set(NOWHERE)


@pytest.mark.parametrize("command", NOWHERE)
def test_a_mistake_is_an_object_on_standard_output_with_json(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert pipeline_runner.main([command, *NOWHERE[command].split(), "--json"]) == WRONG_INPUT
    shown = capsys.readouterr()
    failure = json.loads(shown.out)["failure"]
    assert list(failure) == ["exit_status", "place", "rule", "remedy"]
    assert failure["exit_status"] == WRONG_INPUT
    assert shown.err.startswith(f"error: {failure['place']}: {failure['rule']}. {failure['remedy']}")


@pytest.mark.parametrize(
    "line", ["chekc --json", "check --js", "prune --keep 0 --json", "check --config c --jsn --json"]
)
def test_a_command_line_that_is_wrong_itself_is_one_too(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert pipeline_runner.main(line.split()) == WRONG_INPUT
    assert json.loads(capsys.readouterr().out)["failure"]["exit_status"] == WRONG_INPUT


def test_json_that_is_a_text_asks_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert pipeline_runner.main(["predict", "--model", "nowhere", "--", "--json"]) == WRONG_INPUT
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("raised", "failure"),
    [
        (
            OSError(28, "No space left on device", "out"),
            [FAILED, "out", "No space left on device", "Check the path, its permissions and the disk."],
        ),
        (KeyboardInterrupt(), [FAILED, "", "interrupted", "Run it again."]),
    ],
)
def test_other_failures_are_one_too(
    raised: BaseException, failure: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: object) -> int:
        raise raised

    monkeypatch.setattr(check, "execute", fails)
    assert pipeline_runner.main(["check", "--config", "c", "--json"]) == FAILED
    assert list(json.loads(capsys.readouterr().out)["failure"].values()) == failure


@pytest.mark.parametrize("full", ["stdout", "stderr"])
def test_where_one_stream_is_on_a_full_disk_the_other_tells_what_failed(full: str, tmp_path: Path) -> None:
    command = [sys.executable, pipeline_runner.__file__, "show", "--root", str(tmp_path), "--json"]
    with Path("/dev/full").open("w") as disk:
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, full: disk}
        done = subprocess.run(command, **streams, check=False, text=True)
    assert done.returncode == WRONG_INPUT
    if full == "stderr":
        assert json.loads(done.stdout)["failure"]["rule"] == "no run in it"
    else:
        assert done.stderr.startswith(f"error: {tmp_path}: no run in it.")
        assert done.stderr.count("\n") == 1


def test_a_failure_of_the_programs_own_has_an_object_and_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: object) -> int:
        raise KeyError("key")

    monkeypatch.setattr(check, "execute", fails)
    with pytest.raises(KeyError):
        pipeline_runner.main(["check", "--config", "c", "--json"])
    assert json.loads(capsys.readouterr().out)["failure"]["rule"] == "KeyError: 'key'"


def record(state: Any, **dev: Any) -> RunRecord:
    evaluation = {"metrics": {"candidate": {"": {"accuracy": 0.5}}}, "headline": ["accuracy"], "learned": {}, **dev}
    kept = RunRecord("20260102-030405", "toy", "toy.toml", "runs/toy/runs/20260102-030405", "now", state)
    kept.evaluations = {"dev": {"reasons": [], "per_label": [], "confusion": {}, "labels": [], **evaluation}}
    return kept


def said(kept: RunRecord) -> str:
    from pipeline.reports.tables import console

    target = console(open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with target.capture() as captured:
        target.print(run_report.run_report(kept, full=False))
        target.print(run_report.run_list([kept]))
    return captured.get()


def test_a_model_that_a_rollback_withdrew_is_not_said_to_be_refused_by_the_gate() -> None:
    withdrawn, refused = record("refused", blessed=True), record("refused", blessed=False, reasons=["accuracy is 0.1"])
    assert "blessed, not pushed: a rollback has withdrawn it" in said(withdrawn)
    assert "toy 20260102-030405  withdrawn" in said(withdrawn)
    assert "refused by the gate" not in said(withdrawn)
    assert "refused by the gate" in said(refused)
    for kept, rule in ((withdrawn, "a rollback took this model out of production"), (refused, "accuracy is 0.1")):
        failure = run_report.not_pushed(kept, "")
        assert failure is not None
        assert failure[:3] == (REFUSED, "toy 20260102-030405", rule)


def test_a_run_that_failed_tells_its_node_and_one_that_pushed_nothing() -> None:
    kept = record("failed")
    kept.nodes, kept.error = [NodeRecord("Transform", "failed")], "RuntimeError: no"
    failure = run_report.not_pushed(kept, "Run again.")
    assert failure is not None
    assert failure[:3] == (FAILED, "Transform", "failed: RuntimeError: no")
    assert run_report.not_pushed(record("pushed"), "") is None


@pytest.mark.parametrize(
    "line", ["predict --model m -5 --tokens", "match --model m --queries q --corpus c --query-co 2"]
)
def test_numbers_below_zero_and_beginnings_of_options_are_no_mistakes(line: str) -> None:
    parsed = arguments.parser("").parse_args(line.split())
    assert getattr(parsed, "text", ["-5"]) == ["-5"]
    assert getattr(parsed, "query_column", "2") == "2"


def test_the_line_to_try_works_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    *words, option, model, text = shlex.split(run_report.try_line(str(tmp_path / "model"), "classification"))
    assert (option, model, text) == ("--model", "model", "a text of yours")
    done = subprocess.run([*words, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "predict with a pushed model" in done.stdout.lower()


def test_the_line_to_try_is_the_console_commands_where_that_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "bin" / "bert-pipeline"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.orig_argv", ["python", str(command), "show"])
    assert run_report.try_line("model", "pair").startswith("bin/bert-pipeline predict --model model $'a text")
    monkeypatch.setenv("PATH", str(command.parent))
    assert run_report.try_line("model", "pair").startswith("bert-pipeline predict --model model $'a text")


def test_check_shows_the_first_rows_and_what_the_file_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.pipeline.config.test_bad_inputs import Box

    Box(tmp_path, monkeypatch).row("a film of " + "many " * 100 + "words\tgood")
    config = str(tmp_path / "run.toml")
    assert pipeline_runner.main(["check", "--config", config]) == 0
    short = capsys.readouterr().out
    lines = [line.split() for line in short.splitlines()]
    assert ["train", "good", "good", "film"] in lines
    assert ["dev", "bad", "the", "film", "is", "bad"] in lines
    (cut,) = [line for line in short.splitlines() if "many many" in line]
    assert cut.rstrip().endswith("…")
    assert len(cut) <= 120
    assert ["training.epochs", "1"] in lines
    assert "training.seed" not in short
    assert pipeline_runner.main(["check", "--config", config, "--all"]) == 0
    assert ["training.seed", "1"] in [line.split() for line in capsys.readouterr().out.splitlines()]
    assert pipeline_runner.main(["check", "--config", config, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rows"][1:] == [
        {"split": "train", "label": "good", "text": "good film"},
        {"split": "dev", "label": "good", "text": "the film is good"},
        {"split": "dev", "label": "bad", "text": "the film is bad"},
    ]
    assert document["training"]["seed"] == 1


@pytest.mark.parametrize("command", arguments.commands())
def test_every_option_is_read_by_its_command(command: str) -> None:
    module = importlib.import_module(f"pipeline.commands.{command.replace('-', '_')}")
    source = inspect.getsource(module)
    # What several commands read their options by.
    for shared in (named_models.model_of, embed.base_model_settings):
        if f"{shared.__name__}(" in source:
            source += inspect.getsource(shared)
    words = arguments.commands()[command].format_usage()
    options = set(re.findall(r"--([a-z-]+)", words))
    assert not {option for option in options if f".{option.replace('-', '_')}" not in source}
